import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { Drop } from "../../core/contracts/drop.ts";
import { decodeArp, encodeArpReply } from "../../core/wire/arp.ts";
import { copyBytes } from "../../core/wire/bytes.ts";
import { arp, groupReport, neighbour, routerSolicitation } from "../../core/wire/captured_frames.ts";
import { decodeEthernet, encodeEthernet, type EthernetFrame, EtherType } from "../../core/wire/ethernet.ts";
import { decodeIcmp } from "../../core/wire/icmp.ts";
import { decodeIp } from "../../core/wire/ip.ts";
import { decodeIpv6, type Ipv6Packet } from "../../core/wire/ipv6.ts";
import { broadcastMac, formatMac, macOfAddress, macOfGroup } from "../../core/wire/mac.ts";
import {
  decodeAdvertisement,
  decodeSolicitation,
  encodeAdvertisement,
  encodeSolicitation,
  solicitedNode,
} from "../../core/wire/ndp.ts";
import { freshMillis, mostNeighbours, staleMillis } from "./constants.ts";
import { deviceOf } from "./device.ts";
import { firstMac, FrameRig, ip, otherMac, tap, udpFrame, udpPacket } from "./ethernet_fixture.ts";

const ourMac4 = macOfAddress(ip("10.32.0.7"));
const ourMac6 = macOfAddress(ip("fd00::7"));

function opened(bytes: Uint8Array | undefined): EthernetFrame {
  const frame = decodeEthernet(bytes!);
  assert.ok(typeof frame === "object");
  return frame;
}

function ipv6Of({ payload }: EthernetFrame): Ipv6Packet {
  const packet = decodeIpv6(payload);
  assert.ok(typeof packet === "object");
  return packet;
}

/** What the device's link answers to our request, from `mac`. */
function arpAnswer(request: Uint8Array, mac = firstMac): Uint8Array {
  const message = decodeArp(opened(request).payload);
  assert.ok(typeof message === "object" && message.operation === "request");
  return encodeArpReply(message, mac);
}

function neighbourAnswer(request: Uint8Array, mac = firstMac, override = true): Uint8Array {
  const solicitation = decodeSolicitation(ipv6Of(opened(request)));
  assert.ok(typeof solicitation === "object");
  const packet = encodeAdvertisement(solicitation, { target: solicitation.target, mac, override });
  return encodeEthernet(opened(request).source, mac, EtherType.ipv6, packet);
}

/** A rig that knows where 10.32.0.1 and fd00::1 are. */
function acquainted(): FrameRig {
  const rig = new FrameRig();
  assert.equal(rig.hear(arp.request), Drop.none);
  assert.equal(rig.hear(neighbour.solicitation), Drop.none);
  rig.frames();
  return rig;
}

const destinations = (frames: readonly Uint8Array[]) =>
  frames.map((frame) => formatMac(opened(frame).destination));

test("a kernel that asks for an address of ours is answered as a kernel would, with the MAC that it stands for", () => {
  const rig = new FrameRig();
  assert.equal(rig.hear(arp.request), Drop.none);
  assert.deepEqual(rig.frames(), [arp.reply]);
  assert.equal(rig.hear(neighbour.solicitation), Drop.none);
  const [frame] = rig.frames().map(opened);
  assert.deepEqual([frame!.destination, frame!.source], [firstMac, ourMac6]);
  const told = decodeAdvertisement(ipv6Of(frame!));
  assert.ok(typeof told === "object");
  assert.deepEqual([told.target, copyBytes(told.mac!), told.override], [ip("fd00::7"), ourMac6, true]);
});

test("a probe for an address of ours, held or free, is told that it is a duplicate", () => {
  const rig = new FrameRig();
  const probe = copyBytes(arp.request);
  probe.fill(0, 28, 32);
  probe[41] = 8;
  assert.equal(rig.hear(probe), Drop.none);
  const [answer] = rig.frames();
  assert.equal(formatMac(opened(answer).source), "0a:5e:0a:20:00:08");
  assert.equal(rig.hear(neighbour.probe), Drop.none);
  const [told] = rig.frames();
  assert.deepEqual(opened(told).destination, macOfGroup(ip("ff02::1")));
});

