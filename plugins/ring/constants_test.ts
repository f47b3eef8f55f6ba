/** What limits_test.ts leaves: bounds of the configuration, and the form on disk. */
import assert from "node:assert/strict";
import { encodeCbor } from "../../core/wire/cbor.ts";
import { test } from "../../tests/harness.ts";
import { MemoryDisk } from "../memory_store/mod.ts";
import { ring } from "./mod.ts";
import { requireReadable } from "./storage.ts";

test("blocks are a /9 to a /30, and a rest lasts up to a day", () => {
  const bounds = { block: [9, 30], quarantineSeconds: [0, 86_400] };
  for (const [name, [least, most]] of Object.entries(bounds)) {
    for (const value of [least!, most!]) assert.equal(ring({ [name]: value }).name, "ring");
    for (const value of [least! - 1, most! + 1]) {
      assert.throws(() => ring({ [name]: value }), { code: "CONFIG_INVALID", message: new RegExp(name) });
    }
  }
});

test("what a newer version has stored is UNSUPPORTED, and its key is named", async () => {
  const store = new MemoryDisk().mount();
  const put = (v: number) => store.commit([{ key: "ring/rest/10.32.0.1", value: encodeCbor({ v }) }]);
  await put(1);
  requireReadable(store);
  await put(2);
  assert.throws(() => requireReadable(store), {
    code: "UNSUPPORTED",
    details: { path: "ring/rest/10.32.0.1" },
  });
});
