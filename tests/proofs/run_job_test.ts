import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { proofNamed } from "./registry.ts";
import { type Reached, runJob, type Runtime } from "./run_job.ts";

for (const runtime of ["node", "deno"] satisfies Runtime[]) {
  test(`a proof runs in a process of its own on ${runtime}, chunk by chunk`, async () => {
    const proof = proofNamed("fuzz-text")!;
    const seen: Reached[] = [];
    const job = { proof, runtime, seed: 1, from: 3, units: 21_000, seconds: 50 } as const;
    const ran = await runJob(job, (reached) => seen.push(reached));
    assert.equal(ran.finding, undefined);
    assert.deepEqual(seen.map(({ units, next }) => [units, next]), [[20_000, 4], [21_000, 5]]);
    assert.ok((ran.figures.sums?.["accepted"] ?? 0) > 0 && (ran.figures.peaks?.["heap MiB"] ?? 0) > 0);
  });
}

test("a proof that cannot be loaded is a finding", async () => {
  const proof = { ...proofNamed("fuzz-text")!, name: "no-such-proof" };
  const ran = await runJob({ proof, runtime: "node", seed: 1, from: 0, units: 1, seconds: 5 }, () => {});
  assert.equal(ran.units, 0);
  assert.match(ran.finding?.message ?? "", /its process ended \(1\) within chunk 0/);
});
