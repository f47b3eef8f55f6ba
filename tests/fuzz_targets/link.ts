/** Fuzz targets of frames: what containers send to their bridge, and what peers send as 0x6558. */
import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import type { PeerId } from "../../core/contracts/values.ts";
import type { LinkView } from "../../core/forwarding/link.ts";
import {
  fixedMac,
  founder,
  frameOf,
  linkView,
  macOf,
  other,
  packetOf,
} from "../../core/forwarding/link_fixture.ts";
import { frameFromMesh, frameOfPacket } from "../../core/forwarding/link_from_mesh.ts";
import { frameFromPort } from "../../core/forwarding/link_from_port.ts";
import { parseAddress, sameAddress } from "../../core/wire/address.ts";
import { decodeArp } from "../../core/wire/arp.ts";
import { concatBytes, copyBytes, equalBytes } from "../../core/wire/bytes.ts";
import { arp, groupReport, neighbour, ping, routerSolicitation } from "../../core/wire/captured_frames.ts";
import { hex } from "../../core/wire/captured_packets.ts";
import { checksum } from "../../core/wire/checksum.ts";
import { decodeEthernet } from "../../core/wire/ethernet.ts";
import { readU16, writeU16 } from "../../core/wire/field.ts";
import { fragmentIpv4 } from "../../core/wire/fragment.ts";
import { decodeIp, IpProtocol, pseudoSum } from "../../core/wire/ip.ts";
import { allocateIpv4, decodeIpv4 } from "../../core/wire/ipv4.ts";
import { decodeIpv6 } from "../../core/wire/ipv6.ts";
import { decodeSolicitation } from "../../core/wire/ndp.ts";
import type { FuzzTarget } from "../proofs/fuzz/target.ts";
import { assertView } from "./promises.ts";

const drops: ReadonlySet<number> = new Set(Object.values(Drop));

function assertDrop(drop: Drop): boolean {
  assert.ok(drop !== Drop.none && drops.has(drop), `${drop} is no reason for a drop`);
  return false;
}

/** The captured frames, from 10.40.0.2's interface. */
const captured = [...Object.values(arp), ...Object.values(neighbour), ...[groupReport, routerSolicitation]];
const local = captured.map((frame) => {
  const copy = copyBytes(frame);
  copy.set(macOf("10.40.0.2"), 6);
  return copy;
});
const fromLinks = [
  ...local,
  frameOf({ from: "10.40.0.2", to: "10.41.0.9" }),
  frameOf({ from: "10.40.0.2", to: "192.0.2.1", toMac: "10.41.0.9" }),
  frameOf({ from: "10.40.0.2", to: "224.0.0.251" }),
  frameOf({ from: "10.40.0.2", to: "255.255.255.255", toMac: "ff:ff:ff:ff:ff:ff" }),
  frameOf({ from: "fd00:40::2", to: "fd00:41::9", fromMac: "10.40.0.2" }),
  frameOf({ from: "fd00:40::3", to: "ff02::fb", fromMac: "02:42:ac:11:00:02" }),
  frameOf({ from: "fe80::85e:aff:fe28:2", to: "ff02::fb", fromMac: "10.40.0.2" }),
];
const fromPeers = [
  ...captured,
  ping.one,
  frameOf({ from: "10.41.0.9", to: "203.0.113.1", toMac: "10.40.0.2" }),
  frameOf({ from: "10.41.0.9", to: "203.0.113.1", toMac: "10.40.0.3" }),
  frameOf({ from: "fd00:41::9", to: "2001:db8::1", toMac: "fd00:40::3" }),
  frameOf({ from: "10.41.0.9", to: "224.0.0.251" }),
  frameOf({ from: "fe80::85e:aff:fe29:9", to: "ff02::fb", fromMac: "10.41.0.9" }),
];
const words = [
  ...["0806", "0800", "86dd", "8100", "88a8", "81000064", "ffffffffffff", "333300000001", "0180c2000000"],
  ...["0a280001", "0a280002", "0a280003", "0a290009", "00000000", "ff", "3a", "2c", "86", "87", "88"],
].map(hex);
const macs = ["10.40.0.1", "10.40.0.2", "10.40.0.3", "10.41.0.9", "fd00:41::9"].map(macOf);
const addresses = ["fd00:40::1", "fd00:40::2", "fd00:41::9", "fe80::85e:aff:fe28:2", "::", "ff02::1"];
const pieces = [...words, ...macs, fixedMac, ...addresses.map((text) => parseAddress(text)!.bytes)];

