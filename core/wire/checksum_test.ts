import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { hex, tcp4, tcp6, udp4, udp6 } from "./captured_packets.ts";
import { checksum, foldSum, pseudoSum4, pseudoSum6, sumView, sumWords } from "./checksum.ts";
import { copyBytes } from "./bytes.ts";

/** RFC 1071 by the letter: pad, add 16 bits at a time, wrap every carry at once, complement. */
function slowChecksum(bytes: Uint8Array): number {
  const padded = bytes.length % 2 === 0 ? [...bytes] : [...bytes, 0];
  let sum = 0;
  for (let i = 0; i < padded.length; i += 2) {
    sum += padded[i]! * 256 + padded[i + 1]!;
    if (sum > 65_535) sum -= 65_535;
  }
  return 65_535 - sum;
}

test("the example of RFC 1071 section 3 sums to ddf2", () => {
  const data = hex("0001f203f4f5f6f7");
  assert.equal(sumWords(data, 0, 8), 0x2ddf0);
  assert.equal(foldSum(sumWords(data, 0, 8)), 0xddf2);
  assert.equal(checksum(data, 0, 8), 0x220d);
});

test("the checksum is that of a slow twin at every offset and length", () => {
  const property = fc.property(
    fc.uint8Array({ maxLength: 80 }),
    fc.nat(80),
    fc.nat(80),
    (bytes, from, size) => {
      const offset = Math.min(from, bytes.length);
      const length = Math.min(size, bytes.length - offset);
      assert.equal(checksum(bytes, offset, length), slowChecksum(copyBytes(bytes, offset, offset + length)));
    },
  );
  fc.assert(property, { seed: 1, numRuns: 5000 });
});

test("parts of even length add up to the whole", () => {
  const property = fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(40), (bytes, half) => {
    const cut = Math.min(2 * half, bytes.length & ~1);
    const sum = sumWords(bytes, cut, bytes.length - cut, sumWords(bytes, 0, cut));
    assert.equal(sum, sumWords(bytes, 0, bytes.length));
  });
  fc.assert(property, { seed: 1, numRuns: 2000 });
});

test("a packet of the largest size, all ones, sums without overflow", () => {
  const bytes = new Uint8Array(65_535).fill(255);
  assert.equal(checksum(bytes, 0, bytes.length), slowChecksum(bytes));
  const huge = new Uint8Array(1 << 20).fill(255);
  assert.equal(checksum(huge, 0, huge.length), 0);
});

test("a sum at the edge folds until no carry is left", () => {
  for (const [sum, folded] of [[0, 0], [0xffff, 0xffff], [0x1_0000, 1], [0x1_ffff, 1], [0x1_fffe, 0xffff]]) {
    assert.equal(foldSum(sum!), folded);
  }
  assert.equal(foldSum(0xffff_ffff), 0xffff);
  assert.equal(foldSum(2 ** 48 - 1), 0xffff);
});

test("data with its right checksum verifies to zero and one changed bit does not", () => {
  const property = fc.property(fc.uint8Array({ minLength: 4, maxLength: 60 }), fc.nat(), (bytes, at) => {
    bytes.fill(0, 2, 4);
    const sum = checksum(bytes, 0, bytes.length);
    bytes.set([sum >>> 8, sum & 255], 2);
    assert.equal(checksum(bytes, 0, bytes.length), 0);
    bytes[at % bytes.length]! ^= 1;
    assert.notEqual(checksum(bytes, 0, bytes.length), 0);
  });
  fc.assert(property, { seed: 1, numRuns: 2000 });
});

test("transport checksums of the kernel verify with the pseudo-headers of both families", () => {
  for (const [packet, protocol] of [[udp4, 17], [tcp4, 6]] as const) {
    const length = packet.length - 20;
    assert.equal(checksum(packet, 20, length, pseudoSum4(packet, 0, protocol, length)), 0);
  }
  for (const [packet, protocol] of [[udp6, 17], [tcp6, 6]] as const) {
    const length = packet.length - 40;
    assert.equal(checksum(packet, 40, length, pseudoSum6(packet, 0, protocol, length)), 0);
  }
});

test("the IPv6 pseudo-header holds the length in 32 bits", () => {
  assert.equal(pseudoSum6(new Uint8Array(40), 0, 17, 0x12_3456), 0x12 + 0x3456 + 17);
});

test("pseudo-headers are read at the header's offset in a larger buffer", () => {
  const buffer = new Uint8Array(200).fill(0xee);
  buffer.set(udp6, 31);
  const length = udp6.length - 40;
  assert.equal(checksum(buffer, 71, length, pseudoSum6(buffer, 31, 17, length)), 0);
});

test("a sum of 32 bits at a time is that of the words, at any offset and for any length", () => {
  const bytes = fc.uint8Array({ minLength: 0, maxLength: 70 });
  fc.assert(fc.property(bytes, fc.nat(8), fc.nat(0xffff_ffff), (data, offset, initial) => {
    const room = new Uint8Array(offset + data.length + 8).fill(0xa5);
    room.set(data, offset);
    const sum = sumView(new DataView(room.buffer), offset, data.length, initial);
    assert.equal(foldSum(sum), foldSum(sumWords(data, 0, data.length, initial)));
  }));
  const large = new Uint8Array(70_000).fill(0xff);
  assert.equal(foldSum(sumView(new DataView(large.buffer), 1, 69_999)), foldSum(sumWords(large, 1, 69_999)));
});