test("what stations behind the device tell and ask each other is heard, and neither answered nor remembered", () => {
  const rig = new FrameRig();
  const elsewhere = copyBytes(arp.request);
  elsewhere[41] = 99;
  for (const frame of [elsewhere, arp.announcement, groupReport, routerSolicitation]) {
    assert.equal(rig.hear(frame), Drop.none);
  }
  assert.deepEqual(rig.outputs().map(({ type }) => type), ["device-up"]);
  assert.equal(rig.seal(udpPacket("10.32.0.7", "10.32.0.1")), Drop.none);
  assert.deepEqual(destinations(rig.frames()), [formatMac(broadcastMac)], "it has to be asked for");
});

test("a packet of the device is unwrapped, padding and all, and the device is up before it", () => {
  const rig = new FrameRig();
  const frame = udpFrame("10.32.0.1", "10.32.0.7", { from: firstMac, to: ourMac4 });
  const padded = new Uint8Array(60);
  padded.set(frame);
  assert.equal(rig.hear(padded), Drop.none);
  const [up, output, ...rest] = rig.outputs();
  assert.deepEqual([up?.type, rest], ["device-up", []]);
  const packet = { protocol: 0x0800, payload: udpPacket("10.32.0.1", "10.32.0.7"), forwarded: false };
  assert.deepEqual(output, { type: "packet", from: tap.id, packet });
});

test("a device may send through one address of ours to another, once it was told where that one is", () => {
  const rig = new FrameRig();
  const through4 = udpFrame("10.32.0.1", "203.0.113.1", { from: firstMac, to: ourMac4 });
  const through6 = udpFrame("fd00::1", "2001:db8::9", { from: firstMac, to: ourMac6 });
  assert.equal(rig.hear(through4), Drop.none, "an IPv4 address is read from its MAC");
  assert.equal(rig.hear(through6), Drop.notOurs);
  rig.hear(neighbour.solicitation);
  assert.equal(rig.hear(through6), Drop.none);
  const asked = new FrameRig();
  asked.seal(udpPacket("fd00::7", "fd00::1"));
  assert.equal(asked.hear(through6), Drop.none, "what asks says where it is");
  const foreign = udpFrame("10.32.0.1", "203.0.113.1", { from: firstMac, to: macOfAddress(ip("10.32.0.9")) });
  assert.equal(rig.hear(foreign), Drop.notOurs);
});

test("a packet goes at once to a MAC that the link has told, from the MAC that its own source stands for", () => {
  const rig = acquainted();
  const packets = [udpPacket("10.32.0.7", "10.32.0.1"), udpPacket("fd00::7", "fd00::1")];
  for (const packet of packets) assert.equal(rig.seal(packet), Drop.none);
  const frames = rig.frames();
  assert.deepEqual(frames, [
    encodeEthernet(firstMac, ourMac4, EtherType.ipv4, packets[0]!),
    encodeEthernet(firstMac, ourMac6, EtherType.ipv6, packets[1]!),
  ]);
});

test("packets to an unknown MAC wait for it, four at most, while one request a second asks the whole link", () => {
  const rig = new FrameRig();
  const packets = [1, 2, 3, 4].map((length) => udpPacket("10.32.0.7", "10.32.0.1", length));
  for (const packet of packets) assert.equal(rig.seal(packet), Drop.none);
  assert.equal(rig.seal(packets[0]!), Drop.queueFull);
  const [request, ...others] = rig.frames();
  assert.deepEqual(others, []);
  const expected = copyBytes(arp.request);
  expected.set([...ourMac4], 6);
  expected.set([...ourMac4, 10, 32, 0, 7], 22);
  expected[41] = 1;
  assert.deepEqual(request, expected);
  rig.advance(999);
  assert.deepEqual(rig.frames(), []);
  rig.advance(1);
  assert.deepEqual(rig.frames(), [expected]);
  assert.equal(rig.hear(arpAnswer(request!)), Drop.none);
  const sent = packets.map((packet) => encodeEthernet(firstMac, ourMac4, EtherType.ipv4, packet));
  assert.deepEqual(rig.frames(), sent);
  rig.advance(5_000);
  assert.deepEqual([rig.frames(), rig.dropped], [[], []]);
});

