import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import type { PeerId } from "../contracts/values.ts";
import { fakeSelf } from "../identity/fake_members.ts";
import { decodeBase32 } from "../wire/base32.ts";
import { compareTags, tagFromBytes, tagOf, tagToBytes } from "./link_tag.ts";

test("a tag is the first eight bytes of a peer id, as text or as bytes", () => {
  const { id } = fakeSelf("ann");
  assert.deepEqual(tagToBytes(tagOf(id)), decodeBase32(id)!.slice(0, 8));
  assert.equal(tagFromBytes(decodeBase32(id)!), tagOf(id));
  assert.equal(tagFromBytes(Uint8Array.from([9, ...decodeBase32(id)!]), 1), tagOf(id));
});

test("what is no peer id has no tag", () => {
  for (const text of ["", "short", "NOT BASE32"]) {
    assert.throws(() => tagOf(text as PeerId), { code: "INVALID_ARGUMENT" });
  }
});

test("tags are in the order of their bytes", () => {
  const tags = [[0xff], [0x0f], [0x10]].map((bytes) =>
    tagFromBytes(Uint8Array.from([...bytes, 0, 0, 0, 0, 0, 0, 0]))
  );
  assert.deepEqual(tags.sort(compareTags).map((tag) => tag.slice(0, 2)), ["0f", "10", "ff"]);
  assert.equal(compareTags(tags[0]!, tags[0]!), 0);
});
