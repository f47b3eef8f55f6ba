import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { Drop } from "../contracts/drop.ts";
import { concatBytes, copyBytes } from "./bytes.ts";
import { hex, udp4 } from "./captured_packets.ts";
import { checksum } from "./checksum.ts";
import { writeU16 } from "./field.ts";
import {
  decodeGre,
  encodeGre,
  type GreHeader,
  greHeaderLength,
  type GrePacket,
  GreProtocol,
  sealGreChecksum,
  writeGreHeader,
} from "./gre.ts";

const word = fc.nat(0xffff_ffff);
const header: fc.Arbitrary<GreHeader> = fc.record({
  protocol: fc.constantFrom(...Object.values(GreProtocol)),
  key: fc.option(word, { nil: undefined }),
  sequence: fc.option(word, { nil: undefined }),
  checksum: fc.boolean(),
});

function decoded(packet: Uint8Array): GrePacket {
  const result = decodeGre(packet);
  assert.ok(typeof result !== "number", `dropped: ${result}`);
  return result;
}

test("header and payload survive the round trip in every combination of options", () => {
  const property = fc.property(header, fc.uint8Array({ maxLength: 60 }), (fields, payload) => {
    const packet = encodeGre(fields, payload);
    assert.equal(packet.length, greHeaderLength(fields) + payload.length);
    assert.deepEqual(decoded(packet), { ...fields, payload });
  });
  fc.assert(property, { seed: 1, numRuns: 2000 });
});

test("headers have the bytes that RFC 2784 and RFC 2890 draw", () => {
  const payload = hex("4500");
  const examples: [string, GreHeader][] = [
    ["0000 0800", { protocol: GreProtocol.ipv4 }],
    ["0000 86dd", { protocol: GreProtocol.ipv6 }],
    ["0000 6558", { protocol: GreProtocol.ethernet }],
    ["0000 88b5", { protocol: GreProtocol.control }],
    ["2000 0800 01020304", { protocol: GreProtocol.ipv4, key: 0x01020304 }],
    ["1000 0800 00000000", { protocol: GreProtocol.ipv4, sequence: 0 }],
    ["3000 0800 ffffffff 80000000", { protocol: GreProtocol.ipv4, key: 0xffff_ffff, sequence: 0x8000_0000 }],
    ["8000 0800 32ff 0000", { protocol: GreProtocol.ipv4, checksum: true }],
    ["b000 0800 02fd 0000 00000001 00000001", { protocol: 0x0800, key: 1, sequence: 1, checksum: true }],
  ];
  for (const [text, fields] of examples) {
    assert.deepEqual(encodeGre(fields, payload), concatBytes(hex(text), payload));
  }
});

test("bits 1, 4 and 5 and every version but 0 are unsupported", () => {
  for (let flags = 0; flags < 0x1_0000; flags++) {
    const packet = concatBytes(hex("0000 0800"), new Uint8Array(16));
    writeU16(packet, 0, flags);
    if ((flags & 0x8000) !== 0) writeU16(packet, 4, checksum(packet, 0, packet.length));
    const isOurs = (flags & 0x4c07) === 0;
    assert.equal(typeof decodeGre(packet) === "object", isOurs, flags.toString(16));
    if (!isOurs) assert.equal(decodeGre(packet), Drop.unsupported);
  }
});

test("reserved bits 6 to 12 and Reserved1 are ignored", () => {
  assert.deepEqual(decoded(hex("03f8 0800 aabb")).payload, hex("aabb"));
  const packet = hex("83f8 0800 0000 beef aabb");
  sealGreChecksum(packet, 0, packet.length);
  assert.deepEqual(decoded(packet).payload, hex("aabb"));
});

test("an unknown payload is unsupported", () => {
  for (const text of ["0000 0000", "0000 0806", "0000 880b", "0000 ffff"]) {
    assert.equal(decodeGre(hex(text)), Drop.unsupported);
  }
});

test("a packet shorter than its flags say is malformed at every length", () => {
  for (const fields of [{}, { key: 1 }, { key: 1, sequence: 1 }, { key: 1, sequence: 1, checksum: true }]) {
    const packet = encodeGre({ protocol: GreProtocol.ipv4, ...fields }, new Uint8Array(0));
    for (let length = 0; length < packet.length; length++) {
      assert.equal(decodeGre(packet.subarray(0, length)), Drop.malformed);
    }
    assert.equal(decoded(packet).payload.length, 0);
  }
});

test("one changed bit under a checksum is a bad checksum", () => {
  const packet = encodeGre({ protocol: GreProtocol.ipv4, key: 7, checksum: true }, udp4);
  for (let bit = 0; bit < packet.length * 8; bit++) {
    const broken = copyBytes(packet);
    broken[bit >>> 3]! ^= 0x80 >>> (bit & 7);
    const isFlagOrProtocol = bit < 32;
    if (!isFlagOrProtocol) assert.equal(decodeGre(broken), Drop.badChecksum, `bit ${bit}`);
  }
});

test("a header is written in place between what is already there", () => {
  const out = new Uint8Array(24).fill(0xee);
  const fields = { protocol: GreProtocol.ipv6, key: 5, sequence: 6 };
  assert.equal(writeGreHeader(out, 6, fields), 12);
  assert.deepEqual(out.subarray(6, 18), encodeGre(fields, new Uint8Array(0)));
  assert.ok(
    out.subarray(0, 6).every((byte) => byte === 0xee) && out.subarray(18).every((byte) => byte === 0xee),
  );
});

test("the payload is a view, not a copy", () => {
  const packet = encodeGre({ protocol: GreProtocol.ipv4 }, udp4);
  assert.equal(decoded(packet).payload.buffer, packet.buffer);
});