test("IPv6 asks the group of the address, and takes the answer of who has it", () => {
  const rig = new FrameRig();
  const packet = udpPacket("fd00::7", "fd00::1");
  rig.seal(packet);
  const [request] = rig.frames();
  assert.deepEqual(opened(request).destination, macOfGroup(solicitedNode(ip("fd00::1"))));
  assert.equal(rig.hear(neighbourAnswer(request!)), Drop.none);
  assert.deepEqual(rig.frames(), [encodeEthernet(firstMac, ourMac6, EtherType.ipv6, packet)]);
});

test("after three requests in vain the packets are counted, and their senders told that nobody is there", () => {
  for (const [from, to] of [["10.32.0.7", "10.32.0.1"], ["fd00::7", "fd00::1"]] as const) {
    const rig = new FrameRig();
    rig.seal(udpPacket(from, to));
    rig.seal(udpPacket(from, to));
    rig.advance(2_999);
    assert.equal(rig.frames().length, 3);
    rig.advance(1);
    assert.deepEqual(rig.dropped, [Drop.noListener, Drop.noListener]);
    const errors = rig.packets().map((bytes) => {
      const packet = decodeIp(bytes);
      assert.ok(typeof packet === "object");
      assert.deepEqual([packet.source, packet.destination], [ip(to), ip(from)]);
      const message = decodeIcmp(packet);
      assert.ok(typeof message === "object");
      return message.kind;
    });
    assert.deepEqual(errors, ["unreachable", "unreachable"]);
    assert.equal(rig.machine.pollTimeout(), undefined);
    rig.seal(udpPacket(from, to));
    assert.equal(rig.frames().length, 1, "it may have come meanwhile");
  }
});

test("a MAC that nothing has confirmed for 30 s is asked for again while it is used, and not used after 90 s", () => {
  assert.deepEqual([freshMillis, staleMillis], [30_000, 90_000]);
  const rig = acquainted();
  const packet = udpPacket("10.32.0.7", "10.32.0.1");
  const toFirst = formatMac(firstMac);
  const toAll = formatMac(broadcastMac);
  rig.advance(30_000);
  for (const expected of [[toFirst, toAll], [toFirst]]) {
    rig.seal(packet);
    assert.deepEqual(destinations(rig.frames()), expected);
  }
  rig.advance(59_999);
  rig.seal(packet);
  const [, request] = rig.frames();
  rig.advance(1);
  rig.seal(packet);
  assert.deepEqual(destinations(rig.frames()), [toAll], "the packet waits");
  rig.hear(arpAnswer(request!));
  assert.deepEqual(destinations(rig.frames()), [toFirst]);
});

test("packets that come from a MAC keep it fresh, and those from another MAC do not", () => {
  const rig = acquainted();
  rig.advance(29_000);
  rig.hear(udpFrame("10.32.0.1", "10.32.0.7", { from: firstMac, to: ourMac4 }));
  rig.advance(29_000);
  rig.seal(udpPacket("10.32.0.7", "10.32.0.1"));
  assert.deepEqual(destinations(rig.frames()), [formatMac(firstMac)]);
  rig.hear(udpFrame("10.32.0.1", "10.32.0.7", { from: otherMac, to: ourMac4 }));
  rig.advance(1_000);
  rig.seal(udpPacket("10.32.0.7", "10.32.0.1"));
  assert.deepEqual(destinations(rig.frames()), [formatMac(firstMac), formatMac(broadcastMac)]);
});

