import assert from "node:assert/strict";
import { SimRandom } from "../../tests/sim/random.ts";
import { test } from "../../tests/harness.ts";
import { Chance } from "./chance.ts";
import { slots, View } from "./view.ts";

const beat = 8_000;

test("beats to neighbours are spread over the interval", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const view = new View(new Chance(new SimRandom(seed)), beat);
    for (let peer = 0; peer < 5; peer++) view.add(peer, 1_000);
    const phases = view.neighbours.map(({ beatAt }) => beatAt).sort((a, b) => a - b);
    assert.ok(phases.every((at) => at >= 1_000 && at < 1_000 + beat));
    const gaps = phases.map((at, place) => (phases[place + 1] ?? phases[0]! + beat) - at);
    assert.ok(Math.max(...gaps) < beat * 0.6, `${gaps}`);
  }
});

test("a slot is given anew when its neighbour is gone", () => {
  const view = new View(new Chance(new SimRandom(1)), beat);
  for (let peer = 0; peer < slots; peer++) assert.ok(view.add(peer, 0) !== undefined);
  assert.equal(view.add(99, 0), undefined);
  const gone = view.remove(3)!;
  assert.equal(view.add(99, 0)?.slot, gone.slot);
  assert.equal(view.of(99)?.peer, 99);
  assert.equal(view.of(3), undefined);
  assert.equal(view.remove(3), undefined);
});

test("who is told of a view is told again when it changes", () => {
  const view = new View(new Chance(new SimRandom(1)), beat);
  const first = view.add(1, 0)!;
  first.tellView = 0;
  view.add(2, 0);
  assert.ok(first.tellView > 0);
});
