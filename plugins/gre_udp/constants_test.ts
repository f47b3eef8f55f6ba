import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import {
  answerRate,
  freshMillis,
  longestDatagram,
  mostNeighbours,
  mostRequests,
  mostSearches,
  overhead,
  queuedPackets,
  requestMillis,
  silenceMillis,
  staleMillis,
  waitingPackets,
} from "./constants.ts";

// What an operator, a device or the documentation relies on, once more in plain figures: a change of one of them must be
// meant. How each of them acts is tested in machine_test.ts.

test("the numbers of this plugin are those of the documentation", () => {
  assert.equal(silenceMillis, 90_000);
  assert.equal(queuedPackets, 8_192);
  assert.equal(longestDatagram, 65_535 - 20 - 8);
  assert.deepEqual(overhead, { 4: 20 + 8 + 4, 6: 40 + 8 + 4, key: 4, ethernet: 14 });
  assert.deepEqual([mostNeighbours, mostSearches, waitingPackets], [1_024, 64, 4]);
  assert.deepEqual([mostRequests, requestMillis, freshMillis, staleMillis], [3, 1_000, 30_000, 90_000]);
  assert.deepEqual(answerRate, { perSecond: 256, burst: 256 });
});
