import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import { Drop, type DropName } from "../contracts/drop.ts";
import type { OverlayPacket } from "../contracts/encapsulation.ts";
import type { Route } from "../contracts/ipam.ts";
import type { Flow } from "../contracts/policy.ts";
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
import { FakeLog } from "./node_fixture.ts";
import { bareBroadcasts } from "./broadcasts_fixture.ts";
import { Forwarder, icmpErrorRate } from "./forwarder.ts";
import { PortSet } from "./port_set.ts";

const [us, founder, other] = ["us", "founder", "other"] as [PeerId, PeerId, PeerId];
const ours = "10.40.0.1", ourFree = "10.40.0.9", others = "10.41.0.1", outside = "192.0.2.1";

function udp(source: string, destination: string, size = 0): OverlayPacket {
  const route = { source: parseAddress(source)!, destination: parseAddress(destination)! };
  const protocol = route.source.family === 4 ? GreProtocol.ipv4 : GreProtocol.ipv6;
  const payload = encodeUdp(route, { sourcePort: 1000, destinationPort: 53, payload: new Uint8Array(size) });
  return { protocol, payload, forwarded: false };
}

/** "destination from source icmp type.code", or "destination from source" for what is no ICMP. */
function shown({ payload }: OverlayPacket): string {
  const packet = decodeIp(payload);
  if (typeof packet === "number") return "malformed";
  const icmp = decodeIcmp(packet);
  const what = typeof icmp === "number" ? "" : ` icmp ${packet.payload[0]}.${packet.payload[1]}`;
  return `${formatAddress(packet.destination)} from ${formatAddress(packet.source)}${what}`;
}

class Rig {
  readonly clock = new SimClock();
  readonly drops = new DropCounts();
  readonly delivered: string[] = [];
  readonly sent: string[] = [];
  readonly judged: string[] = [];
  readonly kept: string[] = [];
  epoch = 0;
  changesMind = false;
  readonly log = new FakeLog();
  denied: Flow["direction"] | undefined;
  failing: Flow["direction"] | undefined;
  deliverDrop: Drop = Drop.none;
  sealDrop: Drop = Drop.none;
  pathMtu: number | undefined;
  routes: Route[] = [
    { prefix: parsePrefix("10.32.0.0/12")!, owner: founder },
    { prefix: parsePrefix("10.40.0.0/20")!, owner: us, grantedBy: founder },
    { prefix: parsePrefix("10.41.0.0/20")!, owner: other, grantedBy: founder },
    { prefix: parsePrefix("fd00::/64")!, owner: us },
    { prefix: parsePrefix("fd00:1::/64")!, owner: other },
  ];
  version = 1;
  readonly forwarder: Forwarder;
  #fromPort: (packet: OverlayPacket) => Drop = () => Drop.none;

