import assert from "node:assert/strict";
import { testHost } from "../../tests/conformance/test_host.ts";
import { test } from "../../tests/harness.ts";
import { MemoryDisk } from "../memory_store/mod.ts";
import { StaticSeeds } from "./static_seeds.ts";

const key = "static_seeds/192.0.2.1:6783";

function stored(value: Uint8Array): Promise<StaticSeeds> {
  const disk = new MemoryDisk();
  return disk.mount().commit([{ key, value }]).then(() => new StaticSeeds([], testHost({ disk })));
}

test("a target that a newer version has stored is UNSUPPORTED, and its key is named", async () => {
  const discovery = await stored(Uint8Array.of(2, 1));
  await assert.rejects(discovery.start(), { code: "UNSUPPORTED", details: { path: key } });
});

test("the stored form is version 1 and a mark: 1 for a target that was added", async () => {
  const discovery = await stored(Uint8Array.of(1, 1));
  await discovery.start();
  assert.deepEqual(discovery.targets(), [{ endpoint: { host: "192.0.2.1", port: 6783 }, source: "connect" }]);
});
