import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { SimRandom } from "../sim/random.ts";
import { Belief, Beliefs } from "./beliefs.ts";

test("counts of wrong pairs and of those who know of a death are those of a slow look at all pairs", () => {
  const random = new SimRandom(3);
  const nodes = 7;
  const beliefs = new Beliefs(nodes);
  const runs = new Array<boolean>(nodes).fill(true);
  for (let step = 0; step < 3_000; step++) {
    const [observer, member] = [random.below(nodes), random.below(nodes)];
    if (random.chance(0.05)) {
      if (runs[member]) beliefs.end(member);
      else beliefs.begin(member);
      runs[member] = !runs[member];
    } else {
      beliefs.learn(observer, member, random.pick(Object.values(Belief)));
    }
    assert.equal(beliefs.wrong, [...beliefs.wrongPairs()].length);
    assert.equal(beliefs.wrong, slowWrong(beliefs, runs));
    const knowing = runs.filter((isRunning, node) => isRunning && beliefs.of(node, member) >= Belief.dead);
    assert.equal(beliefs.knownGoneBy(member), knowing.length);
  }
});

function slowWrong(beliefs: Beliefs, runs: readonly boolean[]): number {
  let wrong = 0;
  for (let observer = 0; observer < runs.length; observer++) {
    for (let member = 0; member < runs.length; member++) {
      if (!runs[observer] || observer === member) continue;
      const belief = beliefs.of(observer, member);
      if (runs[member] ? belief !== Belief.alive : belief < Belief.dead) wrong++;
    }
  }
  return wrong;
}
