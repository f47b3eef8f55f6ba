import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { Drop } from "../contracts/drop.ts";
import type { PeerId } from "../contracts/values.ts";
import { concatBytes } from "../wire/bytes.ts";
import { arp, groupReport, neighbour, routerSolicitation } from "../wire/captured_frames.ts";
import { hex } from "../wire/captured_packets.ts";
import { encodeEthernet, EtherType } from "../wire/ethernet.ts";
import { buildIcmp } from "../wire/icmp.ts";
import type { MeshFrameDecision } from "./link.ts";
import {
  etherTypeOf,
  fixedMac,
  founder,
  frameOf,
  type FrameSpec,
  ip,
  linkView,
  macOf,
  other,
  packetOf,
  router,
  us,
} from "./link_fixture.ts";
import { frameFromMesh, frameOfPacket } from "./link_from_mesh.ts";

const dropped = (drop: Drop): MeshFrameDecision => ({ to: "nowhere", drop });
const decide = (spec: FrameSpec, from: PeerId = other) => frameFromMesh(frameOf(spec), from, linkView());
const broadcast = "ff:ff:ff:ff:ff:ff";

test("broadcast and multicast of a peer reach the links as they are", () => {
  const groups: FrameSpec[] = [
    { from: "10.41.0.9", to: "255.255.255.255", toMac: broadcast },
    { from: "10.41.0.9", to: "10.47.255.255", toMac: broadcast },
    { from: "10.41.0.9", to: "224.0.0.251" },
    { from: "10.41.0.9", to: "224.0.0.251", fromMac: "02:42:ac:11:00:09" },
    { from: "fd00:41::9", to: "ff02::fb", fromMac: "10.41.0.9" },
    { from: "fe80::85e:aff:fe29:9", to: "ff02::fb", fromMac: "10.41.0.9" },
  ];
  for (const spec of groups) assert.deepEqual(decide(spec), { to: "links", frame: frameOf(spec) });
});

test("a frame to a derived MAC reaches who holds its address, by the MAC that one really has", () => {
  const to = "203.0.113.7";
  const plain: FrameSpec = { from: "10.41.0.9", to, toMac: "10.40.0.2" };
  assert.deepEqual(decide(plain), { to: "links", frame: frameOf(plain) });
  const fixed: FrameSpec = { from: "10.41.0.9", to, toMac: "10.40.0.3" };
  assert.deepEqual(decide(fixed), { to: "links", frame: frameOf({ ...fixed, toMac: "02:42:ac:11:00:02" }) });
  const six: FrameSpec = { from: "fd00:41::9", to: "2001:db8::1", toMac: "fd00:40::2" };
  assert.deepEqual(decide(six), { to: "links", frame: frameOf({ ...six, toMac: "10.40.0.2" }) });
});

test("a frame is not copied where its MAC is right, and not changed where it is not", () => {
  const right = frameOf({ from: "10.41.0.9", to: "203.0.113.7", toMac: "10.40.0.2" });
  const decision = frameFromMesh(right, other, linkView());
  assert.ok(decision.to === "links" && decision.frame === right);
  const wrong = frameOf({ from: "10.41.0.9", to: "203.0.113.7", toMac: "10.40.0.3" });
  const before = new Uint8Array(wrong);
  frameFromMesh(wrong, other, linkView());
  assert.deepEqual(wrong, before);
});

test("a frame to a MAC that no interface here has, nor an address of one, is not ours", () => {
  for (const toMac of ["10.40.0.1", "10.40.0.99", "10.32.0.1", "fd00:41::8", "02:42:ac:11:00:03"]) {
    assert.deepEqual(decide({ from: "10.41.0.9", to: "203.0.113.7", toMac }), dropped(Drop.notOurs), toMac);
  }
});

test("a peer sends from its own range and from no other", () => {
  for (const from of ["10.32.0.1", "10.40.0.2", "10.40.0.99", "192.168.7.9", "192.0.2.1", "0.0.0.0"]) {
    const spec: FrameSpec = { from, to: "224.0.0.251", fromMac: "10.41.0.9" };
    assert.deepEqual(decide(spec), dropped(Drop.badSource), from);
    assert.deepEqual(decide({ ...spec, to: "10.40.0.2" }), dropped(Drop.badSource), from);
  }
  for (const from of ["fd00:40::2", "fd00::1", "::", "2001:db8::1"]) {
    const spec: FrameSpec = { from, to: "ff02::fb", fromMac: "10.41.0.9" };
    assert.deepEqual(decide(spec), dropped(Drop.badSource), from);
  }
  assert.deepEqual(decide({ from: "10.41.0.9", to: "224.0.0.251" }, founder), dropped(Drop.badSource));
  assert.equal(decide({ from: "192.168.7.9", to: "224.0.0.251" }, router).to, "links");
});

