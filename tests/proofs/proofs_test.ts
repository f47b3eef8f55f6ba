import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { readText } from "../rules/source_files.ts";
import { ciJobs, ciShare, judgeJob, longestSeconds, runCi } from "./ci.ts";
import { addFigures, type Proof } from "./proof.ts";
import { proofs } from "./registry.ts";
import type { Ran } from "./run_job.ts";
import { proofTable } from "./table.ts";

const proof: Proof = {
  name: "p",
  what: "a proof",
  unit: "inputs",
  chunkSize: 100,
  ciFloor: 1000,
  ciFloorSecond: 100,
  ciBudgetSeconds: 30,
  fullGoal: 10_000,
  load: () => Promise.resolve(() => ({})),
};
const reached: Ran = { units: 1000, next: 10, seconds: 1, figures: {}, finding: undefined };

test("the table of tests/README.md is made from the registry", () => {
  assert.ok(readText("tests/README.md").includes(proofTable(proofs)), "run npm run prove -- --table");
});

test("with all that is granted to them the proofs stay within their share of CI", () => {
  assert.ok(longestSeconds(ciJobs(proofs, 1)) <= ciShare, `${longestSeconds(ciJobs(proofs, 1))} s`);
});

test("every proof has a name of its own, a floor of whole chunks on both runtimes and a goal above it", () => {
  assert.equal(new Set(proofs.map(({ name }) => name)).size, proofs.length);
  for (const { name, chunkSize, ciFloor, ciFloorSecond, fullGoal } of proofs) {
    assert.match(name, /^[a-z][a-z0-9-]*$/);
    assert.equal(ciFloor % chunkSize, 0, name);
    assert.ok(fullGoal >= ciFloor && (ciFloorSecond === 0 || ciFloorSecond >= ciFloor / 10), name);
  }
});

test("both runtimes run, each its own chunks, and what must be alone comes last", () => {
  const jobs = ciJobs([{ ...proof, alone: true }, { ...proof, name: "q", ciFloorSecond: 0 }], 7);
  assert.deepEqual(jobs.map((job) => [job.proof.name, job.runtime, job.units, job.from, job.seed]), [
    ["q", "node", 1000, 0, 7],
    ["p", "node", 1000, 0, 7],
    ["p", "deno", 100, 10, 7],
  ]);
});

test("a floor that was not reached, a finding and a bad figure each fail the run", () => {
  const [job] = ciJobs([proof], 1);
  assert.equal(judgeJob(job!, reached).failure, undefined);
  assert.match(
    judgeJob(job!, { ...reached, units: 900 }).failure ?? "",
    /reached 900 of 1,000 inputs in 1 s/,
  );
  const finding = { message: "broken", chunk: 3 };
  assert.equal(judgeJob(job!, { ...reached, finding }).failure, "broken");
  const judged = { ...job!, proof: { ...proof, judge: () => "too few" } };
  assert.equal(judgeJob(judged, reached).failure, "too few");
});

test("two jobs run at a time, and one that must be alone runs by itself", async () => {
  const busy: number[] = [];
  let running = 0;
  const run = async () => {
    busy.push(++running);
    await new Promise((resolve) => setImmediate(resolve));
    running--;
    return reached;
  };
  const many = ["a", "b", "c", "d"].map((name) => ({ ...proof, name, ciFloorSecond: 0 }));
  const jobs = ciJobs([...many, { ...proof, name: "z", alone: true, ciFloorSecond: 0 }], 1);
  const verdicts = await runCi(jobs, () => {}, run);
  assert.equal(verdicts.length, 5);
  assert.equal(Math.max(...busy), 2);
  assert.equal(busy.at(-1), 1);
});

test("a job gets thrice its budget at most, and never more than is left of the share", async () => {
  const granted: number[] = [];
  const run = ({ seconds }: { readonly seconds: number }) =>
    Promise.resolve((granted.push(seconds), reached));
  const slow = { ...proof, name: "q", ciBudgetSeconds: 600, ciFloorSecond: 0 };
  await runCi(ciJobs([slow, { ...proof, ciFloorSecond: 0 }], 1), () => {}, run);
  assert.ok(granted[0]! <= ciShare && granted[0]! > ciShare - 5);
  assert.equal(granted[1], 90);
});

test("figures of chunks add up, and of peaks the highest stays", () => {
  const sum = addFigures({ sums: { a: 1 }, peaks: { h: 5 }, notes: ["x"] }, {
    sums: { a: 2, b: 3 },
    peaks: { h: 4 },
    notes: ["y"],
  });
  assert.deepEqual(sum, { sums: { a: 3, b: 3 }, peaks: { h: 5 }, notes: ["x", "y"] });
});
