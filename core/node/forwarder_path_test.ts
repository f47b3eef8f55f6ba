import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import { Drop } from "../contracts/drop.ts";
import type { OverlayPacket } from "../contracts/encapsulation.ts";
import type { Route } from "../contracts/ipam.ts";
import type { AttachedPort, Port } from "../contracts/port.ts";
import type { PeerId } from "../contracts/values.ts";
import { formatAddress, parseAddress } from "../wire/address.ts";
import { checksum } from "../wire/checksum.ts";
import { writeU16 } from "../wire/field.ts";
import { GreProtocol } from "../wire/gre.ts";
import { decodeIcmp } from "../wire/icmp.ts";
import { decodeIp } from "../wire/ip.ts";
import { parsePrefix } from "../wire/prefix.ts";
import { encodeUdp } from "../wire/udp.ts";
import { DropCounts } from "./drop_counts.ts";
import { bareBroadcasts } from "./broadcasts_fixture.ts";
import { Forwarder, icmpErrorRate } from "./forwarder.ts";
import { silentLogger } from "./silent_logger.ts";
import { PortSet } from "./port_set.ts";

const [us, wide, narrow] = ["us", "wide", "narrow"] as [PeerId, PeerId, PeerId];
const paths: Readonly<Record<PeerId, number>> = { [wide]: 1_436, [narrow]: 636 };

/** A node with two peers: of one the path is wide, of the other narrow. */
class Rig {
  readonly drops = new DropCounts();
  readonly delivered: string[] = [];
  readonly sent: string[] = [];
  readonly forwarder: Forwarder;
  #fromPort: (packet: OverlayPacket) => Drop = () => Drop.none;