const portTarget: FuzzTarget = {
  name: "frame-from-port",
  seeds: fromLinks,
  words: pieces,
  mend: mendFrame,
  run(input) {
    const view = linkView();
    const decision = frameFromPort(input, view);
    assert.ok(view.neighbours.size <= 1);
    switch (decision.to) {
      case "nowhere":
        return assertDrop(decision.drop);
      case "answer":
        assertAnswer(decision.frame, input);
        return true;
      case "ip":
        assertView(decision.packet.payload, input);
        assertOwnSource(input, view);
        return true;
      case "peer":
      case "everyone":
        assert.equal(decision.frame, input);
        assert.equal(decision.to === "everyone", isToGroup(input));
        assertStaysNoNeighbourMessage(input);
        assertOwnSource(input, view);
        return true;
      case "handled":
        return true;
    }
  },
};

/** An answer goes back to who asked or, found to be a duplicate, to all; it tells no MAC but its own source's. */
function assertAnswer(answer: Uint8Array, question: Uint8Array): void {
  const frame = decodeEthernet(answer);
  assert.ok(typeof frame === "object" && !frame.isTagged);
  assert.ok(equalBytes(frame.destination, question.subarray(6, 12)) || readU16(answer, 0) === 0x3333);
  if (frame.etherType === 0x0806) {
    const message = decodeArp(frame.payload);
    assert.ok(typeof message === "object" && equalBytes(message.senderMac, frame.source));
    return;
  }
  const packet = decodeIpv6(frame.payload);
  assert.ok(typeof packet === "object" && packet.hopLimit === 255 && packet.payload[0] === 136);
  const sum = pseudoSum(packet.bytes, IpProtocol.icmpv6, packet.payload.length);
  assert.equal(checksum(packet.payload, 0, packet.payload.length, sum), 0);
  assert.ok(equalBytes(packet.payload.subarray(26), frame.source));
}

/** Read again in the plainest way: what leaves an interface is from an address that it holds. */
function assertOwnSource(input: Uint8Array, view: LinkView): void {
  const frame = decodeEthernet(input);
  assert.ok(typeof frame === "object" && view.localMac(frame.source));
  if (frame.etherType !== 0x0800 && frame.etherType !== 0x86dd) return;
  const packet = decodeIp(frame.payload);
  assert.ok(typeof packet === "object");
  const holder = view.linkOf(packet.source);
  const isLinkLocal = packet.family === 6 && readU16(packet.bytes, 8) === 0xfe80 && isToGroup(input);
  assert.ok(isLinkLocal || (holder instanceof Uint8Array && equalBytes(holder, frame.source)));
}

function isToGroup(frame: Uint8Array): boolean {
  return (frame[0]! & 1) === 1;
}

/** Neither ARP nor what only neighbours may say crosses the mesh. */
function assertStaysNoNeighbourMessage(input: Uint8Array): void {
  const frame = decodeEthernet(input);
  assert.ok(typeof frame === "object" && frame.etherType !== 0x0806);
  if (frame.etherType === 0x86dd) assertNoNeighbourMessage(frame.payload);
}

function assertNoNeighbourMessage(bytes: Uint8Array): void {
  const packet = decodeIp(bytes);
  assert.ok(typeof packet === "object");
  if (packet.family !== 6 || packet.protocol !== 58 || packet.fragmentOffset > 0) return;
  const type = packet.payload[0] ?? 134;
  assert.ok(
    type < 130 || type === 138 || type === 139 || type === 140 || type > 143,
    `ICMPv6 ${type} crosses`,
  );
  assert.equal(typeof decodeSolicitation(packet), "number");
}

const meshTarget: FuzzTarget = {
  name: "frame-from-mesh",
  seeds: fromPeers,
  words: pieces,
  mend: mendFrame,
  run(input) {
    const results = [founder, other].map((from) => judgeMeshFrame(input, from));
    return results.includes(true);
  },
};

function judgeMeshFrame(input: Uint8Array, from: PeerId): boolean {
  const view = linkView();
  const decision = frameFromMesh(input, from, view);
  if (decision.to === "nowhere") return assertDrop(decision.drop);
  assert.equal(decision.frame.length, input.length);
  assert.ok(equalBytes(decision.frame.subarray(6), input.subarray(6)), "more than the destination changed");
  assert.ok(isToGroup(input) || view.localMac(decision.frame.subarray(0, 6)), "no interface has it");
  assert.ok(!view.localMac(input.subarray(6, 12)), "from an interface of our own");
  assertStaysNoNeighbourMessage(input);
  const frame = decodeEthernet(input);
  assert.ok(typeof frame === "object");
  const packet = decodeIp(frame.payload);
  if (typeof packet === "number" || (frame.etherType !== 0x0800 && frame.etherType !== 0x86dd)) return true;
  const isLinkLocal = packet.family === 6 && readU16(packet.bytes, 8) === 0xfe80;
  assert.ok(isLinkLocal || view.routes.lookup(packet.source)?.owner === from, "from another's address");
  return true;
}

