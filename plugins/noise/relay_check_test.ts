import assert from "node:assert/strict";
import type { PeerId, PeerRecord } from "../../core/contracts/values.ts";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import { RelayCheck } from "./relay_check.ts";

const [member, stranger] = ["b", "z"].map((letter) => letter.repeat(32) as PeerId);

test("a relay of the configuration that is no member is told once, when members are known", async () => {
  const clock = new SimClock();
  const told: unknown[] = [];
  let known: readonly PeerId[] = [];
  const members = { known: () => known.map((id) => ({ id }) as PeerRecord), watch() {}, hear() {} };
  const log = {
    child: () => log,
    log: (level: string, _: string, fields: object = {}) => void told.push(level, fields),
  };
  const host = { clock, log, members } as unknown as ConstructorParameters<typeof RelayCheck>[0];
  const check = new RelayCheck(host, [member!, stranger!]);
  check.start();
  await clock.advance(200_000);
  assert.deepEqual(told, []);
  known = [member!];
  await clock.advance(600_000);
  assert.deepEqual(told, ["warn", { relay: stranger }]);
  check.stop();
});
