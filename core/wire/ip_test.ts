import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { Drop } from "../contracts/drop.ts";
import { parseAddress } from "./address.ts";
import { tcp4, tcp6, udp4, udp6 } from "./captured_packets.ts";
import { checksum } from "./checksum.ts";
import { allocateIp, decodeIp, encodeIp, ipHeaderLength, pseudoSum } from "./ip.ts";

test("the version field picks the family", () => {
  for (const [packet, family] of [[udp4, 4], [udp6, 6]] as const) {
    const result = decodeIp(packet);
    assert.ok(typeof result !== "number");
    assert.equal(result.family, family);
    assert.equal(ipHeaderLength(family), result.payloadOffset);
  }
  for (const first of [0x05, 0x15, 0x50, 0x75, 0xff]) {
    assert.equal(decodeIp(new Uint8Array(60).fill(first, 0, 1)), Drop.malformed);
  }
  assert.equal(decodeIp(new Uint8Array(0)), Drop.malformed);
});

test("a packet is built of the source's family, around a copy of the payload", () => {
  for (const [source, destination] of [["10.32.0.1", "10.32.0.7"], ["fd00::1", "fd00::7"]] as const) {
    const payload = Uint8Array.of(1, 2, 3);
    const fields = { source: parseAddress(source)!, destination: parseAddress(destination)!, protocol: 253 };
    const packet = decodeIp(encodeIp(fields, payload));
    assert.ok(typeof packet !== "number");
    assert.deepEqual([packet.source, packet.destination, packet.protocol], Object.values(fields));
    payload.fill(0);
    assert.deepEqual(packet.payload, Uint8Array.of(1, 2, 3));
    assert.deepEqual([packet.hopLimit, packet.trafficClass, packet.isFragment], [64, 0, false]);
  }
});

test("families do not mix", () => {
  const [four, six] = [parseAddress("10.32.0.1")!, parseAddress("fd00::1")!];
  for (const [source, destination] of [[four, six], [six, four]] as const) {
    assert.throws(() => allocateIp({ source, destination, protocol: 17 }, 0), { code: "INVALID_ARGUMENT" });
  }
});

test("the pseudo-header sum verifies the kernel's checksums in both families", () => {
  for (const packet of [udp4, udp6, tcp4, tcp6]) {
    const decoded = decodeIp(packet);
    assert.ok(typeof decoded !== "number");
    const { payload, protocol } = decoded;
    assert.equal(checksum(payload, 0, payload.length, pseudoSum(packet, protocol, payload.length)), 0);
  }
});