  constructor() {
    const leases = ["10.40.0.1", "fd00::1"].map((text) => ({
      owner: "node",
      address: parseAddress(text)!,
      bits: 12,
    }));
    const attached: AttachedPort = { owner: "node", leases, mtu: 9_000, open: () => Promise.resolve() };
    const port = {
      deliver: (packet: OverlayPacket) => {
        this.delivered.push(shown(packet));
        return Drop.none;
      },
      receive: (handler: (packet: OverlayPacket) => Drop) => void (this.#fromPort = handler),
      attached: () => [attached],
    };
    const routes: Route[] = [
      ["10.40.0.0/16", us],
      ["10.41.0.0/16", wide],
      ["10.42.0.0/16", narrow],
      ["fd00::/64", us],
      ["fd00:1::/64", wide],
      ["fd00:2::/64", narrow],
    ].map(([prefix, owner]) => ({ prefix: parsePrefix(prefix!)!, owner: owner as PeerId, grantedBy: wide }));
    this.forwarder = new Forwarder({
      self: us,
      port: new PortSet([port as unknown as Port]),
      routes: { routes: () => routes, version: () => 1 },
      clock: new SimClock(),
      policy: {
        evaluate: () => ({ allow: true, because: "test" }),
        gate: () => Promise.resolve(),
        forget: () => {},
        epoch: () => 0,
      },
      drops: this.drops,
      log: silentLogger,
      broadcasts: bareBroadcasts([wide, narrow]),
      pathMtu: (peer) => paths[peer],
      seal: (peer, packet) => {
        this.sent.push(`${peer}: ${shown(packet)}`);
        return Drop.none;
      },
    });
  }

  port(packet: OverlayPacket): Drop {
    return this.#fromPort(packet);
  }
}

function shown({ payload }: OverlayPacket): string {
  const packet = decodeIp(payload);
  assert.ok(typeof packet === "object");
  const icmp = decodeIcmp(packet);
  const isTooBig = typeof icmp === "object" && "mtu" in icmp && icmp.kind === "packetTooBig";
  const what = isTooBig ? `at most ${icmp.mtu}` : `${payload.length}`;
  return `${formatAddress(packet.destination)} from ${formatAddress(packet.source)}, ${what}`;
}

/** `length` bytes in all. */
function udp(source: string, destination: string, length: number, mayFragment = false): OverlayPacket {
  const route = { source: parseAddress(source)!, destination: parseAddress(destination)! };
  const { family } = route.source;
  const data = new Uint8Array(length - (family === 4 ? 28 : 48));
  const payload = encodeUdp(route, { sourcePort: 1000, destinationPort: 53, payload: data });
  if (family === 4) {
    payload[6] = mayFragment ? 0 : 0x40;
    writeU16(payload, 10, 0);
    writeU16(payload, 10, checksum(payload, 0, 20));
  }
  return { protocol: family === 4 ? GreProtocol.ipv4 : GreProtocol.ipv6, payload, forwarded: false };
}

test("a packet larger than the path is not sent, and its sender learns what passes, in both families", () => {
  const rig = new Rig();
  assert.equal(rig.port(udp("10.40.0.1", "10.41.0.1", 1_437)), Drop.tooBig);
  assert.equal(rig.port(udp("fd00::1", "fd00:1::1", 1_437)), Drop.tooBig);
  assert.deepEqual(rig.sent, []);
  assert.deepEqual(rig.delivered, [
    "10.40.0.1 from 10.40.0.1, at most 1436",
    "fd00::1 from fd00::1, at most 1436",
  ]);
  assert.deepEqual(rig.drops.report(), { tooBig: 2 });
});

test("one that fits, by a byte, is sent", () => {
  const rig = new Rig();
  assert.equal(rig.port(udp("10.40.0.1", "10.41.0.1", 1_436)), Drop.none);
  assert.deepEqual(rig.sent, ["wide: 10.41.0.1 from 10.40.0.1, 1436"]);
});

test("IPv4 that may be fragmented is, and counts as dropped nowhere", () => {
  const rig = new Rig();
  assert.equal(rig.port(udp("10.40.0.1", "10.42.0.1", 1_300, true)), Drop.none);
  assert.deepEqual(rig.sent.map((each) => each.split(", ")[1]), ["636", "636", "68"]);
  assert.deepEqual(rig.drops.report(), {});
});

test("over a narrow path IPv6 of 1,280 bytes is sent, and more is told that 1,280 pass", () => {
  const rig = new Rig();
  assert.equal(rig.port(udp("fd00::1", "fd00:2::1", 1_280)), Drop.none);
  assert.deepEqual(rig.sent, ["narrow: fd00:2::1 from fd00::1, 1280"]);
  assert.equal(rig.port(udp("fd00::1", "fd00:2::1", 1_281)), Drop.tooBig);
  assert.deepEqual(rig.delivered, ["fd00::1 from fd00::1, at most 1280"]);
});

test("a packet that is passed on is judged by the path to its next node, and the sender behind the mesh is told", () => {
  const rig = new Rig();
  assert.equal(rig.forwarder.fromMesh(wide, udp("10.41.0.7", "10.42.0.1", 637)), Drop.tooBig);
  assert.deepEqual(rig.sent, ["wide: 10.41.0.7 from 10.40.0.1, at most 636"]);
});

test("neither packets to nowhere nor those of members keep a sender here from hearing what passes", () => {
  const rig = new Rig();
  for (let i = 0; i < 200; i++) {
    assert.equal(rig.port(udp("10.40.0.1", "10.40.0.99", 100)), Drop.noListener);
    assert.equal(rig.forwarder.fromMesh(wide, udp("10.41.0.7", "10.42.0.1", 637)), Drop.tooBig);
  }
  assert.equal(rig.delivered.length + rig.sent.length, icmpErrorRate.burst);
  assert.equal(rig.port(udp("10.40.0.1", "10.41.0.1", 1_437)), Drop.tooBig);
  assert.equal(rig.delivered.at(-1), "10.40.0.1 from 10.40.0.1, at most 1436");
});
