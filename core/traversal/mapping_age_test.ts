import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { MappingAge } from "./mapping_age.ts";

const minute = 60_000;

test("a lost mapping halves the time, however many peers tell of it, and never below six seconds", () => {
  const age = new MappingAge(0);
  assert.equal(age.every, 25_000);
  assert.equal(age.lost(1_000), true);
  for (let peer = 0; peer < 9; peer++) assert.equal(age.lost(1_000 + peer), false);
  assert.equal(age.every, 12_500);
  for (let loss = 2; loss < 9; loss++) age.lost(loss * 2 * minute);
  assert.equal(age.every, 6_000);
});

test("half an hour without a loss lengthens it by a quarter, up to what it began with", () => {
  const age = new MappingAge(0);
  age.lost(minute);
  assert.equal(age.held(20 * minute), false);
  assert.equal(age.held(31 * minute), true);
  assert.equal(age.every, 15_625);
  assert.equal(age.held(40 * minute), false, "and then another half an hour");
  for (let hour = 2; hour < 9; hour++) age.held(hour * 60 * minute);
  assert.equal(age.every, 25_000);
  assert.equal(age.held(10_000 * minute), false);
});
