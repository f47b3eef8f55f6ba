import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { runKills } from "./kill_model.ts";
import { runRekeys } from "./rekey_model.ts";

for (const by of ["one", "both"] as const) {
  test(`sessions that ${by === "one" ? "one side renews" : "both sides renew"} all the time lose no packet`, () => {
    const { packets, opened, rekeys, millis } = runRekeys({ seed: 1, rekeys: 8, by });
    assert.ok(packets > 1_000, `${packets} packets`);
    assert.ok(opened > 0, "the main thread confirms sessions");
    assert.ok(millis < 40 * rekeys, `${rekeys} in ${millis} ms`);
  });
}

test("a data path that is killed between seal and send uses no counter twice, and the next one takes no copy", () => {
  const { delivered, sealed, onWire, replayed } = runKills({ seed: 3, kills: 6 });
  assert.ok(delivered > 500, `${delivered} packets`);
  assert.ok(replayed > 1_000, `${replayed} copies`);
  assert.ok(sealed > onWire, "some were sealed and never sent");
});

test("a run of the models follows from its seed", () => {
  const runs = [5, 5, 6].map((seed) => runKills({ seed, kills: 2 }));
  assert.deepEqual(runs[0], runs[1]);
  assert.notDeepEqual(runs[0], runs[2]);
});
