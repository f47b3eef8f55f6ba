import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { exploreSynod, type SynodBounds, type SynodFlaws } from "./synod_model.ts";

const maxStates = 300_000;

function explore(what: string, bounds: Omit<SynodBounds, "maxStates">, flaws: SynodFlaws = {}) {
  const result = exploreSynod({ ...bounds, maxStates }, flaws);
  const found = result.violation === undefined
    ? "no violation"
    : `violated in ${result.violation.length} steps`;
  console.log(`  ${what}: ${result.states} states, ${found}`);
  return result;
}

function assertSafe(what: string, bounds: Omit<SynodBounds, "maxStates">, values: readonly number[]): void {
  const { violation, isComplete, decided } = explore(what, bounds);
  assert.equal(violation, undefined);
  assert.ok(isComplete, "all states within the bounds were seen");
  assert.deepEqual([...decided].sort(), values, "each of the values can be decided");
}

test("three voters with two proposers never decide two values, whatever is lost, late, doubled or crashes", () => {
  assertSafe("3 voters, 1 ballot each of 2 proposers", { voters: 3, ballots: [1, 1] }, [1, 2]);
});

test("a second ballot of one proposer against one of the other changes no decision", () => {
  assertSafe("3 voters, 2 and 1 ballots", { voters: 3, ballots: [2, 1] }, [1, 2]);
});

test("voters that find now this value unfit and now that one decide no two of them", () => {
  assertSafe("3 fickle voters", { voters: 3, ballots: [2, 1], isFickle: true }, [1, 2]);
});

test("a voter in doubt is silent in an odd list, and in an even one proposes nothing: nothing is decided twice", () => {
  assertSafe("3 voters, a disk lost", { voters: 3, ballots: [1, 1], restores: 1 }, [1, 2]);
  assertSafe("4 voters, a disk lost", { voters: 4, ballots: [1, 0, 0, 1], restores: 1 }, [1, 4]);
});

for (
  const [flaw, flaws, restores] of [
    ["a voter whose promises and votes are not on disk", { forgets: 1 }, 0],
    ["a voter that reckons with fewer voters than there are", { understated: 1 }, 0],
    ["a voter that votes at once after its disk went back", { restoresAtOnce: true }, 1],
  ] as const
) {
  test(`the model finds ${flaw}`, () => {
    const { violation } = explore(flaw, { voters: 3, ballots: [1, 1], restores }, flaws);
    assert.ok(violation !== undefined && violation.length > 3);
  });
}
