import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { sourceOf } from "./source.ts";

test("all addresses of one IPv6 /64 are one source, however they are written", () => {
  const source = sourceOf("2001:db8:0:7::1");
  for (
    const host of ["2001:db8:0:7::", "2001:DB8:0:7:ffff:ffff:ffff:ffff", "2001:0db8:0000:0007::192.0.2.1"]
  ) {
    assert.equal(sourceOf(host), source, host);
  }
  for (const host of ["2001:db8:0:6::1", "2001:db8:0:8::1", "2001:db8:7::1"]) {
    assert.notEqual(sourceOf(host), source, host);
  }
});

test("each IPv4 address is a source, also where it is written as IPv6", () => {
  assert.equal(sourceOf("192.0.2.1"), "192.0.2.1");
  assert.equal(sourceOf("::ffff:192.0.2.1"), "192.0.2.1");
  assert.notEqual(sourceOf("::ffff:192.0.2.2"), "192.0.2.1");
});

test("what is no address stands for itself", () => {
  for (const text of ["", "node.example", "fe80::1%eth0", ":", "1:2"]) assert.equal(sourceOf(text), text);
});
