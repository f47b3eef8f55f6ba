import assert from "node:assert/strict";
import { finished, segmentsOf } from "../../tests/datapath/super_frame_twin.ts";
import { test } from "../../tests/harness.ts";
import { Drop } from "../contracts/drop.ts";
import { copyBytes } from "../wire/bytes.ts";
import { hex } from "../wire/captured_packets.ts";
import { readU16, readU32, writeU16 } from "../wire/field.ts";
import { decodeIp } from "../wire/ip.ts";
import { heapArena } from "./arena.ts";
import { Segmenter } from "./segmenter.ts";
import {
  frameOf,
  type PacketFields,
  partialPacket,
  payloadOf,
  type VnetFields,
} from "./super_frame_fixture.ts";

const at = 128;

/** A segmenter that has taken the frame, at the very end of its memory. */
function begun(frame: Uint8Array): { segmenter: Segmenter; count: number; bytes: Uint8Array } {
  const arena = heapArena(at + frame.length);
  arena.bytes.set(frame, at);
  const segmenter = new Segmenter(arena);
  return { segmenter, count: segmenter.begin(at, frame.length), bytes: arena.bytes };
}

function cut(frame: Uint8Array, finish = true): Uint8Array[] {
  const { segmenter, bytes } = begun(frame);
  const segments: Uint8Array[] = [];
  while (segmenter.next(finish)) {
    segments.push(copyBytes(bytes, segmenter.offset, segmenter.offset + segmenter.length));
  }
  return segments;
}

function dropOf(fields: PacketFields, vnet: VnetFields): Drop {
  const { segmenter, count } = begun(frameOf(partialPacket(fields), vnet));
  assert.equal(count, segmenter.drop === Drop.none ? count : 0);
  assert.equal(segmenter.next(true), count > 0);
  return segmenter.drop;
}

const kinds = [
  { family: 4, upper: "tcp", type: 1 },
  { family: 6, upper: "tcp", type: 4 },
  { family: 4, upper: "udp", type: 5 },
  { family: 6, upper: "udp", type: 5 },
] as const;

test("a super-frame becomes the packets that the kernel would have made of it, of both families and protocols", () => {
  for (const { type, ...kind } of kinds) {
    for (const length of [101, 200, 1000, 9999]) {
      const packet = partialPacket({ ...kind, payload: payloadOf(length), flags: 0x19 });
      const frame = frameOf(packet, { type, segmentSize: 100 });
      const segments = cut(frame);
      assert.deepEqual(segments, segmentsOf(frame));
      assert.equal(segments.length, Math.ceil(length / 100));
      for (const segment of segments) assert.equal(typeof decodeIp(segment), "object");
    }
  }
});

test("FIN and PSH stay on the last segment, CWR on the first, and the sequence number wraps", () => {
  const packet = partialPacket({
    payload: payloadOf(25),
    flags: 0x99,
    sequence: 0xffff_fff6,
    identification: 0xffff,
  });
  const segments = cut(frameOf(packet, { type: 0x81, segmentSize: 10 }));
  assert.deepEqual(segments.map((segment) => segment[33]), [0x90, 0x10, 0x19]);
  assert.deepEqual(segments.map((segment) => readU32(segment, 24)), [0xffff_fff6, 0, 10]);
  assert.deepEqual(segments.map((segment) => readU16(segment, 4)), [0xffff, 0, 1]);
});

test("a checksum that the far end completes is not touched, and where it is has been said", () => {
  const frame = frameOf(partialPacket({ family: 6, payload: payloadOf(300) }), { type: 4, segmentSize: 100 });
  const { segmenter } = begun(frame);
  const { needsChecksum, checksumStart, checksumOffset, longest, protocol, packet: { headerLength } } =
    segmenter;
  assert.deepEqual([needsChecksum, checksumStart, checksumOffset, longest], [true, 40, 16, 160]);
  assert.deepEqual([headerLength, protocol], [60, 0x86dd]);
  assert.deepEqual(cut(frame, false).map(finished), segmentsOf(frame));
});

test("a frame without offloads comes out as it went in, without the padding of the link", () => {
  const packet = finished(partialPacket({ payload: payloadOf(3) }));
  const padded = copyBytes(frameOf(packet, { flags: 0, start: 0, field: 0 }), 0, 24 + packet.length);
  assert.deepEqual(cut(padded), [packet]);
  const longer = new Uint8Array(padded.length + 7);
  longer.set(padded);
  assert.deepEqual(cut(longer), [packet]);
});

test("a partial checksum of a single packet is completed when asked to", () => {
  for (const { family, upper } of kinds) {
    const packet = partialPacket({ family, upper, payload: payloadOf(33) });
    assert.deepEqual(cut(frameOf(packet)), [finished(packet)]);
    assert.deepEqual(cut(frameOf(packet), false), [packet]);
  }
});

