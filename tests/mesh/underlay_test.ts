import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { SimRandom } from "../sim/random.ts";
import { nodeSet, Underlay, type UnderlayFaults } from "./underlay.ts";

const sent = 20_000;

function underlayWith(faults: Partial<UnderlayFaults>): Underlay {
  return new Underlay(10, new SimRandom(1), faults);
}

function passed(underlay: Underlay, from: number, to: number): number {
  let count = 0;
  for (let i = 0; i < sent; i++) if (underlay.passes(from, to)) count++;
  return count / sent;
}

test("of what is sent at 10 % loss nine tenths arrive, and a node's own loss comes on top", () => {
  const underlay = underlayWith({ loss: 0.1 });
  assert.ok(Math.abs(passed(underlay, 0, 1) - 0.9) < 0.01);
  underlay.lossIn[1] = 0.5;
  assert.ok(Math.abs(passed(underlay, 0, 1) - 0.45) < 0.02);
  assert.ok(Math.abs(passed(underlay, 1, 0) - 0.9) < 0.01);
});

test("a cut is one way, and nothing passes it until it is mended", () => {
  const underlay = underlayWith({});
  const cut = { from: nodeSet(10, (node) => node < 5), to: nodeSet(10, (node) => node >= 5) };
  underlay.cut(cut);
  assert.equal(passed(underlay, 0, 9), 0);
  assert.equal(passed(underlay, 9, 0), 1);
  assert.equal(passed(underlay, 0, 1), 1);
  underlay.mend(cut);
  assert.equal(passed(underlay, 0, 9), 1);
});

test("bursts last as long as they should, and one link's burst is not another's", () => {
  const underlay = underlayWith({ burst: { enter: 0.02, leave: 0.2, loss: 1 } });
  let [lost, runs, wasLost] = [0, 0, false];
  for (let i = 0; i < sent; i++) {
    const isLost = !underlay.passes(0, 1);
    if (isLost) lost++;
    if (isLost && !wasLost) runs++;
    wasLost = isLost;
  }
  assert.ok(Math.abs(lost / sent - 0.02 / 0.22) < 0.02, `${lost / sent} of all`);
  assert.ok(Math.abs(lost / runs - 5) < 1, `runs of ${lost / runs}`);
});

test("the way back is as long as the way, within the jitter, and reordering holds some back", () => {
  const underlay = underlayWith({ jitter: 0 });
  assert.equal(underlay.transit(3, 8), underlay.transit(8, 3));
  assert.notEqual(underlay.transit(3, 8), underlay.transit(3, 9));
  const base = underlay.transit(3, 8);
  underlay.faults.reorder = 0.1;
  let held = 0;
  for (let i = 0; i < sent; i++) if (underlay.transit(3, 8) > base) held++;
  assert.ok(Math.abs(held / sent - 0.1) < 0.01);
});
