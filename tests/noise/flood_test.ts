import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { floodKinds } from "./flood_messages.ts";
import { simulateFlood } from "./flood_model.ts";

/** A second of it; the proof `flood` has five, with 200 that are genuine. */
for (const kind of floodKinds) {
  test(
    `with 50,000 ${kind} first messages a second, 99 % of genuine handshakes and joins succeed within 5 s`,
    () => {
      const outcome = simulateFlood({ kind, seconds: 1, perSecond: 50_000, genuine: 40, seed: 7 });
      const { succeeded, genuine, busy, offered, bytes } = outcome;
      assert.ok(offered >= 50_000);
      assert.ok(
        succeeded >= 0.99 * genuine,
        `${succeeded} of ${genuine}, processor ${Math.round(100 * busy)} %`,
      );
      assert.ok(bytes.sent <= bytes.received);
    },
    { limit: 300_000, once: "the proof runs on both", on: "node" },
  );
}

test("the same flood has the same outcome", () => {
  const options = { kind: "forged", seconds: 0.3, perSecond: 50_000, genuine: 4, seed: 3 } as const;
  assert.deepEqual(simulateFlood(options), simulateFlood(options));
});
