import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { sourceFiles } from "../rules/source_files.ts";
import { allSteps, runsOnNode, type Step, together } from "./steps.ts";

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

test("on each runtime every test file is run by one command, and none by two", () => {
  const [deno, node] = ["test", "node"].map((name) => allSteps().find((step) => step.name === name)!);
  for (const path of sourceFiles().filter((path) => path.endsWith("_test.ts"))) {
    if (runsOnNode(path)) {
      assert.equal(runsOf(node!, path, (args) => args.includes(path)), 1, `${path} on Node`);
    }
    if (path.startsWith("tests/rules/")) continue;
    assert.equal(runsOf(deno!, path, (args) => takes(args, path)), 1, `${path} on Deno`);
  }
});

/** How many of a step's commands run that file: by its folder in a process with others, or by itself. */
function runsOf(step: Step, path: string, alone: (args: readonly string[]) => boolean): number {
  return step.commands.filter((args) => {
    const shared = args.indexOf("tests/run/one_process.ts");
    const isShared = shared !== -1 && args.slice(shared + 1).some((folder) => path.startsWith(`${folder}/`));
    return isShared || alone(args);
  }).length;
}

/** Whether Deno, told what to ignore and nothing else, comes upon that file. */
function takes(args: readonly string[], path: string): boolean {
  const ignored = args.find((arg) => arg.startsWith("--ignore="))?.slice("--ignore=".length).split(",");
  if (ignored === undefined) return args.includes(path);
  return !ignored.some((folder) => path === folder || path.startsWith(`${folder}/`));
}
