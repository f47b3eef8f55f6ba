import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { Drop } from "../contracts/drop.ts";
import type { Address } from "../contracts/values.ts";
import { formatAddress, parseAddress } from "./address.ts";
import { concatBytes, copyBytes } from "./bytes.ts";
import { fragments6, hex, udp4, udp6 } from "./captured_packets.ts";
import { writeU16 } from "./field.ts";
import { allocateIpv6, decodeIpv6, Ipv6Packet } from "./ipv6.ts";

const address = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes): Address => ({
  family: 6,
  bytes,
}));

function decoded(packet: Uint8Array): Ipv6Packet {
  const result = decodeIpv6(packet);
  assert.ok(result instanceof Ipv6Packet, `dropped: ${result}`);
  return result;
}

/** The kernel's datagram behind extension headers given as [type, hex without its Next Header byte]. */
function withExtensions(...extensions: [number, string][]): Uint8Array {
  const types = [...extensions.map(([type]) => type), 17];
  const headers = extensions.map(([, text], i) => concatBytes(Uint8Array.of(types[i + 1]!), hex(text)));
  const packet = concatBytes(udp6.subarray(0, 40), ...headers, udp6.subarray(40));
  packet[6] = types[0]!;
  writeU16(packet, 4, packet.length - 40);
  return packet;
}

const hopByHop: [number, string] = [0, "00 0104 00000000"];
const options: [number, string] = [60, "00 0104 00000000"];
const longOptions: [number, string] = [60, "01 010c 000000000000000000000000"];
const routingDone: [number, string] = [43, "02 0400 00000000 fd000000000000000000000000000009"];
const routingAhead: [number, string] = [43, "02 0401 00000000 fd000000000000000000000000000009"];
const atomic: [number, string] = [44, "00 0000 01020304"];

test("a datagram of the kernel decodes to what was sent", () => {
  const packet = decoded(udp6);
  assert.equal(formatAddress(packet.source), "fd00::1");
  assert.equal(formatAddress(packet.destination), "fd00::7");
  assert.deepEqual([packet.protocol, packet.hopLimit, packet.trafficClass], [17, 64, 0]);
  assert.deepEqual([packet.flowLabel, packet.isFragment, packet.payloadOffset], [0x548c3, false, 40]);
  assert.deepEqual(packet.payload.subarray(8), new TextEncoder().encode("hello!"));
});

test("the kernel's fragments are recognised and their data adds up", () => {
  const [first, second] = fragments6.map(decoded);
  assert.deepEqual([first!.protocol, second!.protocol], [17, 17]);
  assert.deepEqual([first!.isFragment, first!.moreFragments, first!.fragmentOffset], [true, true, 0]);
  assert.deepEqual([second!.isFragment, second!.moreFragments, second!.fragmentOffset], [true, false, 1352]);
  assert.equal(second!.fragmentOffset, first!.payload.length);
  assert.equal(first!.payload.length + second!.payload.length, 8 + 1500);
});

test("what is built decodes to the same fields", () => {
  const fields = fc.record({
    source: address,
    destination: address,
    // Protocols that are no extension headers.
    protocol: fc.constantFrom(6, 17, 58, 59, 132, 255),
    hopLimit: fc.nat(255),
    trafficClass: fc.nat(255),
    flowLabel: fc.nat(0xf_ffff),
  }, { noNullPrototype: true });
  const property = fc.property(fields, fc.nat(200), (wanted, length) => {
    const packet = decoded(allocateIpv6(wanted, length));
    const { source, destination, protocol, hopLimit, trafficClass, flowLabel } = packet;
    assert.deepEqual({ source, destination, protocol, hopLimit, trafficClass, flowLabel }, wanted);
    assert.deepEqual(packet.payload, new Uint8Array(length));
  });
  fc.assert(property, { seed: 1, numRuns: 2000 });
});

test("mixed families and payloads over 65,535 bytes cannot be built", () => {
  const [four, six] = [parseAddress("10.32.0.1")!, parseAddress("fd00::1")!];
  for (const [source, destination, length] of [[four, six, 0], [six, four, 0], [six, six, 65_536]] as const) {
    assert.throws(() => allocateIpv6({ source, destination, protocol: 17 }, length), {
      code: "INVALID_ARGUMENT",
    });
  }
  assert.equal(allocateIpv6({ source: six, destination: six, protocol: 17 }, 65_535).length, 65_575);
});

