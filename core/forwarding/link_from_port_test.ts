import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { Drop } from "../contracts/drop.ts";
import { concatBytes } from "../wire/bytes.ts";
import { hex } from "../wire/captured_packets.ts";
import { encodeEthernet, EtherType } from "../wire/ethernet.ts";
import { allocateIpv4 } from "../wire/ipv4.ts";
import type { LinkDecision } from "./link.ts";
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
} from "./link_fixture.ts";
import { frameFromPort } from "./link_from_port.ts";

const handled: LinkDecision = { to: "handled" };
const dropped = (drop: Drop): LinkDecision => ({ to: "nowhere", drop });
const decide = (spec: FrameSpec) => frameFromPort(frameOf(spec), linkView());
const asPacket = (from: string, to: string): LinkDecision => ({
  to: "ip",
  packet: { protocol: etherTypeOf(ip(from)), payload: packetOf(from, to), forwarded: false },
});
const families = [["10.40.0.2", "10.41.0.9"], ["fd00:40::2", "fd00:41::9"]] as const;

test("a packet between the addresses of both its MACs goes on without its header, wherever to", () => {
  for (const to of ["10.41.0.9", "10.32.0.1", "10.40.0.1", "10.40.0.99", "192.168.7.9", "192.0.2.1"]) {
    assert.deepEqual(decide({ from: "10.40.0.2", to }), asPacket("10.40.0.2", to));
  }
  for (const to of ["fd00:41::9", "fd00::1", "fd00:40::1", "2001:db8::1"]) {
    const spec = { from: "fd00:40::2", to, fromMac: "10.40.0.2" };
    assert.deepEqual(decide(spec), asPacket("fd00:40::2", to));
  }
});

test("padding stays behind", () => {
  const frame = concatBytes(frameOf({ from: "10.40.0.2", to: "10.41.0.9" }), new Uint8Array(14).fill(7));
  assert.deepEqual(frameFromPort(frame, linkView()), asPacket("10.40.0.2", "10.41.0.9"));
});

test("an interface with a MAC of its own sends with that one and with no other", () => {
  const spec = { from: "10.40.0.3", to: "10.41.0.9" };
  assert.deepEqual(decide({ ...spec, fromMac: "02:42:ac:11:00:02" }), asPacket("10.40.0.3", "10.41.0.9"));
  assert.deepEqual(decide(spec), dropped(Drop.loop), "its derived MAC is written by this node alone");
});

test("an interface sends from the addresses it holds and from no other's", () => {
  const from = (address: string, to = "10.41.0.9") => decide({ from: address, to, fromMac: "10.40.0.2" });
  for (const address of ["10.40.0.3", "10.40.0.1", "10.40.0.99", "10.41.0.1", "192.0.2.1", "0.0.0.0"]) {
    assert.deepEqual(from(address), dropped(Drop.badSource), address);
    assert.deepEqual(from(address, "224.0.0.251"), dropped(Drop.badSource), address);
  }
  for (const address of ["fd00:40::3", "fd00:40::1", "fd00:41::1", "::"]) {
    assert.deepEqual(from(address, "fd00:41::9"), dropped(Drop.badSource), address);
    assert.deepEqual(from(address, "ff02::fb"), dropped(Drop.badSource), address);
  }
});

test("a MAC that no interface has is a bad source, and one that this node writes itself is a loop", () => {
  const from = (fromMac: string) => decide({ from: "10.40.0.2", to: "10.41.0.9", fromMac });
  assert.deepEqual(from("02:42:ac:11:00:03"), dropped(Drop.badSource));
  assert.deepEqual(from("10.41.0.9"), dropped(Drop.loop));
  assert.deepEqual(from("fd00:41::9"), dropped(Drop.loop));
  assert.deepEqual(from("10.40.0.1"), dropped(Drop.loop), "what is inside the process has no frames");
});

