import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { Drop } from "../contracts/drop.ts";
import { parseAddress } from "./address.ts";
import { concatBytes, copyBytes } from "./bytes.ts";
import { fragments4, hex } from "./captured_packets.ts";
import { checksum } from "./checksum.ts";
import { writeU16 } from "./field.ts";
import { fragmentIpv4 } from "./fragment.ts";
import { allocateIpv4, decodeIpv4, type Ipv4Packet } from "./ipv4.ts";

const route = { source: parseAddress("10.32.0.1")!, destination: parseAddress("10.32.0.7")!, protocol: 17 };

function decode(bytes: Uint8Array): Ipv4Packet {
  const packet = decodeIpv4(bytes);
  assert.ok(typeof packet === "object", `drop ${packet}`);
  return packet;
}

function fragment(packet: Ipv4Packet, mtu: number): readonly Ipv4Packet[] {
  const fragments = fragmentIpv4(packet, mtu);
  assert.ok(typeof fragments === "object", `drop ${fragments}`);
  return fragments.map(decode);
}

/** A packet that may be fragmented, with these options and `length` bytes that tell their place. */
function packetOf(length: number, options = ""): Ipv4Packet {
  const plain = allocateIpv4({ ...route, identification: 0xc4a4, trafficClass: 0x28, hopLimit: 9 }, length);
  for (let i = 0; i < length; i++) plain[20 + i] = i * 7 + (i >>> 8);
  const bytes = concatBytes(plain.subarray(0, 20), hex(options), plain.subarray(20));
  bytes[0] = 0x45 + hex(options).length / 4;
  writeU16(bytes, 2, bytes.length);
  writeU16(bytes, 10, 0);
  writeU16(bytes, 10, checksum(bytes, 0, bytes.length - length));
  return decode(bytes);
}

/** What a receiver does: bytes to their places until there is no gap. */
function together(fragments: readonly Ipv4Packet[]): Uint8Array {
  const last = fragments.find((one) => !one.moreFragments);
  assert.ok(last, "no last fragment");
  const whole = new Uint8Array(last.fragmentOffset + last.payload.length);
  let filled = 0;
  for (const one of fragments) {
    whole.set(one.payload, one.fragmentOffset);
    filled += one.payload.length;
  }
  assert.equal(filled, whole.length, "a gap or an overlap");
  return whole;
}

test("our fragments are the kernel's bit for bit", () => {
  const [first, second] = fragments4;
  const bytes = concatBytes(first, second.subarray(20));
  writeU16(bytes, 2, bytes.length);
  writeU16(bytes, 6, 0);
  writeU16(bytes, 10, 0);
  writeU16(bytes, 10, checksum(bytes, 0, 20));
  assert.deepEqual(fragmentIpv4(decode(bytes), 1400), [first, second]);
});

test("fragments of any packet fit the MTU, keep its fields and give its data together again", () => {
  const options = fc.constantFrom(
    "",
    "94040000",
    "01010100",
    "440c0500000000000000000094040000",
    "0704040094040000",
  );
  const property = fc.property(
    fc.nat(5000),
    fc.integer({ min: 68, max: 1600 }),
    options,
    (length, mtu, text) => {
      const packet = packetOf(length, text);
      const fragments = fragment(packet, mtu);
      assert.ok(fragments.every((one) => one.bytes.length <= mtu));
      for (const one of fragments) {
        assert.deepEqual([one.source, one.destination, one.protocol], [
          packet.source,
          packet.destination,
          17,
        ]);
        assert.deepEqual([one.identification, one.hopLimit, one.trafficClass], [0xc4a4, 9, 0x28]);
      }
      assert.deepEqual(together(fragments), copyBytes(packet.payload));
      const fewest = Math.ceil(
        (packet.bytes.length - packet.payloadOffset) / ((mtu - packet.payloadOffset) & ~7),
      );
      assert.ok(fragments.length <= Math.max(1, fewest), "more fragments than needed");
    },
  );
  fc.assert(property, { seed: 1, numRuns: 1000 });
});

test("the last fragment is filled to the MTU, which need not be a multiple of 8", () => {
  assert.deepEqual(fragment(packetOf(161), 101).map((one) => one.bytes.length), [100, 101]);
  assert.deepEqual(fragment(packetOf(162), 101).map((one) => one.bytes.length), [100, 100, 22]);
});

test("fragments are divided further, and the data stays whole", () => {
  const mtus = fc.array(fc.integer({ min: 68, max: 900 }), { minLength: 2, maxLength: 4 });
  const property = fc.property(fc.nat(4000), mtus, (length, path) => {
    const packet = packetOf(length, "94040000");
    const arrived = path.reduce((parts, mtu) => parts.flatMap((part) => fragment(part, mtu)), [packet]);
    assert.deepEqual(together(arrived), copyBytes(packet.payload));
  });
  fc.assert(property, { seed: 1, numRuns: 300 });
});

test("an option is in every fragment if its copied bit says so, else in the first", () => {
  // Timestamp (68), no-operation, router alert (148, copied), end of options.
  const packet = packetOf(300, "4408050000000000 01 94040000 000000");
  const [first, ...later] = fragment(packet, 120);
  assert.deepEqual(first!.bytes.subarray(20, 36), packet.bytes.subarray(20, 36));
  assert.ok(later.length > 1);
  for (const one of later) assert.deepEqual(one.bytes.subarray(20, one.payloadOffset), hex("94040000"));
});

test("copied options are padded to words, and what follows the end of options is not copied", () => {
  const packet = packetOf(200, "8803aa 00 94040000");
  const [, second] = fragment(packet, 100);
  assert.deepEqual(second!.bytes.subarray(20, second!.payloadOffset), hex("8803aa00"));
});

test("a packet within the MTU stays as it is", () => {
  const packet = packetOf(80);
  const fragments = fragmentIpv4(packet, 100);
  assert.ok(typeof fragments === "object" && fragments.length === 1 && fragments[0] === packet.bytes);
});

test("what may not be fragmented, or has no room for 8 bytes behind its header, is too big", () => {
  assert.equal(fragmentIpv4(decode(allocateIpv4(route, 81)), 100), Drop.tooBig);
  assert.equal(fragmentIpv4(packetOf(81), 27), Drop.tooBig);
  assert.equal(fragment(packetOf(81), 28).length, 11);
  assert.equal(fragmentIpv4(packetOf(81), 0), Drop.tooBig);
});

test("the largest packet becomes no more fragments than its data needs", () => {
  const fragments = fragment(packetOf(65_515), 68);
  assert.equal(fragments.length, Math.ceil(65_515 / 48));
  assert.equal(together(fragments).length, 65_515);
});
