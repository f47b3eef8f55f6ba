/**
 * Fuzz targets of super-frames: what a container may put before and into a frame of its own, and what a peer may put into
 * packets that are joined. The memory ends where the input does, so that a read beyond it throws.
 */
import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import { heapArena } from "../../core/datapath/arena.ts";
import { Coalescer, coalescerLength } from "../../core/datapath/coalescer.ts";
import { Segmenter } from "../../core/datapath/segmenter.ts";
import { concatBytes, copyBytes, equalBytes } from "../../core/wire/bytes.ts";
import { readU16, writeU16, writeU32 } from "../../core/wire/field.ts";
import { decodeIp } from "../../core/wire/ip.ts";
import { TrafficFlow } from "../datapath/super_frame_traffic.ts";
import {
  decodeVnet,
  finished,
  packetStart,
  resize,
  segmentsOf,
  unnumbered,
} from "../datapath/super_frame_twin.ts";
import type { FuzzTarget } from "../proofs/fuzz/target.ts";
import { SimRandom } from "../sim/random.ts";
import { isSampled } from "./promises.ts";

const maxBytes = 4_096;
const drops: ReadonlySet<number> = new Set(Object.values(Drop));

/** Super-frames of different flows. */
function takenFrames(): readonly Uint8Array[] {
  const random = new SimRandom(7);
  const frames: Uint8Array[] = [];
  while (frames.length < 24) {
    const frame = new TrafficFlow(random).taken();
    if (frame.length < maxBytes) frames.push(frame);
  }
  return frames;
}

const frames = takenFrames();

const cutting = heapArena(maxBytes + 64);
const segmenter = new Segmenter(cutting);
const guard = 0xa5;

const segmenterTarget: FuzzTarget = {
  name: "super-frame",
  seeds: frames,
  maxBytes,
  words: [[1, 1], [1, 4], [1, 5], [1, 0x81], [1, 0], [8, 0], [0x86, 0xdd], [0x81, 0], [60, 0, 1, 4]].map((
    word,
  ) => Uint8Array.from(word)),
  mend: mendFrame,
  run(input) {
    const at = cutting.bytes.length - input.length;
    cutting.bytes.fill(guard, 0, at);
    cutting.bytes.set(input, at);
    const count = segmenter.begin(at, input.length);
    if (count === 0) {
      assert.ok(segmenter.drop !== Drop.none && drops.has(segmenter.drop), `${segmenter.drop} is no drop`);
      return false;
    }
    assert.equal(segmenter.drop, Drop.none);
    const segments = takeSegments(at, count, isSampled(input, 2));
    assert.ok(
      cutting.bytes.subarray(0, at).every((byte) => byte === guard),
      "bytes before the frame changed",
    );
    checkSegments(input, segments);
    return segmenter.protocol !== 0;
  },
};

function takeSegments(at: number, count: number, finish: boolean): readonly Uint8Array[] {
  assert.ok(count <= 8_192, `${count} segments`);
  const segments: Uint8Array[] = [];
  while (segmenter.next(finish)) {
    const { offset, length, longest } = segmenter;
    assert.ok(
      offset >= at + packetStart && offset + length <= cutting.bytes.length,
      "a segment lies outside",
    );
    assert.ok(length <= longest);
    segments.push(copyBytes(cutting.bytes, offset, offset + length));
  }
  assert.equal(segments.length, count);
  assert.equal(segmenter.next(finish), false);
  return segments;
}

/** Where the decoders of `core/wire` take the packet too, the twin says what comes out. */
function checkSegments(input: Uint8Array, segments: readonly Uint8Array[]): void {
  const { protocol, needsChecksum } = segmenter;
  const ip = decodeIp(input.subarray(packetStart));
  if (protocol === 0 || typeof ip === "number") return;
  if (!needsChecksum && decodeVnet(input).needsChecksum) return;
  const expected = segmentsOf(input);
  assert.equal(segments.length, expected.length);
  segments.forEach((segment, i) => {
    assert.ok(equalBytes(needsChecksum ? finished(segment) : segment, expected[i]!), `segment ${i} differs`);
  });
}

/** Lengths, the sum of the IPv4 header, and where the vnet header says that TCP or UDP is. */
function mendFrame(taken: Uint8Array): void {
  if (taken.length < packetStart + 60) return;
  const packet = taken.subarray(packetStart);
  const version = packet[0]! >>> 4;
  if (version !== 4 && version !== 6) return;
  resize(packet);
  taken.set(version === 4 ? [0x08, 0x00] : [0x86, 0xdd], packetStart - 2);
  const ip = decodeIp(packet);
  if (typeof ip === "number") return;
  taken[0] = 1;
  taken.set([14 + ip.payloadOffset, 0, ip.protocol === 6 ? 16 : 6, 0], 6);
}