test("a device that a member says it has takes no frames from an interface elsewhere with the same MAC", () => {
  // `other` says that it has a device with this MAC; the interface of an endpoint of `founder` has it.
  const spec: FrameSpec = { from: "10.32.0.9", to: "224.0.0.251", fromMac: "52:54:00:00:00:09" };
  assert.deepEqual(decide(spec, founder), { to: "links", frame: frameOf(spec) });
  assert.deepEqual(decide({ ...spec, from: "192.168.50.9" }, founder), dropped(Drop.badSource));
  const frame = encodeEthernet(macOf(broadcast), macOf("52:54:00:00:00:09"), 0x88b5, hex("01"));
  assert.deepEqual(frameFromMesh(frame, founder, linkView()), dropped(Drop.badSource));
});

test("nobody sends from our range, not even we ourselves", () => {
  const spec: FrameSpec = { from: "10.40.0.99", to: "224.0.0.251", fromMac: "10.41.0.9" };
  for (const from of [founder, other, router]) assert.deepEqual(decide(spec, from), dropped(Drop.badSource));
  const ours: FrameSpec = { from: "10.40.0.2", to: "224.0.0.251" };
  assert.deepEqual(decide(ours, us), dropped(Drop.loop));
});

test("a link-local source is a peer's only with the MAC it is made of, and only to groups", () => {
  const spec: FrameSpec = { from: "fe80::85e:aff:fe29:9", to: "ff02::fb", fromMac: "10.41.0.9" };
  assert.deepEqual(decide({ ...spec, fromMac: "10.41.0.8" }), dropped(Drop.badSource));
  assert.deepEqual(decide(spec, founder), dropped(Drop.badSource));
  assert.deepEqual(decide({ ...spec, to: "fd00:40::2" }), dropped(Drop.badSource));
  const strange = { from: "fe80::42:acff:fe11:9", to: "ff02::fb", fromMac: "02:42:ac:11:00:09" };
  assert.deepEqual(decide(strange), dropped(Drop.badSource));
});

test("a frame from a MAC of this node has gone in a circle", () => {
  for (const fromMac of ["10.40.0.1", "10.40.0.2", "10.40.0.3", "fd00:40::3", "02:42:ac:11:00:02"]) {
    const spec: FrameSpec = { from: "10.41.0.9", to: "224.0.0.251", fromMac };
    assert.deepEqual(decide(spec), dropped(Drop.loop), fromMac);
  }
});

test("ARP, neighbour discovery and memberships in groups do not come from the mesh, tagged or not", () => {
  const frames = [...Object.values(arp), ...Object.values(neighbour), groupReport, routerSolicitation];
  for (const frame of frames) {
    assert.deepEqual(frameFromMesh(frame, founder, linkView()), dropped(Drop.unsupported));
    const tagged = concatBytes(frame.subarray(0, 12), hex("81000064"), frame.subarray(12));
    assert.deepEqual(frameFromMesh(tagged, founder, linkView()), dropped(Drop.unsupported));
  }
});

/** Of a peer, with hop limit 255, which no node lowers. */
function advertisement(type: number, to: string): Uint8Array {
  const route = { source: ip("fd00:41::9"), destination: ip(to), hopLimit: 255 };
  return buildIcmp(route, { type, code: 0, rest: 0 }, new Uint8Array(24));
}

test("router advertisements do not come from the mesh, neither in a frame nor without one", () => {
  for (const type of [134, 136, 137]) {
    for (const [to, mac] of [["ff02::1", "33:33:00:00:00:01"], ["fd00:40::2", "fd00:40::2"]] as const) {
      const packet = advertisement(type, to);
      const frame = encodeEthernet(macOf(mac), macOf("fd00:41::9"), EtherType.ipv6, packet);
      assert.deepEqual(frameFromMesh(frame, other, linkView()), dropped(Drop.unsupported));
      const bare = { protocol: EtherType.ipv6, payload: packet, forwarded: false };
      assert.equal(frameOfPacket(bare, fixedMac), Drop.unsupported);
    }
  }
});

