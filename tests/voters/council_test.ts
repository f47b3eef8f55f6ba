import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { CouncilRun } from "./council_run.ts";
import { wish } from "./voters_fixture.ts";

const faults = { loss: 0.2, duplicates: 0.2, badWrites: 0.05, deaths: 0.04 };

/** Half a minute of faults, with four wishes of different voters, two of them at the same time. */
function trouble(run: CouncilRun): void {
  const size = run.nodes.length;
  run.advance(3000);
  run.propose(0, wish("a"));
  run.propose(size - 1, wish("b"));
  for (let step = 0; step < 6; step++) {
    run.advance(2500);
    const at = run.random.below(size);
    if (step % 3 === 0) run.cut([at, (at + 1) % size]);
    if (step % 3 === 1) run.kill(at);
    if (step % 3 === 2) {
      run.cut([]);
      run.restart(at);
    }
    if (step === 1) run.propose(run.random.below(size), wish("c"));
  }
}

for (const [size, runs] of [[3, 8], [5, 8], [7, 4]] as const) {
  test(
    `${size} voters under loss, bad disks, deaths and cuts decide each slot once, and all of it once that ends`,
    () => {
      const total = { deaths: 0, refusals: 0, decisions: 0, slowest: 0 };
      for (let seed = 1; seed <= runs; seed++) {
        const run = new CouncilRun(size, seed, faults);
        trouble(run);
        run.calm();
        const [calmSince, before] = [run.now, run.decided.size];
        run.propose(1, wish("last"));
        run.propose(2, wish("and least"));
        const isDone = () => {
          const [first, ...others] = run.nodes.map(({ records }) => records.position().slot);
          return run.decided.size >= before + 2 && others.every((slot) => slot === first);
        };
        for (let second = 0; second < 120 && !isDone(); second++) run.advance(1000);
        assert.ok(
          isDone(),
          `seed ${seed}: what is wanted is decided within two minutes of peace, for all to see`,
        );
        for (const { records } of run.nodes) assert.deepEqual(records.equivocations(), []);
        total.deaths += run.deaths;
        total.refusals += run.refusals;
        total.decisions += run.decided.size - 1;
        total.slowest = Math.max(total.slowest, run.now - calmSince);
      }
      console.log(`  ${size} voters, ${runs} runs:`, JSON.stringify(total));
      assert.ok(total.deaths > 0 && total.refusals > 0 && total.decisions > 2 * runs);
    },
    { limit: 180_000 },
  );
}

test("a seed is a run: the same decisions at the same time", () => {
  const results = [1, 2].map(() => {
    const run = new CouncilRun(3, 7, faults);
    trouble(run);
    return JSON.stringify([[...run.decided], run.deaths, run.refusals]);
  });
  assert.equal(results[0], results[1]);
});

test("a voter on an old disk that is told so sits out, and no slot is decided twice", () => {
  for (let seed = 1; seed <= 4; seed++) {
    const run = new CouncilRun(5, seed, { ...faults, deaths: 0, badWrites: 0 });
    run.advance(3000);
    const backup = { bytes: run.nodes[2]!.disk };
    run.propose(0, wish("a"));
    run.propose(2, wish("b"));
    run.advance(400 + 300 * seed);
    run.restart(2, backup);
    run.advance(20_000);
    run.calm();
    for (const name of ["c", "d", "e"]) {
      run.propose(1, wish(name));
      run.advance(20_000);
    }
    assert.ok(run.decided.size >= 4);
    assert.equal(run.nodes[2]!.voter.silence(run.nodes[2]!.records), undefined, "it votes again in the end");
  }
}, { limit: 120_000 });
