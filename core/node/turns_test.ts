import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { Turns } from "./turns.ts";

test("a step begins when the one before it has ended, well or badly", async () => {
  const turns = new Turns();
  const history: string[] = [];
  const step = (name: string, fails = false) => async () => {
    history.push(`${name} begins`);
    await Promise.resolve();
    history.push(`${name} ends`);
    if (fails) throw new Error(name);
    return name;
  };
  const first = turns.take(step("first", true));
  const second = turns.take(step("second"));
  await assert.rejects(first, /first/);
  assert.equal(await second, "second");
  assert.deepEqual(history, ["first begins", "first ends", "second begins", "second ends"]);
});

test("a step that throws before it awaits anything rejects its own turn only", async () => {
  const turns = new Turns();
  const bad = turns.take(() => {
    throw new Error("at once");
  });
  await assert.rejects(bad, /at once/);
  assert.equal(await turns.take(() => Promise.resolve(1)), 1);
});
