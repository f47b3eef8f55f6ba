import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { Drop, dropNames } from "../../core/contracts/drop.ts";
import { encodeArpReply, encodeArpRequest } from "../../core/wire/arp.ts";
import { concatBytes, copyBytes } from "../../core/wire/bytes.ts";
import { arp, neighbour, ping } from "../../core/wire/captured_frames.ts";
import { encodeEthernet, EtherType } from "../../core/wire/ethernet.ts";
import { encodeGre, GreProtocol } from "../../core/wire/gre.ts";
import { buildIcmp } from "../../core/wire/icmp.ts";
import { broadcastMac, macOfAddress, macOfGroup } from "../../core/wire/mac.ts";
import { allNodes, encodeAdvertisement, NdpType } from "../../core/wire/ndp.ts";
import { answerRate, mostSearches } from "./constants.ts";
import { firstMac, FrameRig, ip, otherMac, tap, udpFrame, udpPacket } from "./ethernet_fixture.ts";

const ourMac4 = macOfAddress(ip("10.32.0.7"));
const ourMac6 = macOfAddress(ip("fd00::7"));
const good = udpFrame("10.32.0.1", "10.32.0.7", { from: firstMac, to: ourMac4 });

/** The drop, and that nothing else came of it: no answer, no packet, and the device is not heard. */
function refused(frame: Uint8Array, rig = new FrameRig()): string {
  const drop = rig.hear(frame);
  assert.deepEqual(rig.outputs(), [], "an output of a frame that was refused");
  return dropNames[drop]!;
}

/** `frame` with bytes replaced from `at` on. */
function changed(frame: Uint8Array, at: number, ...bytes: readonly number[]): Uint8Array {
  const copy = copyBytes(frame);
  copy.set(bytes, at);
  return copy;
}

/** A message between neighbours with a right checksum, from fd00::1's interface to fd00::7's. */
function neighbourFrame(type: number, body: Uint8Array, { hopLimit = 255, to = "fd00::7" } = {}): Uint8Array {
  const route = { source: ip("fd00::1"), destination: ip(to), hopLimit };
  return encodeEthernet(
    ourMac6,
    firstMac,
    EtherType.ipv6,
    buildIcmp(route, { type, code: 0, rest: 0 }, body),
  );
}

const target = ip("fd00::7").bytes;

test("a frame that is cut anywhere before its end is refused", () => {
  for (const frame of [good, arp.request, neighbour.solicitation]) {
    for (let length = 0; length < frame.length; length++) {
      assert.equal(refused(frame.subarray(0, length)), "malformed", `${length} of ${frame.length} bytes`);
    }
  }
});

test("VLAN tags, lengths in place of a type, other types and the frames between bridges are unsupported", () => {
  const tagged = concatBytes(good.subarray(0, 12), Uint8Array.of(0x81, 0, 0, 100), good.subarray(12));
  assert.equal(refused(tagged), "unsupported");
  const spanningTree = encodeEthernet(
    Uint8Array.of(1, 0x80, 0xc2, 0, 0, 0),
    firstMac,
    38,
    new Uint8Array(38),
  );
  assert.equal(refused(spanningTree), "unsupported");
  for (const type of [0x8035, 0x88cc, 0x88b5, 0x6558]) {
    assert.equal(refused(changed(good, 12, type >> 8, type & 255)), "unsupported", type.toString(16));
  }
  assert.equal(refused(changed(good, 6, 1)), "malformed", "from a group");
});

test("IP packets outside of frames are not what the configuration says", () => {
  const rig = new FrameRig();
  for (const inner of [udpPacket("10.32.0.1", "10.32.0.7"), good]) {
    const datagram = encodeGre({ protocol: GreProtocol.ipv4 }, inner);
    assert.equal(rig.machine.handleDatagram(datagram, tap.endpoint, 1), Drop.unsupported);
  }
});

