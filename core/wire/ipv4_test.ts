import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { Drop } from "../contracts/drop.ts";
import type { Address } from "../contracts/values.ts";
import { formatAddress, parseAddress } from "./address.ts";
import { concatBytes, copyBytes } from "./bytes.ts";
import { echo4, fragments4, hex, udp4, udp6 } from "./captured_packets.ts";
import { checksum } from "./checksum.ts";
import { writeU16 } from "./field.ts";
import { allocateIpv4, decodeIpv4, Ipv4Packet } from "./ipv4.ts";

const address = fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes): Address => ({ family: 4, bytes }));

function decoded(packet: Uint8Array): Ipv4Packet {
  const result = decodeIpv4(packet);
  assert.ok(result instanceof Ipv4Packet, `dropped: ${result}`);
  return result;
}

/** `packet` with bytes replaced and the header checksum made right again. */
function altered(packet: Uint8Array, changes: Record<number, number>): Uint8Array {
  const bytes = copyBytes(packet);
  for (const [at, value] of Object.entries(changes)) bytes[Number(at)] = value;
  repair(bytes);
  return bytes;
}

function repair(bytes: Uint8Array): void {
  if (bytes.length < 20) return;
  writeU16(bytes, 10, 0);
  writeU16(bytes, 10, checksum(bytes, 0, Math.min(bytes.length, (bytes[0]! & 15) * 4)));
}

function withOptions(options: string): Uint8Array {
  const words = hex(options);
  const packet = concatBytes(udp4.subarray(0, 20), words, udp4.subarray(20));
  writeU16(packet, 2, packet.length);
  return altered(packet, { 0: 0x45 + words.length / 4 });
}

test("a datagram of the kernel decodes to what was sent", () => {
  const packet = decoded(udp4);
  assert.equal(formatAddress(packet.source), "10.32.0.1");
  assert.equal(formatAddress(packet.destination), "10.32.0.7");
  assert.deepEqual([packet.protocol, packet.hopLimit, packet.trafficClass], [17, 64, 0]);
  assert.deepEqual([packet.dontFragment, packet.isFragment, packet.identification], [true, false, 0xc33f]);
  assert.deepEqual(packet.payload.subarray(8), new TextEncoder().encode("hello"));
});

test("the kernel's fragments are recognised and their data adds up", () => {
  const [first, second] = fragments4.map(decoded);
  assert.deepEqual([first!.isFragment, first!.moreFragments, first!.fragmentOffset], [true, true, 0]);
  assert.deepEqual([second!.isFragment, second!.moreFragments, second!.fragmentOffset], [true, false, 1376]);
  assert.equal(second!.fragmentOffset, first!.payload.length);
  assert.equal(first!.payload.length + second!.payload.length, 8 + 1500);
});

test("what is built decodes to the same fields", () => {
  const fields = fc.record({
    source: address,
    destination: address,
    protocol: fc.nat(255),
    hopLimit: fc.nat(255),
    trafficClass: fc.nat(255),
    identification: fc.option(fc.nat(65_535), { nil: undefined }),
  });
  const property = fc.property(fields, fc.nat(200), (wanted, length) => {
    const packet = decoded(allocateIpv4(wanted, length));
    const { source, destination, protocol, hopLimit, trafficClass } = packet;
    assert.deepEqual({ source, destination, protocol, hopLimit, trafficClass }, {
      source: wanted.source,
      destination: wanted.destination,
      protocol: wanted.protocol,
      hopLimit: wanted.hopLimit,
      trafficClass: wanted.trafficClass,
    });
    assert.equal(packet.identification, wanted.identification ?? 0);
    assert.equal(packet.dontFragment, wanted.identification === undefined);
    assert.deepEqual(packet.payload, new Uint8Array(length));
  });
  fc.assert(property, { seed: 1, numRuns: 2000 });
});

test("mixed families and packets over 65,535 bytes cannot be built", () => {
  const [four, six] = [parseAddress("10.32.0.1")!, parseAddress("fd00::1")!];
  for (
    const [source, destination, length] of [[four, six, 0], [six, four, 0], [four, four, 65_516]] as const
  ) {
    assert.throws(() => allocateIpv4({ source, destination, protocol: 17 }, length), {
      code: "INVALID_ARGUMENT",
    });
  }
  assert.equal(allocateIpv4({ source: four, destination: four, protocol: 17 }, 65_515).length, 65_535);
});

test("bytes after Total Length are cut off", () => {
  const packet = decoded(concatBytes(udp4, new Uint8Array(13).fill(0xff)));
  assert.deepEqual(packet.bytes, udp4);
});

test("a wrong version, a short header and lengths beyond the buffer are malformed", () => {
  assert.equal(decodeIpv4(udp6), Drop.malformed);
  for (const first of [0x05, 0x15, 0x44, 0x55, 0x65, 0xf5]) {
    assert.equal(decodeIpv4(altered(udp4, { 0: first })), Drop.malformed);
  }
  assert.equal(decodeIpv4(altered(udp4, { 3: 19 })), Drop.malformed);
  assert.equal(decodeIpv4(altered(udp4, { 3: udp4.length + 1 })), Drop.malformed);
  assert.equal(decodeIpv4(altered(udp4, { 0: 0x4f })), Drop.malformed);
  for (let length = 0; length < udp4.length; length++) {
    assert.equal(decodeIpv4(udp4.subarray(0, length)), Drop.malformed);
  }
});

test("any changed bit of the header is a bad checksum unless it is malformed before that", () => {
  for (let bit = 0; bit < 160; bit++) {
    const broken = copyBytes(udp4);
    broken[bit >>> 3]! ^= 0x80 >>> (bit & 7);
    const result = decodeIpv4(broken);
    assert.ok(result === Drop.badChecksum || (bit < 32 && result === Drop.malformed), `bit ${bit}`);
  }
});

test("options are stepped over", () => {
  for (
    const options of [
      "01010101",
      "00000000",
      "94040000",
      "0704040000000000",
      "01 94040000 010000",
      "5e020101",
    ]
  ) {
    const packet = decoded(withOptions(options));
    assert.deepEqual(packet.payload, udp4.subarray(20), options);
  }
});

test("source routes are unsupported and broken options malformed", () => {
  for (const options of ["830704 0a200007 00", "890704 0a200007 00", "01830704 0a200007"]) {
    assert.equal(decodeIpv4(withOptions(options)), Drop.unsupported, options);
  }
  for (const options of ["94000000", "94010000", "94050000", "01010194", "0709040000000000"]) {
    assert.equal(decodeIpv4(withOptions(options)), Drop.malformed, options);
  }
});

test("fragments that no sender makes are malformed", () => {
  const whole = altered(echo4.request, { 6: 0x20 });
  assert.equal(typeof decodeIpv4(whole), "object");
  assert.equal(decodeIpv4(altered(udp4, { 6: 0x20 })), Drop.malformed, "13 bytes and more to come");
  assert.equal(
    decodeIpv4(altered(echo4.request, { 6: 0x1f, 7: 0xff })),
    Drop.malformed,
    "ends beyond 64 KiB",
  );
  const empty = altered(udp4.subarray(0, 20), { 3: 20, 6: 0x20 });
  assert.equal(decodeIpv4(empty), Drop.malformed, "no data and more to come");
});
