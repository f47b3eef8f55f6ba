import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { microsOf, millisOf, rttClassOf, unmeasured } from "./rtt_class.ts";

test("every class is the class of the round trip that it stands for, and they rise by at most an eighth", () => {
  for (let rttClass = 0; rttClass <= 175; rttClass++) {
    assert.equal(rttClassOf(millisOf(rttClass)), rttClass);
    if (rttClass > 0) assert.ok(microsOf(rttClass)! / microsOf(rttClass - 1)! <= 9 / 8);
    assert.ok(Number.isSafeInteger(microsOf(rttClass)));
  }
});

test("a class is the nearest one, from nothing to beyond a minute", () => {
  for (const rtt of [0, 0.02, 0.4, 1, 7.3, 29, 250, 3000, 61_000]) {
    const error = Math.abs(millisOf(rttClassOf(rtt))! - rtt);
    assert.ok(error <= Math.max(rtt / 16, 0.016), `${rtt} ms`);
  }
  assert.equal(rttClassOf(1e9), 175);
  assert.equal(rttClassOf(Number.POSITIVE_INFINITY), 175);
});

test("what is not measured, or no number, has the class that means so, and classes to come are read like it", () => {
  for (const rtt of [undefined, Number.NaN, -1]) assert.equal(rttClassOf(rtt), unmeasured);
  for (const rttClass of [176, 200, unmeasured]) assert.equal(microsOf(rttClass), undefined);
});
