import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimRandom } from "../../tests/sim/random.ts";
import { Drop } from "../contracts/drop.ts";
import { concatBytes, copyBytes } from "../wire/bytes.ts";
import * as captured from "../wire/captured_packets.ts";
import { hex } from "../wire/captured_packets.ts";
import { checksum } from "../wire/checksum.ts";
import { writeU16 } from "../wire/field.ts";
import { decodeIp } from "../wire/ip.ts";
import { heapArena } from "./arena.ts";
import { finished } from "../../tests/datapath/super_frame_twin.ts";
import { partialPacket, payloadOf } from "./super_frame_fixture.ts";
import { ArenaPacket } from "./super_frame_packet.ts";

function etherTypeOf(packet: Uint8Array): number {
  return packet[0]! >>> 4 === 6 ? 0x86dd : 0x0800;
}

/** Read at the very end of its memory. */
function read(bytes: Uint8Array): { packet: ArenaPacket; drop: Drop } {
  const arena = heapArena(64 + bytes.length);
  arena.bytes.set(bytes, 64);
  const packet = new ArenaPacket(arena);
  return { packet, drop: packet.parse(64, bytes.length, etherTypeOf(bytes)) };
}

/** A TCP segment behind these extension headers, of which the first is of type `next`. */
function behind(next: number, extensions: string): Uint8Array {
  const bytes = hex(extensions);
  const packet = partialPacket({ family: 6, extensions: bytes, payload: payloadOf(16) });
  packet[6] = next;
  return packet;
}

test("extension headers are walked to TCP, and what is none of them is not", () => {
  const chain = "2b00010400000000 3c02000000000000 0000000000000000 0000000000000000 0600010400000000";
  const { packet, drop } = read(behind(0, chain));
  assert.deepEqual([drop, packet.upper, packet.upperStart, packet.upperHeader], [Drop.none, 6, 80, 20]);
  assert.deepEqual([packet.hasOptions, packet.isFragment], [true, false]);
  const authenticated = read(behind(51, "0601000000000000"));
  assert.deepEqual([authenticated.packet.upper, authenticated.packet.hasOptions], [51, false]);
});

test("whole packets with whole headers are the data path's own; all else is for whoever reads it to the end", () => {
  const plain = (bytes: Uint8Array) => {
    const { drop, packet } = read(bytes);
    return drop === Drop.none && packet.isPlain;
  };
  /** With a header of nothing but `bytes` above IP. */
  const above = (family: 4 | 6, upper: number, bytes: Uint8Array) => {
    const udp = finished(partialPacket({ family, upper: "udp" }));
    const packet = concatBytes(udp.subarray(0, family === 4 ? 20 : 40), bytes);
    packet[family === 4 ? 9 : 6] = upper;
    if (family === 6) writeU16(packet, 4, bytes.length);
    else {
      writeU16(packet, 2, packet.length);
      writeU16(packet, 10, 0);
      writeU16(packet, 10, checksum(packet, 0, 20));
    }
    return packet;
  };
  for (const family of [4, 6] as const) {
    for (const upper of ["tcp", "udp"] as const) assert.equal(plain(partialPacket({ family, upper })), true);
    assert.equal(plain(above(family, 6, new Uint8Array(20))), false, "a TCP header without a length");
    assert.equal(plain(above(family, 17, new Uint8Array(7))), false);
  }
  assert.deepEqual([8, 7].map((length) => plain(above(4, 1, new Uint8Array(length)))), [true, false]);
  assert.deepEqual([12, 11].map((length) => plain(above(4, 132, new Uint8Array(length)))), [true, false]);
  assert.deepEqual([2, 47].map((upper) => plain(above(4, upper, new Uint8Array(8)))), [false, true]);
  const message = (type: number) => above(6, 58, Uint8Array.of(type, ...new Uint8Array(7)));
  assert.deepEqual([1, 128, 129, 130, 135].map((type) => plain(message(type))), [
    true,
    true,
    true,
    false,
    false,
  ]);
  assert.deepEqual([1, 127, 128].map((type) => read(message(type)).packet.isIcmpError), [true, true, false]);
  const errors = [0, 3, 8, 11, 13].map((type) => above(4, 1, Uint8Array.of(type, ...new Uint8Array(7))));
  assert.deepEqual(errors.map((packet) => read(packet).packet.isIcmpError), [
    false,
    true,
    false,
    true,
    false,
  ]);
  const tcp = above(4, 6, Uint8Array.of(1, 2, 3, 4, ...new Uint8Array(8), 0x50, ...new Uint8Array(7)));
  assert.deepEqual([tcp, above(4, 47, new Uint8Array(8))].map((each) => read(each).packet.ports), [
    0x0102_0304,
    0,
  ]);
});