test("a checksum deeper in the packet, as in a tunnel, is completed at once", () => {
  const inner = partialPacket({ payload: payloadOf(40) });
  const outer = finished(partialPacket({ upper: "udp", payload: inner }));
  const frame = frameOf(outer, { start: 14 + 28 + 20, field: 16 });
  const { segmenter } = begun(frame);
  assert.equal(segmenter.needsChecksum, false);
  const [segment] = cut(frame, false);
  assert.deepEqual(copyBytes(segment!, 28), finished(inner));
});

test("frames that hold no IP packet are one segment that nobody looks into", () => {
  for (const etherType of ["0806", "8100", "88cc"]) {
    const frame = frameOf(partialPacket({}), { flags: 0 });
    frame.set(hex(etherType), 22);
    const { segmenter, count } = begun(frame);
    assert.deepEqual([count, segmenter.protocol, segmenter.drop], [1, 0, Drop.none]);
    assert.deepEqual(cut(frame), [copyBytes(frame, 24)]);
  }
});

test("fragments pass whole, and are never cut", () => {
  const packet = partialPacket({ upper: "udp", payload: payloadOf(64), dontFragment: false });
  packet[6] = 0x20;
  writeU16(packet, 10, readU16(packet, 10) - 0x2000);
  const { segmenter, count } = begun(frameOf(packet, { flags: 0 }));
  assert.deepEqual([count, segmenter.packet.isFragment, segmenter.needsChecksum], [1, true, false]);
  const superFrame = begun(frameOf(packet, { type: 5, segmentSize: 16 }));
  assert.deepEqual([superFrame.count, superFrame.segmenter.drop], [0, Drop.malformed]);
});

test("IPv6 extension headers are copied in front of every segment", () => {
  const extensions = hex("0600010400000000");
  const packet = partialPacket({ family: 6, extensions, payload: payloadOf(250) });
  const frame = frameOf(packet, { type: 4, segmentSize: 100, start: 62, field: 16 });
  assert.equal(begun(frame).segmenter.packet.hasOptions, true);
  assert.deepEqual(cut(frame), segmentsOf(frame));
  assert.equal(cut(frame).length, 3);
});

test("absurd headers are dropped with a reason", () => {
  const payload = payloadOf(1000);
  const tcp = { type: 1, segmentSize: 100 };
  const udp = { type: 5, segmentSize: 100 };
  const faults: readonly (readonly [PacketFields, VnetFields, Drop])[] = [
    [{ payload }, { ...tcp, segmentSize: 0 }, Drop.malformed],
    [{ payload }, { ...tcp, segmentSize: 7 }, Drop.malformed],
    [{}, tcp, Drop.malformed],
    [{ payload }, { ...tcp, flags: 0 }, Drop.malformed],
    [{ payload }, { ...tcp, start: 33 }, Drop.malformed],
    [{ payload }, { ...tcp, field: 6 }, Drop.malformed],
    [{ payload }, { ...tcp, type: 4 }, Drop.malformed],
    [{ payload }, { ...tcp, type: 5, field: 6 }, Drop.malformed],
    [{ payload }, { ...tcp, type: 3 }, Drop.unsupported],
    [{ payload, upper: "udp" }, { ...udp, type: 1 }, Drop.malformed],
    [{ payload, upper: "udp" }, { ...udp, segmentSize: 7 }, Drop.malformed],
    [{ payload, upper: "udp" }, { ...udp, segmentSize: 0 }, Drop.malformed],
    [{ payload }, { start: 0xffff, field: 0xffff }, Drop.malformed],
    [{ payload }, { start: 13 }, Drop.malformed],
    [{ payload }, { start: 1053, field: 0 }, Drop.malformed],
    [{ payload, upper: "udp" }, { ...udp, segmentSize: 8 }, Drop.none],
    [{ payload }, { ...tcp, segmentSize: 8 }, Drop.none],
    [{ payload }, { ...tcp, segmentSize: 0xffff }, Drop.none],
  ];
  faults.forEach(([fields, vnet, drop], i) => assert.equal(dropOf(fields, vnet), drop, `fault ${i}`));
});

