import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { runFlood } from "./flood_load.ts";

/** The full load is a proof that is run by itself; this shows that all of it works, on a machine that does other things. */
test("with real datagrams, genuine handshakes get through a flood of first messages on the loopback", async () => {
  const result = await runFlood({ seconds: 2, perSecond: 5_000, seed: 5, genuinePerSecond: 10 });
  const { genuine, ratio, offeredPerSecond, drops } = result;
  assert.equal(genuine, 20);
  assert.ok(ratio >= 0.9, JSON.stringify(result));
  assert.ok(offeredPerSecond > 100);
  for (const name of ["malformed", "badMac", "replayed"] as const) assert.ok(drops[name]! > 0, name);
});