test("a fragment header ends the walk, whatever comes behind it", () => {
  const { packet, drop } = read(behind(44, "0600000000000001"));
  assert.deepEqual([drop, packet.isFragment, packet.upperHeader, packet.hasOptions], [
    Drop.none,
    true,
    0,
    true,
  ]);
  const next = read(partialPacket({ family: 6 }));
  assert.deepEqual([next.packet.isFragment, next.packet.hasOptions], [false, false]);
});

test("chains that are too long, out of order, source routes or run out of the packet are dropped", () => {
  const options = (count: number) => "3c00010400000000".repeat(count - 1) + "0600010400000000";
  assert.equal(read(behind(60, options(8))).drop, Drop.none);
  assert.equal(read(behind(60, options(9))).drop, Drop.malformed);
  assert.equal(read(behind(60, "0000010400000000 0600010400000000")).drop, Drop.malformed);
  assert.equal(read(behind(43, "0600000000000000")).drop, Drop.none);
  assert.equal(read(behind(43, "0600000100000000")).drop, Drop.unsupported);
  assert.equal(read(behind(60, "06ff010400000000")).drop, Drop.malformed);
  const whole = behind(60, options(2));
  for (let length = 40; length < 56; length++) {
    const short = copyBytes(whole, 0, length);
    writeU16(short, 4, length - 40);
    assert.equal(read(short).drop, Drop.malformed, `${length} bytes`);
  }
});

test("TCP and UDP headers count only if they are whole", () => {
  const tcp = partialPacket({ options: hex("01010101") });
  for (const [length, header] of [[19, 0], [23, 0], [24, 24]] as const) {
    const short = copyBytes(tcp, 0, 20 + length);
    writeU16(short, 2, short.length);
    writeU16(short, 10, 0);
    writeU16(short, 10, checksum(short, 0, 20));
    assert.equal(read(short).packet.upperHeader, header);
  }
  const udp = partialPacket({ family: 6, upper: "udp" });
  assert.equal(read(udp).packet.upperHeader, 8);
  writeU16(udp, 4, 7);
  assert.equal(read(udp).packet.upperHeader, 0);
});

test("packets shorter than their own length, or than any header, are malformed", () => {
  for (const packet of [captured.tcp4, captured.tcp6]) {
    for (let length = 0; length < packet.length; length++) {
      assert.equal(read(copyBytes(packet, 0, length)).drop, Drop.malformed, `${length} bytes`);
    }
    const padded = read(concatBytes(packet, new Uint8Array(3)));
    assert.deepEqual([padded.drop, padded.packet.length], [Drop.none, packet.length]);
  }
  assert.equal(read(hex("6f")).drop, Drop.malformed);
  assert.equal(read(new Uint8Array(40).fill(0x55)).drop, Drop.malformed);
});

test("whatever the decoders of the wire accept is read to be the same", () => {
  const random = new SimRandom(5);
  const seeds = [captured.tcp4, captured.tcp6, captured.udp4, captured.udp6, ...captured.fragments4];
  const chains = [behind(0, "3c00010400000000 0600010400000000"), behind(43, "0600000000000000")];
  let accepted = 0;
  for (let i = 0; i < 20_000; i++) {
    const bytes = copyBytes(random.pick([...seeds, ...chains]), 0, 100);
    bytes[random.below(Math.min(bytes.length, 64))] = random.pick([0, 6, 17, 43, 44, 60, random.below(256)]);
    if (bytes[0]! >>> 4 === 4) {
      writeU16(bytes, 2, bytes.length);
      writeU16(bytes, 10, 0);
      writeU16(bytes, 10, checksum(bytes, 0, Math.min(bytes.length, (bytes[0]! & 15) * 4)));
    }
    const expected = decodeIp(bytes);
    const { packet, drop } = read(bytes);
    if (typeof expected === "number") continue;
    accepted++;
    assert.equal(drop, Drop.none);
    assert.equal(packet.length, expected.bytes.length);
    if (expected.isFragment) assert.ok(packet.isFragment);
    if (packet.isFragment) continue;
    assert.deepEqual([packet.upper, packet.upperStart], [expected.protocol, expected.payloadOffset]);
  }
  assert.ok(accepted > 10_000, `${accepted} of them`);
});