test("a frame for another station, or for all, is not ours, and a group's MAC around one host's packet is malformed", () => {
  assert.equal(refused(udpFrame("10.32.0.1", "10.32.0.7", { from: firstMac, to: otherMac })), "notOurs");
  assert.equal(refused(udpFrame("10.32.0.1", "10.32.0.7", { from: firstMac, to: broadcastMac })), "notOurs");
  assert.equal(refused(ping.all), "notOurs");
  const group = macOfGroup(ip("224.0.0.251"));
  assert.equal(refused(udpFrame("10.32.0.1", "224.0.0.251", { from: firstMac, to: group })), "notOurs");
  assert.equal(refused(udpFrame("10.32.0.1", "10.32.0.7", { from: firstMac, to: group })), "malformed");
});

test("ARP that lies about its sender is refused: another MAC, an address of ours, one not behind the device", () => {
  assert.equal(refused(changed(arp.request, 22, ...otherMac)), "badSource");
  assert.equal(refused(changed(arp.request, 28, 10, 32, 0, 7)), "badSource", "ours");
  assert.equal(refused(changed(arp.request, 28, 192, 0, 2, 1)), "badSource", "nobody's");
  assert.equal(refused(changed(arp.request, 0, ...otherMac)), "notOurs", "to another station");
  assert.equal(refused(changed(arp.request, 20, 0, 3)), "unsupported", "reverse ARP");
});

test("an answer that nobody asked for is not remembered", () => {
  const rig = new FrameRig();
  const asked = { operation: "request", sender: ip("10.32.0.7"), target: ip("10.32.0.1") } as const;
  assert.equal(rig.hear(encodeArpReply({ ...asked, senderMac: ourMac4 }, firstMac)), Drop.none);
  const solicitation = { source: ip("fd00::7"), target: ip("fd00::1"), isProbe: false };
  const told = { target: ip("fd00::1"), mac: firstMac, override: true };
  const advertisement = encodeAdvertisement(solicitation, told);
  assert.equal(rig.hear(encodeEthernet(ourMac6, firstMac, EtherType.ipv6, advertisement)), Drop.none);
  rig.seal(udpPacket("10.32.0.7", "10.32.0.1"));
  rig.seal(udpPacket("fd00::7", "fd00::1"));
  assert.equal(rig.frames().filter((frame) => frame[0]! & 1).length, 2, "both have to be asked for");
});

test("neighbour discovery that crossed a router, has a wrong checksum or a false MAC is refused", () => {
  const body = concatBytes(target, Uint8Array.of(1, 1), firstMac);
  assert.equal(new FrameRig().hear(neighbourFrame(NdpType.neighbourSolicitation, body)), Drop.none);
  for (const hopLimit of [0, 64, 254]) {
    assert.equal(refused(neighbourFrame(NdpType.neighbourSolicitation, body, { hopLimit })), "malformed");
  }
  for (let bit = 8 * (14 + 42); bit < 8 * (14 + 44); bit++) {
    const frame = copyBytes(neighbour.solicitation);
    frame[bit >> 3]! ^= 0x80 >> (bit & 7);
    assert.equal(refused(frame), "badChecksum", `bit ${bit}`);
  }
  const lie = { target: ip("fd00::1"), mac: otherMac, override: true };
  const packet = encodeAdvertisement({ source: ip("fd00::7"), target: lie.target, isProbe: false }, lie);
  assert.equal(refused(encodeEthernet(ourMac6, firstMac, EtherType.ipv6, packet)), "badSource");
  const ours = encodeAdvertisement({ source: ip("fd00::7"), target: ip("fd00::7"), isProbe: false }, {
    ...lie,
    target: ip("fd00::7"),
    mac: firstMac,
  });
  assert.equal(
    refused(encodeEthernet(ourMac6, firstMac, EtherType.ipv6, ours)),
    "badSource",
    "an address of ours",
  );
});

