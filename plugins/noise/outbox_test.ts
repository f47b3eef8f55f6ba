import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import type { EncapsulationOutput } from "../../core/contracts/encapsulation.ts";
import type { PeerId } from "../../core/contracts/values.ts";
import { test } from "../../tests/harness.ts";
import { limits } from "./constants.ts";
import { Outbox } from "./outbox.ts";

const to = { host: "192.0.2.1", port: 1 };
const fact: EncapsulationOutput = { type: "session-down", peer: "a" as PeerId, reason: "test" };

test("outputs come out in order", () => {
  const outbox = new Outbox();
  outbox.transmit(Uint8Array.of(1), to, 0);
  outbox.push(fact);
  assert.equal(outbox.take()?.type, "transmit");
  assert.equal(outbox.take(), fact);
  assert.equal(outbox.take(), undefined);
});

test("datagrams beyond the limit are dropped, facts are not, and room made is room again", () => {
  const lost: Drop[] = [];
  const outbox = new Outbox((drop) => lost.push(drop));
  for (let i = 0; i < limits.queuedPackets + 10; i++) outbox.transmit(new Uint8Array(1), to, 0);
  outbox.refuse(new Uint8Array(1), to, 0);
  assert.deepEqual(lost, Array(11).fill(Drop.queueFull), "each is counted");
  assert.equal(outbox.full, true);
  outbox.push(fact);
  outbox.take();
  outbox.take();
  assert.equal(outbox.full, false);
  let left = 0;
  while (outbox.take() !== undefined) left += 1;
  assert.equal(left, limits.queuedPackets + 1 - 2);
});