test("broadcast and multicast go to everyone as they are", () => {
  const groups: FrameSpec[] = [
    { from: "10.40.0.2", to: "255.255.255.255", toMac: "ff:ff:ff:ff:ff:ff" },
    { from: "10.40.0.2", to: "10.47.255.255", toMac: "ff:ff:ff:ff:ff:ff" },
    { from: "10.40.0.2", to: "224.0.0.251" },
    { from: "fd00:40::2", to: "ff02::fb", fromMac: "10.40.0.2" },
    { from: "fd00:40::3", to: "ff05::1:3", fromMac: "02:42:ac:11:00:02" },
  ];
  for (const spec of groups) assert.deepEqual(decide(spec), { to: "everyone", frame: frameOf(spec) });
});

test("groups hear the link-local address of an interface too, and no other link-local one", () => {
  const spec: FrameSpec = { from: "fe80::85e:aff:fe28:2", to: "ff02::fb", fromMac: "10.40.0.2" };
  assert.deepEqual(decide(spec), { to: "everyone", frame: frameOf(spec) });
  assert.deepEqual(decide({ ...spec, from: "fe80::85e:aff:fe28:3" }), dropped(Drop.badSource));
  assert.deepEqual(
    decide({ ...spec, to: "fd00:41::9" }),
    dropped(Drop.badSource),
    "one host could not answer",
  );
});

test("a packet to one host, or to another group, in a frame to a group is malformed", () => {
  const spec = { from: "10.40.0.2", to: "10.41.0.9" };
  assert.deepEqual(decide({ ...spec, toMac: "01:00:5e:00:00:01" }), dropped(Drop.malformed));
  assert.deepEqual(decide({ ...spec, to: "224.0.0.2", toMac: "01:00:5e:00:00:01" }), dropped(Drop.malformed));
  const six = { from: "fd00:40::2", to: "ff02::fb", fromMac: "10.40.0.2" };
  assert.deepEqual(decide({ ...six, toMac: "ff:ff:ff:ff:ff:ff" }), dropped(Drop.malformed));
  assert.deepEqual(decide({ ...six, toMac: "33:33:00:00:00:01" }), dropped(Drop.malformed));
});

test("a packet whose next hop is another endpoint goes to that one's node, with its header", () => {
  const four: FrameSpec = { from: "10.40.0.2", to: "192.0.2.1", toMac: "10.41.0.9" };
  assert.deepEqual(decide(four), { to: "peer", peer: other, frame: frameOf(four) });
  const viaFounder = { ...four, toMac: "10.32.0.1" };
  assert.deepEqual(decide(viaFounder), { to: "peer", peer: founder, frame: frameOf(viaFounder) });
});

test("an IPv6 next hop is known when it was answered for", () => {
  const view = linkView();
  const spec: FrameSpec = {
    from: "fd00:40::2",
    to: "2001:db8::1",
    fromMac: "10.40.0.2",
    toMac: "fd00:41::9",
  };
  const frame = frameOf(spec);
  assert.deepEqual(frameFromPort(frame, view), dropped(Drop.noRoute));
  view.neighbours.remember(ip("fd00:41::9"));
  assert.deepEqual(frameFromPort(frame, view), { to: "peer", peer: other, frame });
});

test("a next hop that is another interface here, a device, or nowhere has no route", () => {
  const via = (toMac: string) => decide({ from: "10.40.0.2", to: "203.0.113.1", toMac });
  for (
    const mac of ["10.40.0.3", "10.40.0.99", "192.168.7.1", "192.0.2.1", "02:00:00:00:00:09"]
  ) {
    assert.deepEqual(via(mac), dropped(Drop.noRoute), mac);
  }
});

test("an endpoint inside the process may be the next hop: the packet takes the way of every other", () => {
  const decision = decide({ from: "10.40.0.2", to: "203.0.113.1", toMac: "10.40.0.1" });
  assert.equal(decision.to, "ip");
});

test("what the bridge gives to a local interface is handled", () => {
  const spec = { from: "10.40.0.2", to: "10.40.0.3", toMac: "02:42:ac:11:00:02" };
  assert.deepEqual(decide(spec), handled);
});

