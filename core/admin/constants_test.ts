/** What a caller of the admin API may cost, in plain figures: a change of one of them must be meant. */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { freeRefusals, longestDelayMillis, mostDelayed } from "./bad_token_delays.ts";
import { mostReaders } from "./event_hub.ts";
import { heartbeatMillis, queueBytes, queueLimit } from "./event_reader.ts";
import { EventParser } from "./event_source.ts";
import { linesPerMinute } from "./refusals.ts";
import { largestBody } from "./request_guards.ts";
import { pathText } from "./validation.ts";
import { placeholder, withoutSecrets } from "./without_secrets.ts";

test("wrong tokens: 5 cost nothing, none waits above 30 s, 16 wait at a time, and 10 are logged in a minute", () => {
  assert.deepEqual([freeRefusals, longestDelayMillis, mostDelayed, linesPerMinute], [5, 30_000, 16, 10]);
});

test("events: 32 readers, each at most 256 events or 256 KiB behind, with a sign of life every 15 s", () => {
  assert.deepEqual([mostReaders, queueLimit, queueBytes, heartbeatMillis], [32, 256, 262_144, 15_000]);
});

test("a request has a body of 1 MiB at most", () => assert.equal(largestBody, 1_048_576));

test("an event of 1 MiB is read, and one character more is MALFORMED", () => {
  const longest = "x".repeat(1_048_576);
  assert.deepEqual([...new EventParser().push(longest)], []);
  assert.throws(() => [...new EventParser().push(`${longest}x`)], { code: "MALFORMED" });
});

test("of a path in a refused request 200 characters are shown", () => {
  const path = (length: number) => pathText(["x".repeat(length)]);
  assert.deepEqual([path(200), path(201)], ["x".repeat(200), `${"x".repeat(200)}…`]);
});

test("a document is shown 32 levels deep", () => {
  const nested = (depth: number): unknown => depth === 0 ? "end" : { in: nested(depth - 1) };
  const text = JSON.stringify(withoutSecrets(nested(33)));
  assert.equal(JSON.stringify(withoutSecrets(nested(32))), JSON.stringify(nested(32)));
  assert.equal(text, JSON.stringify(nested(32)).replace('"end"', JSON.stringify(placeholder)));
});