  constructor(addresses: readonly string[] = [ours, "fd00::1"]) {
    const leases = addresses.map((text) => ({ owner: "node", address: parseAddress(text)!, bits: 12 }));
    const attached: AttachedPort = { owner: "node", leases, mtu: 1400, open: () => Promise.resolve() };
    const port = {
      deliver: (packet: OverlayPacket) => {
        if (this.deliverDrop === Drop.none) this.delivered.push(shown(packet));
        return this.deliverDrop;
      },
      receive: (handler: (packet: OverlayPacket) => Drop) => void (this.#fromPort = handler),
      attached: () => [attached],
    };
    this.forwarder = new Forwarder({
      self: us,
      port: new PortSet([port as unknown as Port]),
      routes: {
        routes: () => this.routes,
        version: () => this.version,
      },
      clock: this.clock,
      policy: {
        evaluate: (flow) => {
          if (flow.direction === this.failing) throw new Error("cannot judge");
          if (this.changesMind) this.epoch++;
          this.judged.push(`${flow.direction} ${flow.protocol} ${flow.destinationPort}`);
          return { allow: flow.direction !== this.denied, because: "test" };
        },
        gate: () => Promise.resolve(),
        forget: () => {},
        epoch: () => this.epoch,
      },
      judged: ({ direction, destinationPort }, allow) => {
        this.kept.push(`${direction} ${destinationPort} ${allow}`);
      },
      drops: this.drops,
      log: this.log,
      broadcasts: bareBroadcasts([other]),
      pathMtu: () => this.pathMtu,
      seal: (peer, packet) => {
        if (this.sealDrop === Drop.none) {
          this.sent.push(`${peer}${packet.forwarded ? " again" : ""}: ${shown(packet)}`);
        }
        return this.sealDrop;
      },
    });
  }

  port(packet: OverlayPacket): Drop {
    return this.#fromPort(packet);
  }

  /** Exactly these counters have moved, each by one, since the rig was made. */
  expect(drops: readonly DropName[], traffic: readonly [inwards: number, outwards: number] = [0, 0]): void {
    assert.deepEqual(this.drops.report(), Object.fromEntries(drops.map((name) => [name, 1])));
    const { packetsIn, packetsOut } = this.forwarder.traffic();
    assert.deepEqual([packetsIn, packetsOut], traffic);
  }
}

test("a packet for a peer is judged as egress, sealed and counted once", () => {
  const rig = new Rig();
  assert.equal(rig.port(udp(ours, others, 72)), Drop.none);
  assert.deepEqual(rig.sent, [`other: ${others} from ${ours}`]);
  assert.deepEqual(rig.judged, ["egress 17 53"]);
  rig.expect([], [0, 1]);
  assert.equal(rig.forwarder.traffic().bytesOut, 100);
});

test("a packet from a peer is judged as ingress, delivered and counted once", () => {
  const rig = new Rig();
  assert.equal(rig.forwarder.fromMesh(other, udp(others, ours, 72)), Drop.none);
  assert.deepEqual(rig.delivered, [`${ours} from ${others}`]);
  assert.deepEqual(rig.judged, ["ingress 17 53"]);
  rig.expect([], [1, 0]);
  assert.equal(rig.forwarder.traffic().bytesIn, 100);
});

test("a packet between two local endpoints is judged in both directions", () => {
  const rig = new Rig([ours, ourFree]);
  assert.equal(rig.port(udp(ours, ourFree)), Drop.none);
  assert.deepEqual(rig.judged, ["egress 17 53", "ingress 17 53"]);
  rig.expect([]);
});

for (const direction of ["egress", "ingress"] as const) {
  test(`a policy that denies ${direction} stops that direction only, without a word to the sender`, () => {
    const [out, into] = [new Rig(), new Rig()];
    out.denied = into.denied = direction;
    assert.equal(out.port(udp(ours, others)), direction === "egress" ? Drop.denied : Drop.none);
    out.expect(direction === "egress" ? ["denied"] : [], direction === "egress" ? [0, 0] : [0, 1]);
    assert.equal(
      into.forwarder.fromMesh(other, udp(others, ours)),
      direction === "ingress" ? Drop.denied : Drop.none,
    );
    into.expect(direction === "ingress" ? ["denied"] : [], [1, 0]);
    assert.equal(into.sent.length, 0);
  });
}

for (const direction of ["egress", "ingress"] as const) {
  test(`a policy that throws at ${direction} denies that packet, which is counted as denied, and costs no other`, () => {
    const rig = new Rig();
    rig.failing = direction;
    const failed = () =>
      direction === "egress" ? rig.port(udp(ours, others)) : rig.forwarder.fromMesh(other, udp(others, ours));
    assert.equal(failed(), Drop.denied);
    rig.expect(["denied"], [direction === "ingress" ? 1 : 0, 0]);
    assert.deepEqual([rig.sent, rig.delivered], [[], []]);
    rig.failing = undefined;
    assert.equal(failed(), Drop.none);
    rig.expect(["denied"], direction === "egress" ? [0, 1] : [2, 0]);
  });
}

test("a policy that throws at every packet is in the log at once and every ten seconds", async () => {
  const rig = new Rig();
  rig.failing = "egress";
  const logged = (packets: number) => {
    const before = rig.log.entries.length;
    for (let i = 0; i < packets; i++) rig.port(udp(ours, others));
    return rig.log.messages.slice(before);
  };
  assert.deepEqual(logged(100), ["The policy failed; the packet is denied"]);
  await rig.clock.advance(9_999);
  assert.deepEqual(logged(100), []);
  await rig.clock.advance(1);
  assert.equal(logged(100).length, 1);
  assert.deepEqual(rig.drops.report(), { denied: 300 });
});

test("what cannot be parsed is counted as that, from either side, and no traffic", () => {
  const packets: [OverlayPacket, DropName][] = [
    [{ protocol: GreProtocol.ipv4, payload: Uint8Array.of(0x45), forwarded: false }, "malformed"],
    [{ ...udp(ours, others), protocol: GreProtocol.ipv6 }, "malformed"],
    [{ protocol: 0x6558, payload: new Uint8Array(60), forwarded: false }, "unsupported"],
  ];
  for (const [packet, name] of packets) {
    const [out, into] = [new Rig(), new Rig()];
    assert.equal(out.port(packet), Drop[name]);
    out.expect([name]);
    assert.equal(into.forwarder.fromMesh(other, packet), Drop[name]);
    into.expect([name]);
  }
});

test("a source that is not the sender's goes nowhere, from either side", () => {
  const rig = new Rig();
  assert.equal(rig.port(udp(others, ours)), Drop.badSource);
  rig.expect(["badSource"]);
  for (const source of [ours, outside, "10.32.0.1"]) {
    const each = new Rig();
    assert.equal(each.forwarder.fromMesh(other, udp(source, ours)), Drop.badSource, source);
    each.expect(["badSource"], [1, 0]);
    assert.deepEqual([each.delivered, each.sent], [[], []]);
  }
});

test("an address of ours that nobody holds is answered from an address of ours", () => {
  const rig = new Rig();
  assert.equal(rig.forwarder.fromMesh(other, udp(others, ourFree)), Drop.noListener);
  assert.deepEqual(rig.sent, [`other: ${others} from ${ours} icmp 3.1`]);
  rig.expect(["noListener"], [1, 1]);
  const six = new Rig();
  assert.equal(six.forwarder.fromMesh(other, udp("fd00:1::1", "fd00::9")), Drop.noListener);
  assert.deepEqual(six.sent, ["other: fd00:1::1 from fd00::1 icmp 1.3"]);
});

test("the answer to a packet that was passed on goes to its source's owner, not to who passed it on", () => {
  const rig = new Rig();
  const packet = { ...udp(others, ourFree), forwarded: true };
  assert.equal(rig.forwarder.fromMesh(founder, packet), Drop.noListener);
  assert.deepEqual(rig.sent, [`other: ${others} from ${ours} icmp 3.1`]);
});

test("a local endpoint hears that an address is free, or that there is no route, and is told by whom", () => {
  const rig = new Rig();
  assert.equal(rig.port(udp(ours, ourFree)), Drop.noListener);
  assert.equal(rig.port(udp(ours, outside)), Drop.noRoute);
  assert.deepEqual(rig.delivered, [`${ours} from ${ours} icmp 3.1`, `${ours} from ${ours} icmp 3.0`]);
  rig.expect(["noListener", "noRoute"]);
});

test("about an ICMP error nobody is told anything", () => {
  const rig = new Rig();
  rig.forwarder.fromMesh(other, udp(others, ourFree));
  const [error] = rig.sent;
  assert.match(error!, /icmp 3\.1/);
  const silent = new Rig();
  const route = { source: parseAddress(others)!, destination: parseAddress(ourFree)! };
  const quoted = udp(others, ourFree).payload;
  const payload = new Uint8Array(28 + quoted.length);
  payload.set(encodeUdp(route, { sourcePort: 0, destinationPort: 0, payload: quoted }));
  payload[9] = 1;
  payload[20] = 3;
  const sum = headerSum(payload);
  payload[10] = sum >> 8;
  payload[11] = sum & 255;
  const packet = { protocol: GreProtocol.ipv4, payload, forwarded: false };
  assert.equal(silent.forwarder.fromMesh(other, packet), Drop.noListener);
  assert.deepEqual(silent.sent, []);
});

/** Of an IPv4 header of 20 bytes whose checksum is counted as zero. */
function headerSum(packet: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < 20; i += 2) if (i !== 10) sum += (packet[i]! << 8) | packet[i + 1]!;
  sum = (sum & 0xffff) + (sum >>> 16);
  return ~((sum & 0xffff) + (sum >>> 16)) & 0xffff;
}

