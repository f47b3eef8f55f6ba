import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { allSteps, runsOnNode, together } from "./steps.ts";

test("steps have names of their own and wait only for steps before them", () => {
  const names = allSteps().map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  for (const [i, { after }] of allSteps().entries()) {
    assert.ok(after === undefined || names.slice(0, i).includes(after), `${names[i]} waits for ${after}`);
  }
});

test("both suites run at the same time, everything else alone", () => {
  const names = (only: readonly string[]) =>
    together(allSteps().filter(({ name }) => only.includes(name))).map((group) =>
      group.map(({ name }) => name)
    );
  assert.deepEqual(names(["build", "test", "node", "coverage"]), [["build"], ["test", "node"], ["coverage"]]);
  assert.deepEqual(names(["build", "node"]), [["build"], ["node"]]);
});

test("the proofs run up to their floors before the package is tried, and count as tests", () => {
  const names = allSteps().map(({ name }) => name);
  assert.equal(names.indexOf("proofs"), names.indexOf("smoke") - 1);
  const proofs = allSteps().find(({ name }) => name === "proofs");
  assert.deepEqual([proofs?.counts, proofs?.commands[0]?.at(-1)], ["tests", "--ci"]);
});

test("Node runs every test but those of what only Deno has", () => {
  assert.deepEqual(["a_test.ts", "a_deno_test.ts", "a.ts"].map(runsOnNode), [true, false, false]);
});
