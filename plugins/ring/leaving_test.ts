import assert from "node:assert/strict";
import { selfOf } from "../../tests/ring/ring_world.ts";
import { test } from "../../tests/harness.ts";
import { Leaving } from "./leaving.ts";

const [heir, other] = [selfOf(1).id, selfOf(2).id];

test("only the heir that was asked says that it holds what it was left, and nobody can take that back for it", () => {
  const leaving = new Leaving();
  leaving.got(heir);
  assert.equal(leaving.isHeldBy(heir), false);
  leaving.ask(heir);
  leaving.got(other);
  assert.equal(leaving.isHeldBy(heir), false);
  leaving.got(heir);
  leaving.got(other);
  assert.deepEqual([leaving.isHeldBy(heir), leaving.isHeldBy(other)], [true, false]);
  leaving.ask(heir);
  assert.equal(leaving.isHeldBy(heir), false);
});