test("a misdirected packet is passed on once and flagged; flagged already, it goes no further", () => {
  const rig = new Rig();
  assert.equal(rig.forwarder.fromMesh(founder, udp("10.32.0.1", others)), Drop.none);
  assert.deepEqual(rig.sent, [`other again: ${others} from 10.32.0.1`]);
  assert.deepEqual(rig.judged, [], "what only passes through is for its ends to judge");
  rig.expect([], [1, 1]);
  const again = { ...udp("10.32.0.1", others), forwarded: true };
  assert.equal(rig.forwarder.fromMesh(founder, again), Drop.loop);
  rig.expect(["loop"], [2, 1]);
});

test("what comes from the mesh for nobody is not ours, and not answered", () => {
  const rig = new Rig();
  assert.equal(rig.forwarder.fromMesh(other, udp(others, outside)), Drop.notOurs);
  rig.expect(["notOurs"], [1, 0]);
  assert.deepEqual(rig.sent, []);
});

test("the reasons of the session and of the port are the packet's own, counted once", () => {
  for (const name of ["noSession", "queueFull", "tooBig"] as const) {
    const rig = new Rig();
    rig.sealDrop = Drop[name];
    assert.equal(rig.port(udp(ours, others)), Drop[name]);
    rig.expect([name]);
  }
  for (const name of ["noListener", "tooBig", "denied", "badChecksum"] as const) {
    const rig = new Rig();
    rig.deliverDrop = Drop[name];
    assert.equal(rig.forwarder.fromMesh(other, udp(others, ours)), Drop[name]);
    rig.expect([name], [1, 0]);
  }
});

