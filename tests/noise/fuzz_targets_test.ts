import assert from "node:assert/strict";
import fc from "fast-check";
import { SeededRandom } from "../../plugins/noise/testing_rig.ts";
import { test } from "../harness.ts";
import { noiseTargets, validMac1Handshakes } from "./fuzz_targets.ts";

for (const target of noiseTargets) {
  test(`${target.name}: 2,000 inputs do no harm`, () => {
    const random = new SeededRandom(12);
    for (let i = 0; i < 1_000; i++) {
      target.run(random.fill(new Uint8Array(Math.floor(random.next() * (i % 10 === 0 ? 2_000 : 120)))));
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (input) => target.run(input)),
      { seed: 5, numRuns: 1_000 },
    );
  });
}

test("first messages with a right mac1 and a made-up rest do no harm, and each is dropped or a mere knock", () => {
  const { drops } = validMac1Handshakes(3, 500);
  const total = [...drops.values()].reduce((sum, count) => sum + count, 0);
  assert.equal(total, 500);
  for (const name of ["badTag", "malformed", "underLoad"] as const) {
    assert.ok((drops.get(name) ?? 0) > 10, `${name}: ${JSON.stringify([...drops])}`);
  }
});
