import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { Instances } from "./instances.ts";

test("an instance that was replaced and speaks again is a sign of a clone, and the later one is refused", () => {
  const [first, second, third] = [1, 2, 3].map((fill) => new Uint8Array(8).fill(fill)) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const instances = new Instances();
  assert.equal(instances.judge(first), "new");
  instances.confirm(first);
  assert.deepEqual([instances.judge(first), instances.judge(second)], ["same", "new"]);
  instances.confirm(second);
  assert.equal(instances.judge(first), "returned");
  instances.confirm(first);
  assert.deepEqual([first, second, third].map((each) => instances.judge(each)), ["same", "refused", "new"]);
});