test("an answer that cannot be sent is counted beside the packet's own reason", () => {
  const rig = new Rig();
  rig.sealDrop = Drop.noSession;
  assert.equal(rig.forwarder.fromMesh(other, udp(others, ourFree)), Drop.noListener);
  rig.expect(["noListener", "noSession"], [1, 0]);
});

test("routes are read again when their version grows, and only then", () => {
  const rig = new Rig();
  assert.equal(rig.port(udp(ours, others)), Drop.none);
  rig.routes = rig.routes.filter(({ owner }) => owner !== other);
  assert.equal(rig.port(udp(ours, others)), Drop.none);
  rig.version++;
  rig.port(udp(ours, others));
  assert.deepEqual(rig.sent.map((line) => line.split(":")[0]), ["other", "other", "founder"]);
});

test("ICMP errors are 50 at once and 100 a second in the long run; every packet is counted all the same", async () => {
  assert.deepEqual(icmpErrorRate, { perSecond: 100, burst: 50 });
  const rig = new Rig();
  const refused = (times: number) => {
    const before = rig.delivered.length;
    for (let i = 0; i < times; i++) rig.port(udp(ours, outside));
    return rig.delivered.length - before;
  };
  assert.equal(refused(200), 50);
  await rig.clock.advance(100);
  assert.equal(refused(200), 10);
  await rig.clock.advance(60_000);
  assert.equal(refused(200), 50);
  assert.deepEqual(rig.drops.report(), { noRoute: 600 });
});

test("peers and local endpoints draw on one budget of ICMP errors", () => {
  const rig = new Rig();
  for (let i = 0; i < 40; i++) rig.port(udp(ours, outside));
  for (let i = 0; i < 40; i++) rig.forwarder.fromMesh(other, udp(others, ourFree));
  assert.deepEqual([rig.delivered.length, rig.sent.length], [40, 10]);
});

test("what the policy said may be kept if it is of the same mind still; of a fragment behind the first it may not", () => {
  const rig = new Rig();
  rig.port(udp(ours, others));
  rig.forwarder.fromMesh(other, udp(others, ours));
  rig.denied = "egress";
  rig.port(udp(ours, others));
  assert.deepEqual(rig.kept.splice(0), ["egress 53 true", "ingress 53 true", "egress 53 false"]);
  rig.denied = undefined;
  rig.changesMind = true;
  assert.equal(rig.port(udp(ours, others)), Drop.none);
  rig.changesMind = false;
  rig.failing = "egress";
  assert.equal(rig.port(udp(ours, others)), Drop.denied);
  rig.failing = undefined;
  for (const field of [0x2000, 0x0080]) {
    const fragment = udp(ours, others);
    writeU16(fragment.payload, 6, field);
    writeU16(fragment.payload, 10, 0);
    writeU16(fragment.payload, 10, checksum(fragment.payload, 0, 20));
    assert.equal(rig.port(fragment), Drop.none);
  }
  assert.deepEqual(rig.kept, ["egress 53 true"], "of the first");
});
