import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { foldName, isNodeName } from "./node_name.ts";

test("hostnames are node names", () => {
  for (const name of ["a", "web-1", "db_2.example.org", "X".repeat(63)]) assert.ok(isNodeName(name), name);
});

test("empty, long and unprintable texts, spaces, slashes and other alphabets are no node names", () => {
  for (const name of ["", "x".repeat(64), "a b", "a/b", "a\n", "\nweb", "wéb", "a\0", "«»"]) {
    assert.ok(!isNodeName(name), JSON.stringify(name));
  }
});

test("names that differ only in case fold to one", () => {
  assert.equal(foldName("Web-1"), foldName("wEB-1"));
});
