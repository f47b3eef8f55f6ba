import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { OwnerTurns } from "./owner_turns.ts";
import { Undo } from "./undo.ts";

test("steps of one owner follow each other, those of others do not wait, and a failure costs nobody else", async () => {
  const turns = new OwnerTurns();
  const history: string[] = [];
  const first = Promise.withResolvers<void>();
  const one = turns.take("a", async () => {
    await first.promise;
    history.push("a1");
    throw new Error("a1 failed");
  });
  const two = turns.take("a", () => Promise.resolve(void history.push("a2")));
  await turns.take("b", () => Promise.resolve(void history.push("b")));
  const settled = turns.settled().then(() => history.push("settled"));
  first.resolve();
  await assert.rejects(one, /a1 failed/);
  await Promise.all([two, settled]);
  assert.deepEqual(history, ["b", "a1", "a2", "settled"]);
});

test("what was done is undone in reverse, and a step that cannot be does not keep the others from it", async () => {
  const history: unknown[] = [];
  const undo = new Undo((error) => void history.push(error));
  undo.add(() => history.push("one"));
  undo.add(() => Promise.reject("two"));
  undo.add(() => history.push("three"));
  await undo.run();
  await undo.run();
  assert.deepEqual(history, ["three", "two", "one"]);
});
