import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import type { PeerId } from "../contracts/values.ts";
import { longestSilence, patience, Stalemates } from "./stalemates.ts";

const [alice, bob] = ["alice", "bob"] as [PeerId, PeerId];
const seconds = 1000;

/** A digest; a new array at every call, as messages have it. */
const digest = (content: number) => new Uint8Array(16).fill(content);

interface Telling {
  readonly at: number;
  readonly peer?: PeerId;
  readonly subject?: string;
  readonly ours?: number;
  readonly theirs?: number;
}

function tells(
  stalemates: Stalemates,
  { at, peer = alice, subject = "grant", ours = 1, theirs = 2 }: Telling,
): boolean {
  return stalemates.isWorthTelling(peer, subject, [digest(ours), digest(theirs)], at);
}

/** Told again and again up to the end of patience, which is where the silences begin. */
function stalemate(...others: readonly Partial<Telling>[]): Stalemates {
  const stalemates = new Stalemates();
  for (const at of [0, patience]) {
    for (const other of [{}, ...others]) assert.ok(tells(stalemates, { ...other, at }));
  }
  return stalemates;
}

test("a difference is told at every digest for ninety seconds, then after silences that double up to an hour", () => {
  assert.deepEqual([patience, longestSilence], [90 * seconds, 3600 * seconds]);
  const stalemates = new Stalemates();
  const told = Array.from({ length: 600 }, (_, i) => i * 30)
    .filter((second) => tells(stalemates, { at: second * seconds }));
  const doubled = [180, 360, 720, 1440, 2880, 5760];
  assert.deepEqual(told, [0, 30, 60, 90, ...doubled, 9360, 12_960, 16_560]);
});

test("a silence ends at its moment, and not before", () => {
  const stalemates = stalemate();
  assert.ok(!tells(stalemates, { at: 2 * patience - 1 }));
  assert.ok(tells(stalemates, { at: 2 * patience }));
  assert.ok(!tells(stalemates, { at: 2 * patience }), "told once, however often it is asked");
});

test("a difference that nobody asked about for long is told at once", () => {
  const stalemates = new Stalemates();
  assert.ok(tells(stalemates, { at: 0 }));
  assert.ok(tells(stalemates, { at: 10 * longestSilence }));
  assert.ok(!tells(stalemates, { at: 11 * longestSilence - 1 }));
  assert.ok(tells(stalemates, { at: 11 * longestSilence }));
});

test("anything new on either side is told at once, and has all the patience again", () => {
  for (const news of [{ ours: 3 }, { theirs: 3 }]) {
    const stalemates = stalemate();
    const start = patience + seconds;
    assert.ok(!tells(stalemates, { at: start }));
    assert.ok(tells(stalemates, { ...news, at: start }));
    assert.ok(tells(stalemates, { ...news, at: start + patience - 1 }));
    assert.ok(tells(stalemates, { ...news, at: start + patience }));
    assert.ok(!tells(stalemates, { ...news, at: start + patience + seconds }));
  }
});

test("two digests that have changed places are another difference", () => {
  assert.ok(tells(stalemate(), { at: patience + seconds, ours: 2, theirs: 1 }));
});

test("peers and subjects wait each for themselves", () => {
  const stalemates = stalemate();
  const at = patience + seconds;
  assert.ok(tells(stalemates, { at, peer: bob }));
  assert.ok(tells(stalemates, { at, subject: "peer" }));
  assert.ok(!tells(stalemates, { at }));
});

test("a subject that agrees at last makes all that differs with that peer worth telling, with others nothing", () => {
  const stalemates = stalemate({ subject: "peer" }, { peer: bob });
  stalemates.settle(alice, "peer");
  const at = patience + seconds;
  assert.deepEqual([tells(stalemates, { at }), tells(stalemates, { at, peer: bob })], [true, false]);
});

test("a subject that has agreed all along changes nothing", () => {
  const stalemates = stalemate();
  stalemates.settle(alice, "peer");
  stalemates.settle(bob, "grant");
  assert.ok(!tells(stalemates, { at: patience + seconds }));
});

test("of peers and subjects that are gone nothing is kept, of all others everything", () => {
  const stalemates = stalemate({ subject: "peer" }, { peer: bob });
  stalemates.keepOnly([alice], ["grant"]);
  const at = patience + seconds;
  assert.ok(tells(stalemates, { at, peer: bob }));
  assert.ok(tells(stalemates, { at, subject: "peer" }));
  assert.ok(!tells(stalemates, { at }));
});