const packetTarget: FuzzTarget = {
  name: "frame-of-packet",
  seeds: [
    packetOf("10.41.0.9", "10.40.0.3"),
    packetOf("fd00:41::9", "fd00:40::3"),
    ...captured.map((frame) => frame.subarray(14)),
  ],
  words: pieces,
  mend: (packet) => mendPacket(packet),
  run(input) {
    const protocol = input.length > 0 && input[0]! >>> 4 === 6 ? 0x86dd : 0x0800;
    const frame = frameOfPacket({ protocol, payload: input, forwarded: false }, fixedMac);
    if (typeof frame === "number") return assertDrop(frame);
    assert.ok(equalBytes(frame.subarray(0, 6), fixedMac) && readU16(frame, 12) === protocol);
    assert.ok(equalBytes(frame.subarray(14), input.subarray(0, frame.length - 14)));
    if (protocol === 0x86dd) assertNoNeighbourMessage(frame.subarray(14));
    return true;
  },
};

const route = { source: parseAddress("10.40.0.2")!, destination: parseAddress("10.41.0.9")!, protocol: 17 };
const fragmentTarget: FuzzTarget = {
  name: "fragment",
  seeds: [
    allocateIpv4({ ...route, identification: 400 }, 900),
    concatBytes(
      hex("4900057002000000401100000a2800020a290009 4408050000000000 94040000 01000000"),
      new Uint8Array(700),
    ),
    concatBytes(hex("4500057003002064401100000a2800020a290009"), new Uint8Array(800)),
  ].map(mended),
  words: ["94040000", "0100", "4404", "83030400", "2000", "4000"].map(hex),
  maxBytes: 1_024,
  mend: (packet) => mendPacket(packet),
  run(input) {
    const packet = decodeIpv4(input);
    if (typeof packet === "number") return assertDrop(packet);
    const mtu = 68 + (packet.identification % 1400);
    const fragments = fragmentIpv4(packet, mtu);
    if (typeof fragments === "number") return assertDrop(fragments);
    let at = packet.fragmentOffset;
    for (const [i, bytes] of fragments.entries()) {
      const one = decodeIpv4(bytes);
      assert.ok(typeof one === "object" && bytes.length <= mtu && one.fragmentOffset === at);
      assert.equal(one.moreFragments, i < fragments.length - 1 || packet.moreFragments);
      assert.ok(sameAddress(one.source, packet.source) && sameAddress(one.destination, packet.destination));
      const start: number = at - packet.fragmentOffset;
      assert.ok(equalBytes(one.payload, packet.payload.subarray(start, start + one.payload.length)));
      at += one.payload.length;
    }
    assert.equal(at - packet.fragmentOffset, packet.payload.length);
    return true;
  },
};

function mended(packet: Uint8Array): Uint8Array {
  const copy = copyBytes(packet);
  mendPacket(copy);
  return copy;
}

/** As {@link mendPacket}, of the packet in a frame. */
export function mendFrame(frame: Uint8Array): void {
  const tagged = frame.length >= 18 && readU16(frame, 12) === 0x8100;
  if (frame.length > 34) mendPacket(frame.subarray(tagged ? 18 : 14));
}

/** The header checksum of IPv4; the length of IPv6, and the checksum of ICMPv6 where it follows at once. */
function mendPacket(packet: Uint8Array): void {
  const version = packet.length === 0 ? 0 : packet[0]! >>> 4;
  if (version === 4 && packet.length >= 20) {
    writeU16(packet, 2, packet.length);
    writeU16(packet, 10, 0);
    writeU16(packet, 10, checksum(packet, 0, Math.min(packet.length, (packet[0]! & 15) * 4)));
  }
  if (version !== 6 || packet.length < 40) return;
  const length = packet.length - 40;
  writeU16(packet, 4, length);
  if (packet[6] !== IpProtocol.icmpv6 || length < 8) return;
  writeU16(packet, 42, 0);
  writeU16(packet, 42, checksum(packet, 40, length, pseudoSum(packet, IpProtocol.icmpv6, length)));
}

export const linkTargets: readonly FuzzTarget[] = [portTarget, meshTarget, packetTarget, fragmentTarget];
