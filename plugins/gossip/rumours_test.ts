import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { limits } from "./options.ts";
import { recordId, type Rumour, Rumours, stateId } from "./rumours.ts";

function rumour(id: number, at: number, bytes = 100): Rumour {
  const marks = { known: 0, listed: 0, sent: 0, isOnTime: true };
  return { id, at, message: new Uint8Array(bytes), peer: -1, by: -1, doubtedAt: 0, ...marks };
}

test("an id has 48 bits and follows from the content alone", () => {
  const id = recordId(Uint8Array.of(1, 2, 3));
  assert.ok(Number.isSafeInteger(id) && id > 0 && id < 2 ** 48);
  assert.equal(id, recordId(Uint8Array.of(0, 1, 2, 3).subarray(1)));
  assert.notEqual(id, recordId(Uint8Array.of(1, 2, 4)));
  assert.equal(stateId(1, 2, 3), stateId(1, 2, 3));
  assert.notEqual(stateId(1, 2, 3), stateId(1, 2, 4));
});

test("what is kept is bounded in number", () => {
  const rumours = new Rumours();
  for (let id = 0; id < limits.rumours + 50; id++) rumours.add(rumour(id, 0));
  assert.equal(rumours.count, limits.rumours);
  assert.equal(rumours.get(49), undefined);
  assert.ok(rumours.has(49), "its id is remembered");
  assert.ok(rumours.get(50) !== undefined);
});

test("what is kept is bounded in bytes", () => {
  const rumours = new Rumours();
  for (let id = 0; id < 300; id++) rumours.add(rumour(id, 0, 1_024));
  assert.equal(rumours.count, Math.floor(limits.rumourBytes / 1_024));
});

test("a rumour is kept for a minute and a half, its id for ten minutes", () => {
  const rumours = new Rumours();
  rumours.add(rumour(1, 0));
  rumours.prune(89_000);
  assert.ok(rumours.get(1) !== undefined);
  rumours.prune(90_000);
  assert.ok(rumours.get(1) === undefined && rumours.has(1));
  rumours.prune(600_000);
  assert.equal(rumours.has(1), false);
});

test("ids are bounded, the oldest go first", () => {
  const rumours = new Rumours();
  for (let id = 0; id <= limits.seen; id++) rumours.add(rumour(id, 0, 0));
  assert.equal(rumours.has(0), false);
  assert.ok(rumours.has(1));
});

test("a slot that has another neighbour knows nothing", () => {
  const rumours = new Rumours();
  const one = { ...rumour(1, 0), known: 0b110, listed: 0b010, sent: 0b011 };
  rumours.add(one);
  rumours.clearSlot(1);
  assert.deepEqual([one.known, one.listed, one.sent], [0b100, 0, 0b001]);
});
