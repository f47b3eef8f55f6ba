import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import { MemoryHost } from "../../tests/sim/memory_links.ts";
import { memoryPort, PacketTap } from "../../plugins/memory_port/mod.ts";
import { Drop, type DropName } from "../contracts/drop.ts";
import type { OverlayPacket } from "../contracts/encapsulation.ts";
import type { Route } from "../contracts/ipam.ts";
import type { Flow } from "../contracts/policy.ts";
import type { Port } from "../contracts/port.ts";
import type { PeerId } from "../contracts/values.ts";
import { formatAddress, parseAddress } from "../wire/address.ts";
import { encodeEthernet } from "../wire/ethernet.ts";
import { readU16 } from "../wire/field.ts";
import { GreProtocol } from "../wire/gre.ts";
import { decodeIp } from "../wire/ip.ts";
import { broadcastMac, formatMac, macOfAddress, macOfGroup, parseMac } from "../wire/mac.ts";
import { parsePrefix } from "../wire/prefix.ts";
import { encodeUdp } from "../wire/udp.ts";
import { DropCounts } from "./drop_counts.ts";
import { bareBroadcasts } from "./broadcasts_fixture.ts";
import { Forwarder } from "./forwarder.ts";
import { PortSet } from "./port_set.ts";
import { silentLogger } from "./silent_logger.ts";

const [us, other, third] = ["us", "other", "third"] as [PeerId, PeerId, PeerId];
const [own, web, db, remote, group] = [
  "10.40.0.1",
  "10.40.0.5",
  "10.40.0.6",
  "10.41.0.1",
  "239.1.2.3",
] as const;
const macOf = (text: string) => macOfAddress(parseAddress(text)!);
/** Of `db`: somebody has chosen it. */
const chosen = parseMac("02:00:00:00:00:06")!;
const { signal } = new AbortController();

function udp(source: string, destination: string): Uint8Array {
  const route = { source: parseAddress(source)!, destination: parseAddress(destination)! };
  return encodeUdp(route, { sourcePort: 1000, destinationPort: 53, payload: new Uint8Array(8) });
}

function frame(source: Uint8Array, destination: Uint8Array, payload: Uint8Array, type = 0x0800): Uint8Array {
  return encodeEthernet(destination, source, type, payload);
}

/** "who asks whom": an Ethernet ARP request of 10.40.0.5. */
function arp(target: string): Uint8Array {
  const [from, to] = [parseAddress(web)!.bytes, parseAddress(target)!.bytes];
  const message = [0, 1, 8, 0, 6, 4, 0, 1, ...macOf(web), ...from, 0, 0, 0, 0, 0, 0, ...to];
  return frame(macOf(web), broadcastMac, Uint8Array.from(message), 0x0806);
}

function shownIp(payload: Uint8Array): string {
  const packet = decodeIp(payload);
  if (typeof packet === "number") return "malformed";
  const about = packet.protocol === 1 ? ` icmp ${packet.payload[0]}.${packet.payload[1]}` : "";
  return `${formatAddress(packet.source)} > ${formatAddress(packet.destination)}${about}`;
}

function shownFrame(bytes: Uint8Array): string {
  const type = readU16(bytes, 12);
  const what = type === 0x0806 ? "arp" : type === 0x0800 ? shownIp(bytes.subarray(14)) : `type ${type}`;
  return `${formatMac(bytes.subarray(6, 12))} > ${formatMac(bytes.subarray(0, 6))} ${what}`;
}

function shown({ protocol, payload }: OverlayPacket): string {
  return protocol === GreProtocol.ethernet ? `frame ${shownFrame(payload)}` : shownIp(payload);
}

/** A node with an endpoint in the process, `web`, and `db` on links; two peers have sessions. */
class Rig {
  readonly drops = new DropCounts();
  readonly host = new MemoryHost("web", "db");
  readonly tap = new PacketTap();
  readonly sent: string[] = [];
  readonly ports: PortSet;
  readonly forwarder: Forwarder;
  readonly judged: string[] = [];
  denied: Flow["direction"] | undefined;
  sealDrop: Drop = Drop.none;

  constructor(isRootless = false) {
    const inside: Port = memoryPort({ tap: this.tap }).create(undefined as never);
    const links: Port = this.host.plugin().create(undefined as never);
    this.ports = new PortSet(isRootless ? [inside] : [inside, links]);
    const routes: Route[] = [
      { prefix: parsePrefix("10.40.0.0/16")!, owner: us },
      { prefix: parsePrefix("10.41.0.0/16")!, owner: other },
      { prefix: parsePrefix("10.42.0.0/16")!, owner: third },
    ];
    this.forwarder = new Forwarder({
      self: us,
      port: this.ports,
      routes: { routes: () => routes, version: () => 1 },
      clock: new SimClock(),
      policy: {
        evaluate: ({ direction, destination }) => {
          this.judged.push(`${direction} ${formatAddress(destination)}`);
          return { allow: direction !== this.denied, because: "test" };
        },
        gate: () => Promise.resolve(),
        forget: () => {},
        epoch: () => 0,
      },
      drops: this.drops,
      log: silentLogger,
      broadcasts: bareBroadcasts([other, third]),
      pathMtu: () => undefined,
      seal: (peer, packet) => {
        if (this.sealDrop === Drop.none) this.sent.push(`${peer}: ${shown(packet)}`);
        return this.sealDrop;
      },
    });
  }

