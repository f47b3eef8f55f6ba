import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { timeText } from "./time_text.ts";

test("a time is RFC 3339 in UTC with milliseconds", () => {
  assert.equal(timeText(0), "1970-01-01T00:00:00.000Z");
  assert.equal(timeText(1_795_392_000_001), "2026-11-23T00:00:00.001Z");
});

test("what no clock should say is still a time, and no failure", () => {
  for (const wall of [-1, Number.NEGATIVE_INFINITY, Number.NaN]) {
    assert.equal(timeText(wall), "1970-01-01T00:00:00.000Z");
  }
  for (const wall of [8.64e15 + 1, Number.POSITIVE_INFINITY]) {
    assert.equal(timeText(wall), "9999-12-31T23:59:59.999Z");
  }
});