test("lengths that lie, wrong sums and other versions are dropped", () => {
  const good = frameOf(partialPacket({ payload: payloadOf(100) }), { type: 1, segmentSize: 50 });
  const bad = (...changes: readonly (readonly [number, number])[]) => {
    const frame = copyBytes(good);
    for (const [place, value] of changes) frame[24 + place] = value;
    return begun(frame).segmenter.drop;
  };
  assert.equal(bad(), Drop.none);
  assert.equal(bad([0, 0x65]), Drop.malformed);
  assert.equal(bad([0, 0x44]), Drop.malformed);
  assert.equal(bad([2, 0xff]), Drop.malformed);
  assert.equal(bad([8, 1]), Drop.badChecksum);
  assert.equal(bad([32, 0xf0], [33, 0]), Drop.none);
  assert.equal(bad([32, 0x40]), Drop.malformed);
  for (let length = 0; length < 24; length++) {
    assert.equal(begun(copyBytes(good, 0, length)).segmenter.drop, Drop.malformed);
  }
});

test("nothing of a frame is left for the next one", () => {
  const payload = payloadOf(200);
  const superFrame = frameOf(partialPacket({ family: 6, payload }), { type: 4, segmentSize: 100 });
  const extended = frameOf(
    finished(partialPacket({ family: 6, payload, extensions: hex("0600010400000000") })),
    { flags: 0 },
  );
  const refused = frameOf(partialPacket({ payload }), { type: 3 });
  const arp = frameOf(partialPacket({}), { flags: 0 });
  arp.set(hex("0806"), 22);
  const arena = heapArena(1024);
  const segmenter = new Segmenter(arena);
  const seen = [superFrame, extended, refused, arp, superFrame].map((frame) => {
    arena.bytes.set(frame, at);
    segmenter.begin(at, frame.length);
    segmenter.next(false);
    const { drop, protocol, needsChecksum, longest } = segmenter;
    return [drop, protocol, needsChecksum, longest];
  });
  assert.deepEqual(seen, [
    [Drop.none, 0x86dd, true, 160],
    [Drop.none, 0x86dd, false, 268],
    [Drop.unsupported, 0x0800, false, 240],
    [Drop.none, 0, false, 40],
    [Drop.none, 0x86dd, true, 160],
  ]);
});

test("addresses are found in both families", () => {
  const places = ([4, 6] as const).map((family) => {
    const { segmenter } = begun(frameOf(partialPacket({ family })));
    const { packet, ipOffset } = segmenter;
    return [packet.sourceOffset, packet.destinationOffset, ipOffset].map((offset) => offset - at);
  });
  assert.deepEqual(places, [[36, 40, 24], [32, 48, 24]]);
});

test("128 datagrams of one byte are cut, 129 are not", () => {
  const vnet = { type: 5, segmentSize: 1 };
  const frame = frameOf(partialPacket({ upper: "udp", payload: payloadOf(128) }), vnet);
  assert.deepEqual(cut(frame), segmentsOf(frame));
  assert.equal(dropOf({ upper: "udp", payload: payloadOf(129) }, vnet), Drop.malformed);
});

test("a super-frame of a single datagram gets the datagram's length", () => {
  const packet = partialPacket({ upper: "udp", payload: payloadOf(50) });
  const whole = finished(packet);
  writeU16(packet, 24, 0xffff);
  assert.deepEqual(cut(frameOf(packet, { type: 5, segmentSize: 50 })), [whole]);
});

test("super-frames with padding, other EtherTypes or endless headers are refused", () => {
  const good = frameOf(partialPacket({ payload: payloadOf(300) }), { type: 1, segmentSize: 100 });
  const padded = new Uint8Array(good.length + 1);
  padded.set(good);
  assert.equal(begun(padded).segmenter.drop, Drop.malformed);
  for (const [etherType, drop] of [["86dd", Drop.malformed], ["8100", Drop.unsupported]] as const) {
    const frame = copyBytes(good);
    frame.set(hex(etherType), 22);
    assert.equal(begun(frame).segmenter.drop, drop);
  }
  const withExtension = (length: number) => {
    const extensions = new Uint8Array(length).fill(0, 2);
    extensions.set([6, length / 8 - 1]);
    const packet = partialPacket({ family: 6, extensions, payload: payloadOf(300) });
    return begun(frameOf(packet, { type: 4, segmentSize: 100, start: 54 + length, field: 16 }));
  };
  assert.equal(withExtension(136).count, 3);
  assert.equal(withExtension(144).segmenter.drop, Drop.malformed);
});

test("a sum of zero is written in its other form, for UDP as in a tunnel", () => {
  const packet = partialPacket({ upper: "udp", payload: new Uint8Array(2) });
  const sum = readU16(finished(packet), 26);
  writeU16(packet, 28, sum);
  assert.equal(readU16(cut(frameOf(packet))[0]!, 26), 0xffff);
  const tunnel = copyBytes(packet);
  // From the field on, all is zero but what makes the sum of ones.
  tunnel.fill(0, 26);
  writeU16(tunnel, 26, 0xffff);
  assert.equal(readU16(cut(frameOf(tunnel, { start: 40, field: 0 }))[0]!, 26), 0xffff);
});