test("bytes after Payload Length are cut off and missing ones are malformed", () => {
  assert.deepEqual(decoded(concatBytes(udp6, new Uint8Array(13))).bytes, udp6);
  for (let length = 0; length < udp6.length; length++) {
    assert.equal(decodeIpv6(udp6.subarray(0, length)), Drop.malformed);
  }
  assert.equal(decodeIpv6(concatBytes(udp4, new Uint8Array(40))), Drop.malformed);
  for (const first of [0x00, 0x40, 0x50, 0x70]) {
    assert.equal(decodeIpv6(copyBytes(udp6).fill(first, 0, 1)), Drop.malformed);
  }
});

test("extension headers are walked to the upper-layer protocol", () => {
  const chains: [number, string][][] = [
    [hopByHop],
    [options],
    [longOptions, options],
    [routingDone],
    [atomic],
    [hopByHop, options, routingDone, atomic, longOptions],
    Array.from({ length: 8 }, () => options),
  ];
  for (const chain of chains) {
    const packet = decoded(withExtensions(...chain));
    assert.equal(packet.protocol, 17);
    assert.equal(packet.isFragment, false);
    assert.deepEqual(packet.payload, udp6.subarray(40));
  }
});

test("a packet may end with an extension header and nothing after it", () => {
  for (const extension of [hopByHop, longOptions, routingDone, atomic]) {
    const whole = withExtensions(extension);
    const packet = copyBytes(whole, 0, whole.length - (udp6.length - 40));
    writeU16(packet, 4, packet.length - 40);
    packet[40] = 59;
    assert.deepEqual([decoded(packet).protocol, decoded(packet).payload.length], [59, 0]);
  }
});

test("nine extension headers, late hop-by-hop options and two fragment headers are malformed", () => {
  assert.equal(decodeIpv6(withExtensions(...Array.from({ length: 9 }, () => options))), Drop.malformed);
  assert.equal(decodeIpv6(withExtensions(options, hopByHop)), Drop.malformed);
  assert.equal(decodeIpv6(withExtensions(hopByHop, hopByHop)), Drop.malformed);
  assert.equal(decodeIpv6(withExtensions(atomic, atomic)), Drop.malformed);
});

test("a routing header with segments left is unsupported", () => {
  assert.equal(decodeIpv6(withExtensions(routingAhead)), Drop.unsupported);
  assert.equal(decodeIpv6(withExtensions(hopByHop, routingAhead, options)), Drop.unsupported);
});

test("a chain that is cut anywhere is malformed", () => {
  const chain = withExtensions(hopByHop, longOptions, routingDone, atomic);
  const headers = chain.length - (udp6.length - 40);
  for (let length = 40; length < headers; length++) {
    const cut = copyBytes(chain, 0, length);
    writeU16(cut, 4, length - 40);
    assert.equal(decodeIpv6(cut), Drop.malformed, `${length} bytes`);
  }
});

test("in a later fragment nothing is read as an extension header", () => {
  const packet = copyBytes(fragments6[1]);
  packet[40] = 60;
  const later = decoded(packet);
  assert.deepEqual([later.protocol, later.payloadOffset], [60, 48]);
});

test("fragments that no sender makes are malformed", () => {
  const odd = withExtensions([44, "00 0001 01020304"]);
  assert.equal(decodeIpv6(odd), Drop.malformed, "14 bytes and more to come");
  const far = withExtensions([44, "00 fff8 01020304"]);
  assert.equal(decodeIpv6(far), Drop.malformed, "ends beyond 64 KiB");
  const empty = copyBytes(far, 0, 48);
  empty.set(hex("0008 2c"), 4);
  empty.set(hex("0001"), 42);
  assert.equal(decodeIpv6(empty), Drop.malformed, "no data and more to come");
});

test("what is neither an extension header nor known counts as the protocol", () => {
  for (const protocol of [50, 51, 59, 135, 253]) {
    const packet = copyBytes(udp6);
    packet[6] = protocol;
    assert.deepEqual([decoded(packet).protocol, decoded(packet).payloadOffset], [protocol, 40]);
  }
});