test("neighbour discovery from an address that is not behind the device, or for another station, is refused", () => {
  const body = concatBytes(target, Uint8Array.of(1, 1), firstMac);
  const solicitation = neighbourFrame(NdpType.neighbourSolicitation, body);
  const from = (source: string) => {
    const route = { source: ip(source), destination: ip("fd00::7"), hopLimit: 255 };
    const packet = buildIcmp(route, { type: NdpType.neighbourSolicitation, code: 0, rest: 0 }, body);
    return encodeEthernet(ourMac6, firstMac, EtherType.ipv6, packet);
  };
  assert.equal(refused(from("2001:db8::1")), "badSource");
  assert.equal(refused(from("fd00::7")), "badSource", "ours");
  assert.equal(new FrameRig().hear(from("fe80::1")), Drop.none);
  assert.equal(refused(changed(solicitation, 0, ...otherMac)), "notOurs");
  assert.equal(
    refused(changed(neighbour.advertisement, 0, ...otherMac)),
    "badSource",
    "of an address of ours",
  );
  const told = { target: ip("fd00::1"), mac: firstMac, override: true };
  const packet = encodeAdvertisement({ source: ip("fd00::7"), target: told.target, isProbe: false }, told);
  assert.equal(refused(encodeEthernet(otherMac, firstMac, EtherType.ipv6, packet)), "notOurs");
});

test("a device that advertises itself as a router, or redirects, is not followed", () => {
  const toAll = macOfGroup(allNodes);
  for (const type of [NdpType.routerAdvertisement, NdpType.redirect]) {
    const frame = neighbourFrame(type, new Uint8Array(32), { to: "ff02::1" });
    frame.set(toAll);
    assert.equal(refused(frame), "unsupported");
  }
});

test("who asks without end is answered 256 times at once and 256 times a second, and learned no more than fits", () => {
  const rig = new FrameRig();
  const flood = (count: number) => {
    const drops: Drop[] = [];
    for (let i = 0; i < count; i++) {
      const sender = { address: ip(`10.32.0.${10 + i % 200}`), mac: firstMac };
      drops.push(rig.hear(encodeArpRequest(sender, ip("10.32.0.7"))));
    }
    return drops.filter((drop) => drop === Drop.rateLimited).length;
  };
  assert.equal(flood(1_000), 1_000 - answerRate.burst);
  assert.equal(rig.frames().length, answerRate.burst);
  rig.advance(500);
  assert.equal(flood(1_000), 1_000 - answerRate.perSecond / 2);
});

test("who is sent to addresses without end has 64 asked for at a time", () => {
  const rig = new FrameRig();
  const drops = Array.from({ length: 200 }, (_, i) => rig.seal(udpPacket("10.32.0.7", `10.32.0.${10 + i}`)));
  assert.equal(drops.filter((drop) => drop === Drop.queueFull).length, 200 - mostSearches);
  assert.equal(rig.frames().length, mostSearches);
  rig.advance(10_000);
  assert.equal(rig.frames().length, 2 * mostSearches);
  assert.deepEqual(rig.dropped, new Array(mostSearches).fill(Drop.noListener));
});

test("what is no IP packet, or one for a group, is not wrapped", () => {
  const rig = new FrameRig();
  assert.equal(rig.seal(Uint8Array.of(0x45, 0)), Drop.malformed);
  assert.equal(rig.seal(udpPacket("10.32.0.7", "224.0.0.251")), Drop.unsupported);
  const packet = { protocol: GreProtocol.ethernet, payload: copyBytes(good), forwarded: false };
  assert.equal(rig.machine.seal(tap.id, packet, 1), Drop.unsupported);
  assert.deepEqual(rig.outputs(), []);
});

test("no frame whatever makes the machine throw, and none is answered by more than what has waited", () => {
  const rig = new FrameRig();
  const seeds = [good, arp.request, arp.reply, arp.announcement, ...Object.values(neighbour), ping.one];
  const near = fc.tuple(
    fc.constantFrom(...seeds),
    fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }),
  )
    .map(([frame, changes]) => {
      const copy = copyBytes(frame);
      for (const [at, value] of changes) copy[at % copy.length] = value;
      return copy;
    });
  fc.assert(
    fc.property(fc.oneof(near, fc.uint8Array({ maxLength: 64 })), fc.nat(2_000), (frame, pause) => {
      rig.advance(pause);
      const asked = rig.seal(udpPacket("10.32.0.7", "10.32.0.1")) === Drop.none ? 5 : 4;
      rig.outputs();
      const drop = rig.hear(frame);
      assert.ok(dropNames[drop] !== undefined);
      const outputs = rig.outputs();
      assert.ok(outputs.length <= asked + 1);
      if (drop !== Drop.none) assert.deepEqual(outputs, []);
    }),
    { seed: 6558, numRuns: 5_000 },
  );
});
