import assert from "node:assert/strict";
import process from "node:process";
import fc from "fast-check";
import { digestInterval } from "../../core/node/replicator.ts";
import { test } from "../harness.ts";
import { RandomRun } from "./random_run.ts";
import { faultsOfModel, nodesOfModel, runRingModel, step } from "./ring_model.ts";

/** The proof `ring-model` has more; by hand: RING_RUNS=10000. */
const runs = Number(process.env["RING_RUNS"] ?? 10);

test(
  "the invariants of the ring hold after every step, whatever is lost, cut, killed, full or hostile, and all agree in the end",
  async () => {
    const { allocations, grants, takeovers, slowestAgreement } = await runRingModel({
      seed: 1_122,
      runs,
      operations: 100,
    });
    assert.ok(allocations > 5 * runs, `only ${allocations} leases in ${runs} runs`);
    assert.ok(grants > 5 * runs, `only ${grants} grants in ${runs} runs`);
    assert.ok(takeovers > runs / 2, `only ${takeovers} takeovers in ${runs} runs`);
    assert.ok(slowestAgreement <= digestInterval, `rings were one after ${slowestAgreement} ms`);
  },
  { limit: 60_000 + 1000 * runs },
);

test("voters who do not look what they vote for are found out", async () => {
  const blind = runRingModel({ seed: 3, runs: 20, operations: 60, isBlind: true });
  await assert.rejects(
    blind,
    (error: Error) => /was taken from/.test(`${error.message} ${String(error.cause)}`),
  );
});

test("one seed gives one run", async () => {
  const trace = async () => {
    const run = new RandomRun(nodesOfModel, { seed: 10, ...faultsOfModel });
    const list = fc.sample(step, { seed: 5, numRuns: 80 });
    await run.begin();
    for (const each of list) await run.take(each);
    const seen = run.world.nodes.map((each) => each.addresses);
    await run.world.stopAll();
    return seen;
  };
  const first = await trace();
  assert.ok(first.flat().length > 5);
  assert.deepEqual(await trace(), first);
});
