import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { answer, type Register } from "./synod.ts";

/** Of three voters, the second of whom owns the ballot 17 that all have promised to; the places that voted for "old". */
function proposedBy(voted: readonly number[], isOldFit: boolean): string | undefined {
  const registerOf = (place: number): Register<string> => ({
    promised: 17,
    cast: voted.includes(place) ? { ballot: 8, value: "old" } : undefined,
  });
  const registers = new Map([0, 1, 2].map((place) => [place, registerOf(place)]));
  const isFit = (value: string) => isOldFit || value !== "old";
  return answer({ self: 1, size: 3, registers }, { wish: "new", isFit, mayPropose: true })?.cast?.value;
}

test("what one voter has voted for goes first while it is fit, and does not stand in the way of a majority if not", () => {
  for (const place of [0, 1, 2]) {
    assert.equal(proposedBy([place], true), "old");
    assert.equal(proposedBy([place], false), "new");
  }
});

test("what a majority may have decided already is proposed or nothing, fit or not", () => {
  for (const pair of [[0, 1], [0, 2], [1, 2]]) {
    assert.equal(proposedBy(pair, true), "old");
    assert.notEqual(proposedBy(pair, false), "new");
  }
});
