import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { Drop } from "../contracts/drop.ts";
import {
  type BroadcastFrame,
  type BroadcastHeader,
  broadcastHeaderLength,
  decodeBroadcast,
  encodeBroadcast,
  numberLimit,
} from "./broadcast_header.ts";
import { hex } from "./captured_packets.ts";

const header: fc.Arbitrary<BroadcastHeader> = fc.record({
  origin: fc.uint8Array({ minLength: 8, maxLength: 8 }),
  number: fc.oneof(fc.nat({ max: numberLimit - 1 }), fc.constantFrom(0, 0xffff, 0x1_0000, numberLimit - 1)),
  hops: fc.nat(255),
  flags: fc.nat(15),
});

/** The same bytes by way of a DataView and big integers. */
function slowDecode(payload: Uint8Array): BroadcastFrame | Drop {
  if (payload.length < 16) return Drop.malformed;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const rest = view.getBigUint64(8);
  const flags = Number(rest & 0xffn);
  if (flags > 15) return Drop.unsupported;
  return {
    origin: payload.slice(0, 8),
    number: Number(rest >> 16n),
    hops: Number((rest >> 8n) & 0xffn),
    flags,
    frame: payload.slice(16),
  };
}

test("a header has the bytes that its picture draws", () => {
  const origin = hex("a1a2a3a4a5a6a7a8");
  const fields = { origin, number: 0x0102_0304_0506, hops: 7, flags: 9 };
  const payload = encodeBroadcast(fields, hex("ffff"));
  assert.deepEqual(payload, hex("a1a2a3a4a5a6a7a8 010203040506 07 09 ffff"));
  assert.equal(payload.length, broadcastHeaderLength + 2);
});

test("header and frame survive the round trip, and are read as slowly as fast", () => {
  fc.assert(
    fc.property(header, fc.uint8Array({ maxLength: 60 }), (fields, frame) => {
      const payload = encodeBroadcast(fields, frame);
      assert.deepEqual(decodeBroadcast(payload), { ...fields, frame });
      assert.deepEqual(slowDecode(payload), { ...fields, frame });
    }),
    { seed: 5, numRuns: 2_000 },
  );
});

test("any bytes are read as slowly as fast", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (payload) => {
      assert.deepEqual(decodeBroadcast(payload), slowDecode(payload));
    }),
    { seed: 6, numRuns: 5_000 },
  );
});

test("what is shorter than a header is malformed at every length", () => {
  for (let length = 0; length < broadcastHeaderLength; length++) {
    assert.equal(decodeBroadcast(new Uint8Array(length)), Drop.malformed);
  }
  assert.equal(typeof decodeBroadcast(new Uint8Array(broadcastHeaderLength)), "object");
});

test("a flag that has to be understood is unsupported, one that need not be is passed on", () => {
  for (let bit = 0; bit < 8; bit++) {
    const payload = new Uint8Array(20);
    payload[15] = 1 << bit;
    const read = decodeBroadcast(payload);
    if (bit >= 4) assert.equal(read, Drop.unsupported);
    else assert.ok(typeof read === "object" && encodeBroadcast(read, read.frame)[15] === 1 << bit);
  }
});

test("origin and frame are views, not copies", () => {
  const payload = new Uint8Array(30);
  const read = decodeBroadcast(payload);
  assert.ok(typeof read === "object");
  payload.fill(3);
  assert.deepEqual([read.origin[7], read.frame[0], read.frame.length], [3, 3, 14]);
});
