import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { TagDirectory } from "./directory.ts";

const tag = (high: number, low: number) => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setUint32(0, high);
  new DataView(bytes.buffer).setUint32(4, low);
  return bytes;
};

test("a tag leads to its member and back", () => {
  const directory = new TagDirectory(1);
  assert.ok(directory.put(0, tag(1, 2)));
  assert.ok(directory.put(700, tag(0xffffffff, 0x80000000)));
  assert.equal(directory.peerOf(0xffffffff, 0x80000000), 700);
  assert.equal(directory.peerOf(1, 2), 0);
  assert.deepEqual([directory.high(700), directory.low(700)], [0xffffffff, 0x80000000]);
  assert.equal(directory.peerOf(1, 3), -1);
  assert.equal(directory.high(5), 0);
});

test("tags with the same first half are told apart", () => {
  const directory = new TagDirectory();
  for (let peer = 0; peer < 200; peer++) assert.ok(directory.put(peer, tag(7, peer + 1)));
  for (let peer = 0; peer < 200; peer++) assert.equal(directory.peerOf(7, peer + 1), peer);
  assert.equal(directory.peerOf(7, 500), -1);
});

test("a tag has one member and a member one tag", () => {
  const directory = new TagDirectory();
  assert.ok(directory.put(1, tag(1, 1)));
  assert.ok(directory.put(1, tag(1, 1)));
  assert.equal(directory.put(2, tag(1, 1)), false);
  assert.equal(directory.put(1, tag(2, 2)), false);
  assert.equal(directory.peerOf(2, 2), -1);
});

test("numbers beyond 16 bits, fractions and short tags are refused", () => {
  const directory = new TagDirectory();
  for (const peer of [-1, 1.5, 65_536, Number.NaN]) assert.equal(directory.put(peer, tag(1, 1)), false);
  assert.equal(directory.put(1, new Uint8Array(7)), false);
  assert.ok(directory.put(65_535, tag(1, 1)));
});

test("a tag that was removed means nobody, whichever link of its chain it was, and can be given anew", () => {
  for (const removed of [0, 1, 2]) {
    const directory = new TagDirectory();
    const tags = [1, 2, 3].map((low) => Uint8Array.of(9, 9, 9, 9, 0, 0, 0, low));
    for (const [peer, tag] of tags.entries()) directory.put(peer, tag);
    directory.remove(removed);
    directory.remove(removed);
    const found = tags.map((_, low) => directory.peerOf(0x09090909, low + 1));
    assert.deepEqual(found, [0, 1, 2].map((peer) => (peer === removed ? -1 : peer)));
    assert.deepEqual([directory.high(removed), directory.low(removed)], [0, 0]);
    assert.equal(directory.put(7, tags[removed]!), true);
    assert.equal(directory.peerOf(0x09090909, removed + 1), 7);
  }
});