test("a known address that moves is followed by its announcement, a known IPv6 address by one that overrides", () => {
  const rig = acquainted();
  const moved = copyBytes(arp.announcement);
  moved.set(otherMac, 6);
  moved.set(otherMac, 22);
  assert.equal(rig.hear(moved), Drop.none);
  const question = encodeSolicitation(ip("fd00::1"), ip("fd00::7"), ourMac6);
  const request = encodeEthernet(macOfGroup(ip("ff02::1")), ourMac6, EtherType.ipv6, question);
  const toFirst6 = () => {
    rig.seal(udpPacket("fd00::7", "fd00::1"));
    return destinations(rig.frames());
  };
  rig.seal(udpPacket("10.32.0.7", "10.32.0.1"));
  assert.deepEqual(destinations(rig.frames()), [formatMac(otherMac)]);
  assert.equal(rig.hear(neighbourAnswer(request, otherMac, false)), Drop.none);
  assert.deepEqual(toFirst6(), [formatMac(firstMac)]);
  assert.equal(rig.hear(neighbourAnswer(request, otherMac)), Drop.none);
  assert.deepEqual(toFirst6(), [formatMac(otherMac)]);
});

test("with a gateway all packets of its family go to its MAC, also through a link-local address", () => {
  const gateways = ["10.99.0.1", "fe80::1"];
  const rig = new FrameRig(deviceOf({
    ...{ name: "tap", endpoint: "198.51.100.9:4754", ethernet: true, gateways },
    prefixes: ["10.32.0.0/24", "fd00::/64"],
  }));
  rig.seal(udpPacket("10.32.0.7", "10.32.0.1"));
  rig.seal(udpPacket("10.32.0.7", "10.32.0.2"));
  const [question, ...none] = rig.frames();
  assert.deepEqual(none, []);
  rig.hear(arpAnswer(question!, otherMac));
  assert.deepEqual(destinations(rig.frames()), [otherMac, otherMac].map(formatMac));
  rig.seal(udpPacket("fd00::7", "fd00::1"));
  const [request] = rig.frames();
  rig.hear(neighbourAnswer(request!, otherMac));
  assert.deepEqual(destinations(rig.frames()), [formatMac(otherMac)]);
});

test("the least recently used MAC is forgotten for a new one when 1,024 are known", () => {
  const rig = new FrameRig(deviceOf({ ...taps, prefixes: ["10.32.0.0/16"] }));
  const asks = (index: number) => {
    rig.advance(4);
    const frame = copyBytes(arp.request);
    frame.set([10, 32, 1 + (index >> 8), index & 255], 28);
    assert.equal(rig.hear(frame), Drop.none);
  };
  for (let i = 0; i < mostNeighbours; i++) asks(i);
  rig.frames();
  rig.seal(udpPacket("10.32.0.7", "10.32.1.0"));
  asks(mostNeighbours);
  rig.frames();
  rig.seal(udpPacket("10.32.0.7", "10.32.1.0"));
  rig.seal(udpPacket("10.32.0.7", "10.32.1.1"));
  assert.deepEqual(destinations(rig.frames()), [firstMac, broadcastMac].map(formatMac));
});

const taps = { name: "tap", endpoint: "198.51.100.9:4754", ethernet: true };

test("a device that is not served any more is asked nothing, and what waits for it is counted", () => {
  const rig = new FrameRig();
  rig.seal(udpPacket("10.32.0.7", "10.32.0.1"));
  rig.frames();
  rig.machine.disconnect(tap.id);
  assert.deepEqual([rig.dropped, rig.machine.pollTimeout()], [[Drop.noSession], undefined]);
  const forgotten = new FrameRig();
  forgotten.seal(udpPacket("10.32.0.7", "10.32.0.1"));
  forgotten.machine.forget(tap.endpoint);
  assert.deepEqual(forgotten.dropped, [Drop.noSession]);
});

test("a frame has 14 bytes of its own, which the overhead of the whole encapsulation counts", () => {
  assert.deepEqual(new FrameRig().machine.overhead, { 4: 46, 6: 66 });
  const rig = acquainted();
  const packet = udpPacket("10.32.0.7", "10.32.0.1", 100);
  rig.seal(packet);
  const [output] = rig.outputs();
  assert.ok(output?.type === "transmit");
  assert.equal(output.datagram.length + 28, packet.length + 46);
  assert.equal(rig.seal(udpPacket("10.32.0.7", "10.32.0.1", 65_507 - 4 - 14 - 28)), Drop.none);
  assert.equal(rig.seal(udpPacket("10.32.0.7", "10.32.0.1", 65_507 - 4 - 14 - 27)), Drop.tooBig);
});