  static async attached(): Promise<Rig> {
    const rig = new Rig();
    await rig.attach("node", own);
    await rig.attach("netns:web", web);
    await rig.attach("netns:db", db, chosen);
    return rig;
  }

  async attach(owner: string, text: string, mac?: Uint8Array): Promise<void> {
    const leases = [{ owner, address: parseAddress(text)!, bits: 16 }];
    const place = owner === "node" ? {} : { place: { owner, path: "" } };
    const link = mac === undefined ? {} : { link: { mac } };
    await (await this.ports.attach({ owner, leases, mtu: 1400, ...place, ...link }, signal)).open();
  }

  /** A frame from a peer. */
  mesh(from: PeerId, payload: Uint8Array, forwarded = false): Drop {
    return this.forwarder.fromMesh(from, { protocol: GreProtocol.ethernet, payload, forwarded });
  }

  get frames(): readonly string[] {
    return this.host.frames.map(shownFrame);
  }

  get inside(): readonly string[] {
    return this.tap.delivered.map(shown);
  }

  expect(drops: readonly DropName[], traffic: readonly [inwards: number, outwards: number] = [0, 0]): void {
    assert.deepEqual(this.drops.report(), Object.fromEntries(drops.map((name) => [name, 1])));
    const { packetsIn, packetsOut } = this.forwarder.traffic();
    assert.deepEqual([packetsIn, packetsOut], traffic);
  }
}

test("a frame to a remote address crosses the mesh as the packet that it holds", async () => {
  const rig = await Rig.attached();
  assert.equal(rig.host.send(frame(macOf(web), macOf(remote), udp(web, remote))), Drop.none);
  assert.deepEqual(rig.sent, [`other: ${web} > ${remote}`]);
  assert.deepEqual(rig.judged, [`egress ${remote}`]);
  rig.expect([], [0, 1]);
});

test("a packet from the mesh reaches a link as a frame, with the MAC that the interface has", async () => {
  const rig = await Rig.attached();
  for (const to of [web, db]) {
    const packet = { protocol: GreProtocol.ipv4, payload: udp(remote, to), forwarded: false };
    assert.equal(rig.forwarder.fromMesh(other, packet), Drop.none);
  }
  assert.deepEqual(rig.frames, [
    `0a:5e:0a:29:00:01 > 0a:5e:0a:28:00:05 ${remote} > ${web}`,
    `0a:5e:0a:29:00:01 > 02:00:00:00:00:06 ${remote} > ${db}`,
  ]);
  rig.expect([], [2, 0]);
});

test("links and the endpoint in the process reach each other", async () => {
  const rig = await Rig.attached();
  assert.equal(rig.host.send(frame(macOf(web), macOf(own), udp(web, own))), Drop.none);
  assert.deepEqual(rig.inside, [`${web} > ${own}`]);
  assert.equal(
    rig.tap.inject({ protocol: GreProtocol.ipv4, payload: udp(own, db), forwarded: false }),
    Drop.none,
  );
  assert.deepEqual(rig.frames, [`0a:5e:0a:28:00:01 > 02:00:00:00:00:06 ${own} > ${db}`]);
  rig.expect([]);
});

test("ARP for what is elsewhere or in the process is answered on the link, and never crosses the mesh", async () => {
  const rig = await Rig.attached();
  for (const target of [remote, own, db]) assert.equal(rig.host.send(arp(target)), Drop.none);
  assert.deepEqual(rig.frames, [
    "0a:5e:0a:29:00:01 > 0a:5e:0a:28:00:05 arp",
    "0a:5e:0a:28:00:01 > 0a:5e:0a:28:00:05 arp",
  ]);
  assert.deepEqual(rig.sent, []);
  rig.expect([]);
});

test("multicast goes once to every peer, and what cannot go to one is counted for that one", async () => {
  const rig = await Rig.attached();
  const all = frame(macOf(web), macOfGroup(parseAddress(group)!), udp(web, group));
  assert.equal(rig.host.send(all), Drop.none);
  const text = `frame 0a:5e:0a:28:00:05 > 01:00:5e:01:02:03 ${web} > ${group}`;
  assert.deepEqual(rig.sent, [`other: ${text}`, `third: ${text}`]);
  rig.expect([], [0, 2]);
  rig.sealDrop = Drop.queueFull;
  assert.equal(rig.host.send(all), Drop.none);
  assert.deepEqual(rig.drops.report(), { queueFull: 2 });
});