const recordHeader = 6;

/** Packets as records: length, key, packet. */
function records(frame: Uint8Array): Uint8Array {
  const { start, field } = decodeVnet(frame);
  const parts = segmentsOf(frame).map((packet) => {
    const header = new Uint8Array(recordHeader);
    writeU16(header, 0, packet.length);
    writeU32(header, 2, ((start - 14) << 16) | field);
    return concatBytes(header, packet);
  });
  return concatBytes(...parts);
}

interface Added {
  readonly at: number;
  readonly packet: Uint8Array;
}

const macsAt = 0;
const ownAt = 64;
const joining = heapArena(ownAt + coalescerLength + maxBytes, 0xf000_0000);
const packetsEnd = joining.bytes.length;
let added: Added[] = [];
let delivered = 0;

const coalescer = new Coalescer(joining, ownAt, {
  write(iov, count) {
    assert.ok(count >= 2 && count <= 65);
    const pieces = Array.from({ length: count }, (_, i) => pieceAt(iov - joining.address + 16 * i, i));
    checkFrame(pieces);
    delivered += count - 1;
  },
});

interface Piece {
  readonly at: number;
  readonly bytes: Uint8Array;
}

function pieceAt(vector: number, index: number): Piece {
  const { view, bytes, address } = joining;
  const at = view.getUint32(vector, true) - address;
  const length = view.getUint32(vector + 8, true);
  assert.equal(view.getUint32(vector + 4, true) + view.getUint32(vector + 12, true), 0);
  assert.ok(at >= (index === 0 ? ownAt : ownAt + coalescerLength) && length > 0 && at + length <= packetsEnd);
  return { at, bytes: bytes.subarray(at, at + length) };
}

function checkFrame(pieces: readonly Piece[]): void {
  const frame = concatBytes(...pieces.map(({ bytes }) => bytes));
  assert.ok(frame.length <= packetStart + 65_535);
  const vnet = decodeVnet(frame);
  const packets = pieces.slice(1).map(({ at }) => added.findLast((one) => one.at <= at)!.packet);
  assert.equal(vnet.type !== 0, packets.length > 1);
  if (vnet.type === 0) return assert.equal(vnet.headerLength + vnet.segmentSize, 0);
  assert.ok(vnet.headerLength < frame.length - 10 && vnet.needsChecksum);
  const segments = segmentsOf(frame);
  assert.equal(segments.length, packets.length);
  segments.forEach((segment, i) => {
    assert.ok(
      equalBytes(unnumbered(segment), unnumbered(finished(packets[i]!))),
      `packet ${i} became another`,
    );
  });
}

const coalescerTarget: FuzzTarget = {
  name: "coalescer",
  seeds: frames.filter((frame) => frame.length < 3_000).map(records),
  maxBytes,
  mend: (input) => eachRecord(input, mendRecord),
  run(input) {
    joining.bytes.fill(guard, ownAt + coalescerLength);
    const start = packetsEnd - input.length;
    joining.bytes.set(input, start);
    added = [];
    delivered = 0;
    coalescer.destinationMac = coalescer.sourceMac = macsAt;
    eachRecord(input, (packet, key, at) => {
      const protocol = packet[0]! >>> 4 === 4 ? 0x0800 : 0x86dd;
      const fault = coalescer.packet.parse(start + at, packet.length, protocol);
      const drop = fault === Drop.none ? coalescer.add(key) : fault;
      assert.ok(drops.has(drop));
      if (drop === Drop.none) added.push({ at: start + at, packet: copyBytes(packet, 0, lengthOf(packet)) });
    });
    coalescer.flush();
    assert.equal(delivered, added.length, "a packet was lost or made up");
    return added.length > 0;
  },
};

function lengthOf(packet: Uint8Array): number {
  return packet[0]! >>> 4 === 4 ? readU16(packet, 2) : 40 + readU16(packet, 4);
}

function eachRecord(input: Uint8Array, visit: (packet: Uint8Array, key: number, at: number) => void): void {
  for (let at = 0; at + recordHeader <= input.length;) {
    const from = at + recordHeader;
    const packet = input.subarray(from, from + readU16(input, at));
    visit(packet, (readU16(input, at + 2) << 16) | readU16(input, at + 4), from);
    at = from + packet.length;
  }
}

function mendRecord(packet: Uint8Array): void {
  const version = packet.length < 40 ? 0 : packet[0]! >>> 4;
  if (version === 4 || version === 6) resize(packet);
}

export const superFrameTargets: readonly FuzzTarget[] = [segmenterTarget, coalescerTarget];
