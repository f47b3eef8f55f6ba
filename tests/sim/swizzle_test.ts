import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { askedFor, runSwizzle, type SwizzleOptions } from "./swizzle.ts";

/** One by hand: SWIZZLE_SEED=17 SWIZZLE_NODES=20 SWIZZLE_OPERATIONS=2000. A failing run prints its own. */
const asked = askedFor();
const runs: readonly SwizzleOptions[] = asked === undefined
  ? [{ seed: 1, nodes: 4, operations: 500 }, { seed: 2, nodes: 5, operations: 500 }]
  : [asked];

for (const run of runs) {
  const { seed, nodes, operations } = run;
  test(
    `seed ${seed}: ${nodes} nodes keep what they promise through ${operations} operations under every fault, ` +
      "and agree once all is healed",
    async () => {
      const result = await runSwizzle(run);
      assert.ok(result.operations >= operations && result.faults >= 10, JSON.stringify(result));
      assert.ok(result.promises > operations / 5, `${result.promises} leases prove little`);
    },
    // Seconds on a quiet machine; what a run asks for by hand may take an hour.
    asked === undefined
      ? { limit: 300_000, once: "the proof of the same name runs on Node" }
      : { limit: 3_600_000 },
  );
}