test("a tagged packet keeps its header and is checked like any other", () => {
  const tag = (spec: FrameSpec) => {
    const frame = frameOf(spec);
    return concatBytes(frame.subarray(0, 12), hex("81000064"), frame.subarray(12));
  };
  const good = tag({ from: "10.40.0.2", to: "10.41.0.9" });
  assert.deepEqual(frameFromPort(good, linkView()), { to: "peer", peer: other, frame: good });
  const bad = tag({ from: "10.40.0.3", to: "10.41.0.9", fromMac: "10.40.0.2" });
  assert.deepEqual(frameFromPort(bad, linkView()), dropped(Drop.badSource));
});

test("a frame that is no IP goes where its MAC says", () => {
  const frame = (toMac: string) => encodeEthernet(macOf(toMac), fixedMac, 0x88b5, hex("0102"));
  const decision = (toMac: string) => frameFromPort(frame(toMac), linkView());
  assert.deepEqual(decision("10.41.0.9"), { to: "peer", peer: other, frame: frame("10.41.0.9") });
  assert.deepEqual(decision("ff:ff:ff:ff:ff:ff"), { to: "everyone", frame: frame("ff:ff:ff:ff:ff:ff") });
});

test("what bridges and switches tell each other ends here", () => {
  const llc = encodeEthernet(macOf("01:80:c2:00:00:00"), macOf("10.40.0.2"), 38, new Uint8Array(38));
  assert.deepEqual(frameFromPort(llc, linkView()), dropped(Drop.unsupported));
  for (const [mac, type] of [["01:80:c2:00:00:0e", 0x88cc], ["01:80:c2:00:00:02", 0x8809]] as const) {
    const frame = encodeEthernet(macOf(mac), macOf("10.40.0.2"), type, new Uint8Array(46));
    assert.deepEqual(frameFromPort(frame, linkView()), dropped(Drop.unsupported));
  }
});

test("a cut frame and a packet that is none are malformed", () => {
  for (const [from, to] of families) {
    const frame = frameOf({ from, to, fromMac: "10.40.0.2" });
    for (let length = 0; length < frame.length; length++) {
      assert.deepEqual(frameFromPort(frame.subarray(0, length), linkView()), dropped(Drop.malformed));
    }
    const other = etherTypeOf(ip(from)) === EtherType.ipv4 ? EtherType.ipv6 : EtherType.ipv4;
    const mistaken = encodeEthernet(macOf(to), macOf("10.40.0.2"), other, packetOf(from, to));
    assert.deepEqual(frameFromPort(mistaken, linkView()), dropped(Drop.malformed));
  }
});

test("a wrong header checksum is told as such", () => {
  const packet = allocateIpv4({ source: ip("10.40.0.2"), destination: ip("10.41.0.9"), protocol: 253 }, 12);
  packet[11]! ^= 1;
  const frame = encodeEthernet(macOf("10.41.0.9"), macOf("10.40.0.2"), EtherType.ipv4, packet);
  assert.deepEqual(frameFromPort(frame, linkView()), dropped(Drop.badChecksum));
});

test("a device behind a bridge elsewhere is reached by its own MAC, through its node", () => {
  const spec = { from: "10.40.0.2", to: "192.168.50.9", toMac: "52:54:00:00:00:09" };
  assert.deepEqual(decide(spec), { to: "peer", peer: other, frame: frameOf(spec) });
});

test("a device behind our bridge sends as an interface does, and one that is elsewhere has come around", () => {
  const own = { from: "192.168.50.2", fromMac: "52:54:00:00:00:02" };
  const near = { ...own, to: "192.168.50.9", toMac: "52:54:00:00:00:09" };
  assert.deepEqual(decide(near), { to: "peer", peer: other, frame: frameOf(near) });
  assert.equal(decide({ ...own, to: "10.41.0.9" }).to, "ip");
  assert.deepEqual(decide({ ...own, from: "8.8.8.8", to: "10.41.0.9" }), dropped(Drop.badSource));
  const back = { from: "192.168.50.9", fromMac: "52:54:00:00:00:09", to: "224.0.0.251" };
  assert.deepEqual(decide(back), dropped(Drop.loop));
});
