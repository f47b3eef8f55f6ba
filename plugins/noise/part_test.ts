import assert from "node:assert/strict";
import fc from "fast-check";
import { Drop } from "../../core/contracts/drop.ts";
import { equalBytes } from "../../core/wire/bytes.ts";
import { test } from "../../tests/harness.ts";
import { limits } from "./constants.ts";
import { decodePart, type Part, partHeaderLength, Reassembly, splitRecord } from "./part.ts";
import { forwardedFlag, MessageType } from "./wire.ts";

const { data, initiation, response, keepalive } = MessageType;

function bytesOf(length: number): Uint8Array {
  return new Uint8Array(length).map((_, i) => i * 31 >>> 3);
}

function partsOf(id: number, bytes: Uint8Array, room = 500): Part[] {
  const parts = splitRecord({ type: data, flags: 0, bytes }, id, room)!;
  return parts.map((part) => decodePart(part)!);
}

class Bench {
  lost = 0;
  readonly reassembly = new Reassembly(() => void this.lost++);

  /** The last verdict. */
  add(parts: readonly Part[], now = 0): ReturnType<Reassembly["add"]> {
    let last: ReturnType<Reassembly["add"]> = Drop.none;
    for (const part of parts) last = this.reassembly.add(part, now);
    return last;
  }
}

test("a part has its fields where the diagram shows them", () => {
  const bytes = Uint8Array.of(1, 2, 3, 4, 5);
  const parts = splitRecord({ type: data, flags: forwardedFlag, bytes }, 0xa1b2c3d4, partHeaderLength + 3);
  assert.deepEqual(parts!.map((part) => [...part]), [
    [0xa1, 0xb2, 0xc3, 0xd4, 0, 2, 6, 1, 1, 2, 3],
    [0xa1, 0xb2, 0xc3, 0xd4, 1, 2, 6, 1, 4, 5],
  ]);
});

test("any record in parts of any size, in any order, becomes the same record", () => {
  const record = fc.record({
    length: fc.integer({ min: 2, max: 5_000 }),
    room: fc.integer({ min: 40, max: 1_500 }),
    seed: fc.integer(),
  });
  fc.assert(
    fc.property(record, ({ length, room, seed }) => {
      const bytes = bytesOf(length);
      const split = splitRecord({ type: data, flags: 0, bytes }, 7, room)!;
      if (split.length < 2) return;
      assert.ok(split.every((part) => part.length <= room));
      const order = split.toSorted((left, right) => (left[4]! * seed % 251) - (right[4]! * seed % 251));
      const bench = new Bench();
      const whole = bench.add(order.map((part) => decodePart(part)!));
      assert.ok(typeof whole === "object" && equalBytes(whole.bytes, bytes));
      assert.deepEqual([bench.reassembly.bytes, bench.lost], [0, 0]);
    }),
    { seed: 8899, numRuns: 500 },
  );
});

test("the largest record goes in 255 parts at most, or not at all", () => {
  assert.equal(splitRecord({ type: data, flags: 0, bytes: bytesOf(65_475) }, 1, 508)!.length, 131);
  assert.equal(splitRecord({ type: data, flags: 0, bytes: bytesOf(2_550) }, 1, 18)!.length, 255);
  assert.equal(splitRecord({ type: data, flags: 0, bytes: bytesOf(2_551) }, 1, 18), undefined);
  for (const room of [0, 8, -1]) {
    assert.equal(splitRecord({ type: data, flags: 0, bytes: bytesOf(10) }, 1, room), undefined);
  }
});

test("what is no part is refused: cut, without bytes, of one part, beyond its count, of another type or flag", () => {
  const part = (index: number, count: number, type: number, flags = 0) =>
    decodePart(Uint8Array.of(0, 0, 0, 1, index, count, type, flags, 9));
  for (let length = 0; length <= partHeaderLength; length++) {
    assert.equal(decodePart(Uint8Array.of(0, 0, 0, 1, 0, 2, 6, 0).subarray(0, length)), undefined);
  }
  for (const bad of [part(0, 0, data), part(0, 1, data), part(2, 2, data), part(255, 255, data)]) {
    assert.equal(bad, undefined);
  }
  for (
    const bad of [part(0, 2, keepalive), part(0, 2, MessageType.part), part(0, 2, 0), part(0, 2, data, 2)]
  ) {
    assert.equal(bad, undefined);
  }
  assert.equal(part(0, 2, initiation, forwardedFlag), undefined);
  for (const good of [part(0, 2, data, 1), part(1, 2, initiation), part(254, 255, response)]) assert.ok(good);
});

