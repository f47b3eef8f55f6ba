/** Random runs of the ring against its invariants, for the tests and for longer proofs. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { RandomRun, type Step } from "./random_run.ts";

export interface RingModelOptions {
  readonly seed: number;
  /** How many worlds, each with its own list of steps. */
  readonly runs: number;
  /** Steps of the longest run; the shortest has two fifths of them. */
  readonly operations: number;
  /** As `SimCouncil.isBlind`. */
  readonly isBlind?: boolean;
}

export interface RingModelResult {
  readonly runs: number;
  /** Steps taken; the invariants were checked after every one. */
  readonly operations: number;
  /** Leases that were given. A model without any proves nothing. */
  readonly allocations: number;
  /** Grants that went from one node to another. */
  readonly grants: number;
  /** What passed on by the word of voters. */
  readonly takeovers: number;
  /** Of simulated time, until all rings were one after the last fault had ended: the longest of all runs. */
  readonly slowestAgreement: number;
}

export const nodesOfModel = 5;
export const faultsOfModel = { loss: 0.2, duplicates: 0.2, slowestCommit: 30 };

const node = fc.nat(nodesOfModel - 1);
const owner = fc.nat(3);

export const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant("allocate" as const), node, owner, subnet: fc.nat(4) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("claim" as const), node, owner, host: fc.nat(127) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("release" as const), node, owner }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("wait" as const),
      millis: fc.constantFrom(5, 50, 600, 5000, 61_000),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("kill" as const), node }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("start" as const), node }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("fill" as const), node }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("empty" as const), node }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("cut" as const), island: fc.subarray([0, 1, 2, 3, 4]) }),
  },
  { weight: 2, arbitrary: fc.constant({ do: "heal" as const }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("takeOver" as const), node, dead: node }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("leave" as const), node, heir: node }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("hostile" as const), node, salt: fc.nat(999) }) },
);

/** Rejects with fast-check's report, which names the seed of the failing run; it is not made smaller, which takes long. */
export async function runRingModel(
  { seed, runs, operations, isBlind = false }: RingModelOptions,
): Promise<RingModelResult> {
  const total = { runs: 0, operations: 0, allocations: 0, grants: 0, takeovers: 0, slowestAgreement: 0 };
  const steps = fc.array(step, { minLength: Math.ceil(0.4 * operations), maxLength: operations });
  const property = fc.asyncProperty(fc.nat(), steps, async (worldSeed, list) => {
    const run = new RandomRun(nodesOfModel, { seed: worldSeed, ...faultsOfModel });
    run.world.council.isBlind = isBlind;
    try {
      await run.begin();
      for (const each of list) await run.take(each);
      const agreement = await run.converge();
      total.runs++;
      total.operations += list.length;
      total.allocations += run.allocations;
      total.grants += run.grants;
      total.takeovers += run.world.council.decisions.length;
      total.slowestAgreement = Math.max(total.slowestAgreement, agreement);
    } finally {
      await run.world.stopAll();
    }
  });
  await fc.assert(property, { seed, numRuns: runs, endOnFailure: true });
  assert.equal(total.runs, runs);
  return total;
}