test("a packet to one host in a frame to a group is malformed", () => {
  const spec: FrameSpec = { from: "10.41.0.9", to: "10.40.0.2", toMac: "01:00:5e:00:00:fb" };
  assert.deepEqual(decide(spec), dropped(Drop.malformed));
});

test("a frame that is no IP is taken if its MAC is the peer's", () => {
  const frame = (source: string, to = broadcast) =>
    encodeEthernet(macOf(to), macOf(source), 0x88b5, hex("01"));
  const decision = (source: string, to?: string) => frameFromMesh(frame(source, to), other, linkView());
  assert.deepEqual(decision("10.41.0.9"), { to: "links", frame: frame("10.41.0.9") });
  assert.deepEqual(decision("10.32.0.1"), dropped(Drop.badSource));
  assert.deepEqual(decision("02:42:ac:11:00:09"), dropped(Drop.badSource), "nobody knows whose it is");
  assert.deepEqual(decision("10.41.0.9", "01:80:c2:00:00:0e"), dropped(Drop.unsupported));
});

test("a cut frame is malformed", () => {
  const frame = frameOf({ from: "10.41.0.9", to: "224.0.0.251" });
  for (let length = 0; length < frame.length; length++) {
    assert.deepEqual(frameFromMesh(frame.subarray(0, length), other, linkView()), dropped(Drop.malformed));
  }
});

test("a packet for an interface comes from the MAC that its source stands for, without padding", () => {
  for (const [from, to] of [["10.41.0.9", "10.40.0.3"], ["fd00:41::9", "fd00:40::3"]] as const) {
    const packet = packetOf(from, to);
    const protocol = etherTypeOf(ip(from));
    const payload = concatBytes(packet, new Uint8Array(9));
    const frame = frameOfPacket({ protocol, payload, forwarded: false }, fixedMac);
    assert.deepEqual(frame, encodeEthernet(fixedMac, macOf(from), protocol, packet));
  }
});

test("what is no IP packet becomes no frame", () => {
  const payload = packetOf("10.41.0.9", "10.40.0.3");
  const become = (protocol: number, bytes: Uint8Array) =>
    frameOfPacket({ protocol, payload: bytes, forwarded: false }, fixedMac);
  assert.equal(become(EtherType.ipv6, payload), Drop.malformed);
  assert.equal(become(EtherType.ipv4, payload.subarray(0, 31)), Drop.malformed);
  assert.equal(become(EtherType.arp, payload), Drop.unsupported);
  assert.equal(become(0x6558, payload), Drop.unsupported);
});

test("a device behind a peer's bridge sends from its own MAC and address, and nobody else does", () => {
  const far = { from: "192.168.50.9", fromMac: "52:54:00:00:00:09" };
  const near = { to: "192.168.50.2", toMac: "52:54:00:00:00:02" };
  assert.deepEqual(decide({ ...far, ...near }), { to: "links", frame: frameOf({ ...far, ...near }) });
  for (const lie of [{ ...far, fromMac: "52:54:00:00:00:10" }, { ...far, from: "192.168.50.10" }]) {
    assert.deepEqual(decide({ ...lie, ...near }), dropped(Drop.badSource));
  }
  assert.deepEqual(decide({ ...far, ...near }, founder), dropped(Drop.badSource));
  const plain = encodeEthernet(macOf(broadcast), macOf("52:54:00:00:00:09"), 0x88b5, hex("01"));
  assert.deepEqual(frameFromMesh(plain, other, linkView()), { to: "links", frame: plain });
  assert.deepEqual(frameFromMesh(plain, founder, linkView()), dropped(Drop.badSource));
});

test("an IP packet of a device elsewhere is written from the device's own MAC", () => {
  const packet = {
    protocol: etherTypeOf(ip("10.40.0.2")),
    payload: packetOf("192.168.50.9", "10.40.0.2"),
    forwarded: false,
  };
  const frame = frameOfPacket(packet, fixedMac, linkView());
  assert.ok(frame instanceof Uint8Array);
  assert.deepEqual(frame.subarray(6, 12), macOf("52:54:00:00:00:09"));
});