test("parts that contradict each other, or come twice, end their record and leave the others alone", () => {
  const [first, second] = partsOf(1, bytesOf(900)) as [Part, Part];
  const [other, rest] = partsOf(2, bytesOf(900)) as [Part, Part];
  const liars: Part[] = [
    first,
    { ...second, count: 3 },
    { ...second, type: initiation },
    { ...second, flags: forwardedFlag },
  ];
  for (const liar of liars) {
    const bench = new Bench();
    bench.add([other, first]);
    assert.equal(bench.add([liar]), Drop.malformed);
    assert.equal(bench.reassembly.bytes, other.bytes.length);
    assert.ok(typeof bench.add([rest]) === "object");
  }
});

test("no record becomes longer than 65,535 bytes", () => {
  const bench = new Bench();
  const parts = Array.from({ length: 255 }, (_, index): Part => {
    return { id: 1, index, count: 255, type: data, flags: 0, bytes: new Uint8Array(600) };
  });
  assert.ok(parts.some((part) => bench.add([part]) === Drop.malformed));
  assert.ok(bench.reassembly.bytes < 65_535);
});

test("partMillis: what is not whole after 2 s is given up, and counted once", () => {
  const bench = new Bench();
  const [first, second] = partsOf(1, bytesOf(900)) as [Part, Part];
  bench.add([first], 1_000);
  assert.equal(bench.reassembly.deadline(), 3_000);
  bench.reassembly.expire(2_999);
  assert.equal(bench.lost, 0);
  bench.reassembly.expire(3_000);
  assert.deepEqual([bench.lost, bench.reassembly.bytes, bench.reassembly.deadline()], [1, 0, undefined]);
  assert.equal(bench.add([second], 3_000), Drop.none, "its rest begins anew, and waits in vain");
});

test("partRecords: 64 records of a peer wait at a time, then the oldest is given up", () => {
  const bench = new Bench();
  const records = Array.from({ length: limits.partRecords + 1 }, (_, id) => partsOf(id, bytesOf(900)));
  for (const [first] of records) bench.add([first!]);
  assert.equal(bench.lost, 1);
  assert.equal(bench.add([records[0]![1]!]), Drop.none);
  assert.ok(typeof bench.add([records.at(-1)![1]!]) === "object");
});

test("partBytes: 131,072 bytes of a peer wait at a time, whatever it sends", () => {
  const bench = new Bench();
  for (let index = 0; index < 4; index++) {
    for (let id = 0; id < limits.partRecords; id++) {
      const bytes = new Uint8Array(1_400);
      bench.add([{ id, index, count: 5, type: data, flags: 0, bytes }]);
      assert.ok(bench.reassembly.bytes <= limits.partBytes, `${bench.reassembly.bytes}`);
    }
  }
  assert.ok(bench.lost > 0);
  bench.reassembly.expire(1e9);
  assert.equal(bench.reassembly.bytes, 0);
});

test("partLeastBytes: of parts of one byte 524 wait at a time, and a record in 255 of them becomes whole", () => {
  const bench = new Bench();
  let waiting = 0;
  for (let id = 0; id < limits.partRecords; id++) {
    for (let index = 0; index < 254; index++) {
      bench.add([{ id, index, count: 255, type: data, flags: 0, bytes: Uint8Array.of(index) }]);
      waiting = Math.max(waiting, bench.reassembly.bytes / limits.partLeastBytes);
    }
  }
  assert.equal(waiting, Math.floor(limits.partBytes / limits.partLeastBytes));
  const last = { id: 63, index: 254, count: 255, type: data, flags: 0, bytes: Uint8Array.of(254) };
  const whole = bench.add([last]);
  assert.ok(typeof whole === "object" && whole.bytes.every((byte, i) => byte === i));
  bench.reassembly.expire(1e9);
  assert.equal(bench.reassembly.bytes, 0);
});
