import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { heapArena } from "./arena.ts";
import { flowHash } from "./flow_hash.ts";

const arena = heapArena(256);

function hashOf(frame: readonly number[], length = frame.length): number {
  arena.bytes.fill(0);
  arena.bytes.set(frame, 16);
  return flowHash(arena, 16, length);
}

const macs = new Array<number>(12).fill(2);

function packet4(ports: readonly number[], { protocol = 6, fragment = 0, last = 2 } = {}): number[] {
  const header = [0x45, 0, 0, 60, 0, 1, fragment >> 8, fragment & 0xff, 64, protocol, 0, 0];
  return [...macs, 8, 0, ...header, 10, 32, 0, 1, 10, 32, 0, last, ...ports, 9, 9, 9, 9];
}

function packet6(ports: readonly number[], last = 2): number[] {
  const address = (end: number) => [0xfd, ...new Array<number>(14).fill(0), end];
  return [...macs, 0x86, 0xdd, 0x60, 0, 0, 0, 0, 20, 17, 64, ...address(1), ...address(last), ...ports, 9, 9];
}

test("packets of one flow have one hash, whatever they carry", () => {
  assert.equal(hashOf(packet4([1, 2, 3, 4])), hashOf([...packet4([1, 2, 3, 4]), 7, 7, 7]));
  assert.equal(hashOf(packet6([1, 2, 3, 4])), hashOf([...packet6([1, 2, 3, 4]), 7, 7, 7]));
});

test("another port, address or protocol is another flow", () => {
  const frames = [
    packet4([1, 2, 3, 4]),
    packet4([1, 2, 3, 5]),
    packet4([2, 1, 3, 4]),
    packet4([1, 2, 3, 4], { protocol: 17 }),
    packet4([1, 2, 3, 4], { last: 3 }),
    packet6([1, 2, 3, 4]),
    packet6([1, 2, 3, 5]),
    packet6([1, 2, 3, 4], 3),
  ];
  assert.equal(new Set(frames.map((frame) => hashOf(frame))).size, frames.length);
});

test("fragments of one pair of hosts have one hash, with ports or without", () => {
  const first = packet4([1, 2, 3, 4], { fragment: 0x2000 });
  assert.equal(hashOf(first), hashOf(packet4([8, 8, 8, 8], { fragment: 0x0040 })));
});

test("flows of one host fall into many of the queues", () => {
  const queues = new Set(
    Array.from({ length: 1_000 }, (_, port) => hashOf(packet4([port >> 8, port & 0xff, 0, 80])) & 255),
  );
  assert.ok(queues.size > 240, `${queues.size}`);
});

test("whatever a frame holds, and however short it is, there is a hash of 32 bits", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (frame) => {
    const hash = hashOf([...frame]);
    assert.equal(hash, hash | 0);
  }));
});
