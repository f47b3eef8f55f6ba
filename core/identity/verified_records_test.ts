import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { signAnnouncement } from "./announcement.ts";
import { fakeSelf, flipEachByte } from "./fake_members.ts";
import { openRecord } from "./signed.ts";
import { VerifiedRecords } from "./verified_records.ts";

test("the answer is always that of the check itself, which is spared for the last good ones that were asked for", () => {
  const limit = 4;
  const isGood = (record: number) => record % 3 !== 0;
  const property = fc.property(fc.array(fc.nat(9), { maxLength: 60 }), (asked) => {
    const memory = new VerifiedRecords(limit);
    let last: readonly number[] = [];
    for (const record of asked) {
      let checks = 0;
      const answer = memory.isGood(Uint8Array.of(record), () => {
        checks++;
        return isGood(record);
      });
      assert.equal(answer, isGood(record));
      assert.equal(checks, last.includes(record) ? 0 : 1);
      if (isGood(record)) last = [...last.filter((other) => other !== record), record].slice(-limit);
    }
  });
  fc.assert(property, { seed: 39, numRuns: 200 });
});

test("a record is remembered by all its bytes: no damaged copy of a good one passes, before or after", () => {
  const record = signAnnouncement(fakeSelf("ann"), { bindingNumber: 1, endpoints: [], sequence: 1 });
  const opened = openRecord(record);
  assert.equal(opened?.kind, "peer");
  for (const damaged of flipEachByte(record)) assert.equal(openRecord(damaged), undefined);
  assert.deepEqual(openRecord(record), opened);
  assert.equal(
    openRecord(record, (kind) => kind !== "peer"),
    undefined,
    "nor does one of a kind that is not wanted",
  );
});
