import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { Drop } from "../contracts/drop.ts";
import { tcp4, tcp6, udp4, udp6 } from "./captured_packets.ts";
import { checksum } from "./checksum.ts";
import { writeU16 } from "./field.ts";
import { encodeIp, IpProtocol } from "./ip.ts";
import { finishChecksum } from "./partial_checksum.ts";

const captured = [
  { name: "TCP over IPv4", packet: tcp4, start: 20, offset: 16 },
  { name: "TCP over IPv6", packet: tcp6, start: 40, offset: 16 },
  { name: "UDP over IPv4", packet: udp4, start: 20, offset: 6 },
  { name: "UDP over IPv6", packet: udp6, start: 40, offset: 6 },
] as const;

for (const { name, packet, start, offset } of captured) {
  test(`the checksum of captured ${name} comes out as its sender wrote it, whatever the field holds`, () => {
    for (const left of [0, 0x1234, 0xffff]) {
      const unfinished = packet.slice();
      writeU16(unfinished, start + offset, left);
      assert.equal(finishChecksum(unfinished, start, offset), Drop.none);
      assert.deepEqual(unfinished, packet);
    }
  });

  test(`${name}: any other place than that of its checksum is malformed, and nothing is written`, () => {
    const copy = packet.slice();
    for (let at = 0; at < 64; at++) {
      if (at !== start) assert.equal(finishChecksum(copy, at, offset), Drop.malformed);
      if (at !== offset) assert.equal(finishChecksum(copy, start, at), Drop.malformed);
    }
    assert.equal(finishChecksum(copy, 0xffff, 0xffff), Drop.malformed);
    assert.deepEqual(copy, packet);
  });
}

const from = { family: 4, bytes: Uint8Array.of(10, 32, 0, 1) } as const;
const to = { family: 4, bytes: Uint8Array.of(10, 32, 0, 2) } as const;

function udp(payload: Uint8Array, length = 8 + payload.length): Uint8Array {
  const datagram = new Uint8Array(8 + payload.length);
  writeU16(datagram, 4, length);
  datagram.set(payload, 8);
  return encodeIp({ source: from, destination: to, protocol: IpProtocol.udp }, datagram);
}

test("a UDP sum of zero is written as ffff", () => {
  const packet = udp(new Uint8Array(2));
  assert.equal(finishChecksum(packet, 20, 6), Drop.none);
  packet.set(packet.subarray(26, 28), 28); // the payload that makes the sum zero
  assert.equal(finishChecksum(packet, 20, 6), Drop.none);
  assert.deepEqual(packet.subarray(26, 28), Uint8Array.of(0xff, 0xff));
});

test("padding behind the packet is left alone and not summed", () => {
  const padded = new Uint8Array(tcp4.length + 9).fill(7);
  padded.set(tcp4);
  writeU16(padded, 36, 0);
  assert.equal(finishChecksum(padded, 20, 16), Drop.none);
  assert.deepEqual(padded.subarray(0, tcp4.length), tcp4);
  assert.ok(padded.subarray(tcp4.length).every((byte) => byte === 7));
});

test("a UDP length that is not that of the packet is malformed", () => {
  for (const length of [0, 7, 8, 11, 13, 65_535]) {
    assert.equal(finishChecksum(udp(new Uint8Array(4), length), 20, 6), Drop.malformed);
  }
});

/** With its whole TCP header, and more to come. */
function firstFragment(): Uint8Array {
  const packet = encodeIp({ source: from, destination: to, protocol: IpProtocol.tcp }, new Uint8Array(24));
  writeU16(packet, 6, 0x2000);
  writeU16(packet, 10, 0);
  writeU16(packet, 10, checksum(packet, 0, 20));
  return packet;
}

test("cut headers, fragments, other protocols and what is no IP are refused", () => {
  const ip = (protocol: number, length: number) =>
    encodeIp({ source: from, destination: to, protocol }, new Uint8Array(length));
  assert.equal(finishChecksum(ip(IpProtocol.tcp, 19), 20, 16), Drop.malformed);
  assert.equal(finishChecksum(ip(IpProtocol.udp, 7), 20, 6), Drop.malformed);
  assert.equal(finishChecksum(ip(IpProtocol.icmp, 40), 20, 16), Drop.malformed);
  assert.equal(finishChecksum(firstFragment(), 20, 16), Drop.malformed);
  assert.equal(finishChecksum(new Uint8Array(), 0, 0), Drop.malformed);
  assert.equal(finishChecksum(new Uint8Array(60).fill(0x55), 20, 16), Drop.malformed);
});

test("no packet and no place makes it throw or grow", () => {
  const property = fc.property(
    fc.uint8Array({ maxLength: 90 }),
    fc.constantFrom(0x45, 0x46, 0x60),
    fc.nat(0xffff),
    fc.nat(0xffff),
    (bytes, first, start, offset) => {
      if (bytes.length > 0) bytes[0] = first;
      assert.equal(typeof finishChecksum(bytes, start, offset), "number");
    },
  );
  fc.assert(property, { seed: 1, numRuns: 2_000 });
});