test("multicast from a peer reaches the links once, and is nothing to a node without links", async () => {
  const all = frame(macOf(remote), macOfGroup(parseAddress(group)!), udp(remote, group));
  const [rig, rootless] = [await Rig.attached(), new Rig(true)];
  await rootless.attach("node", own);
  assert.equal(rig.mesh(other, all), Drop.none);
  assert.deepEqual(rig.frames, [`0a:5e:0a:29:00:01 > 01:00:5e:01:02:03 ${remote} > ${group}`]);
  assert.deepEqual(rig.sent, [], "each node delivers, none passes on");
  assert.equal(rootless.mesh(other, all), Drop.none);
  assert.deepEqual([rootless.inside, rootless.sent], [[], []]);
  for (const each of [rig, rootless]) each.expect([], [1, 0]);
});

test("what a peer may not send is dropped and counted once, and reaches nobody", async () => {
  const cases: readonly (readonly [DropName, Uint8Array, number])[] = [
    ["badSource", frame(macOf(remote), macOf(web), udp("10.42.0.1", web)), 1],
    ["loop", frame(macOf(web), macOf(db), udp(remote, db)), 1],
    ["notOurs", frame(macOf(remote), macOf("10.40.0.9"), udp(remote, web)), 1],
    ["unsupported", frame(macOf(remote), broadcastMac, new Uint8Array(28), 0x0806), 0],
    ["malformed", new Uint8Array(13), 0],
  ];
  for (const [name, bytes, counted] of cases) {
    const rig = await Rig.attached();
    assert.equal(rig.mesh(other, bytes), Drop[name], name);
    rig.expect([name], [counted, 0]);
    assert.deepEqual([rig.frames, rig.sent], [[], []]);
  }
  const rig = await Rig.attached();
  const good = frame(macOf(remote), macOf(web), udp(remote, web));
  assert.equal(rig.mesh(other, good, true), Drop.malformed, "frames are never passed on");
  assert.equal(rig.mesh(other, good), Drop.none);
});

test("a link that says it is somebody else goes nowhere", async () => {
  const rig = await Rig.attached();
  assert.equal(rig.host.send(frame(macOf(web), macOf(remote), udp(db, remote))), Drop.badSource);
  assert.equal(
    rig.host.send(frame(parseMac("02:00:00:00:00:99")!, macOf(remote), udp(web, remote))),
    Drop.badSource,
  );
  assert.deepEqual(rig.drops.report(), { badSource: 2 });
  assert.deepEqual(rig.sent, []);
});

test("policy judges packets in frames of every way, and denies without a word", async () => {
  const all = macOfGroup(parseAddress(group)!);
  const out = await Rig.attached();
  out.denied = "egress";
  assert.equal(out.host.send(frame(macOf(web), macOf(remote), udp(web, remote))), Drop.denied);
  assert.equal(out.host.send(frame(macOf(web), all, udp(web, group))), Drop.denied);
  assert.deepEqual(out.drops.report(), { denied: 2 });
  const into = await Rig.attached();
  into.denied = "ingress";
  assert.equal(into.mesh(other, frame(macOf(remote), all, udp(remote, group))), Drop.denied);
  assert.equal(into.mesh(other, frame(macOf(remote), macOf(web), udp(remote, web))), Drop.denied);
  assert.deepEqual([out.sent, into.frames], [[], []]);
});

test("a link hears of what cannot be reached as a frame from the node's own address", async () => {
  const rig = await Rig.attached();
  const free = "10.40.0.99";
  assert.equal(rig.host.send(frame(macOf(web), macOf(free), udp(web, free))), Drop.noListener);
  assert.deepEqual(rig.frames, [`0a:5e:0a:28:00:01 > 0a:5e:0a:28:00:05 ${own} > ${web} icmp 3.1`]);
  rig.expect(["noListener"]);
});

test("a packet to elsewhere by way of the node itself is refused in words, for the node is the way out", async () => {
  const rig = await Rig.attached();
  assert.equal(rig.host.send(frame(macOf(web), macOf(own), udp(web, "192.0.2.1"))), Drop.noRoute);
  assert.deepEqual(rig.frames, [`0a:5e:0a:28:00:01 > 0a:5e:0a:28:00:05 ${own} > ${web} icmp 3.0`]);
  rig.expect(["noRoute"]);
});

test("a frame of another kind goes to the owner of its MAC, judged by the port alone", async () => {
  const rig = await Rig.attached();
  assert.equal(rig.host.send(frame(macOf(web), macOf(remote), new Uint8Array(46), 0x88b5)), Drop.none);
  assert.deepEqual(rig.sent, ["other: frame 0a:5e:0a:28:00:05 > 0a:5e:0a:29:00:01 type 34997"]);
  assert.deepEqual(rig.judged, []);
  rig.expect([], [0, 1]);
});

test("a detached link gets nothing more", async () => {
  const rig = await Rig.attached();
  await rig.ports.detach("netns:web");
  const packet = { protocol: GreProtocol.ipv4, payload: udp(remote, web), forwarded: false };
  assert.equal(rig.forwarder.fromMesh(other, packet), Drop.noListener);
  assert.deepEqual(rig.frames, []);
  assert.equal(rig.host.send(frame(macOf(web), macOf(remote), udp(web, remote))), Drop.loop);
});
