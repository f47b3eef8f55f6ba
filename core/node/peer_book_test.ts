import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { signAnnouncement } from "../identity/announcement.ts";
import { fakeSelf, flipEachByte } from "../identity/fake_members.ts";
import { parseEndpoint } from "../wire/endpoint.ts";
import { PeerBook } from "./peer_book.ts";

const [ann, bob] = [fakeSelf("ann"), fakeSelf("bob")];
const anybody = () => true;

function announcement(sequence: number, self = ann): Uint8Array {
  const endpoints = [parseEndpoint(`192.0.2.${sequence}:6783`)!];
  return signAnnouncement(self, { bindingNumber: 1, endpoints, sequence });
}

test("of a peer's announcements the newest counts, and each is news once", () => {
  const book = new PeerBook();
  assert.equal(book.learn(announcement(2), anybody)?.sequence, 2);
  assert.equal(book.learn(announcement(2), anybody), undefined);
  assert.equal(book.learn(announcement(1), anybody), undefined, "an older one");
  assert.equal(book.learn(announcement(3), anybody)?.sequence, 3);
  assert.deepEqual(book.records(), [announcement(3)]);
  assert.deepEqual(book.peers().map(({ id, endpoints }) => [id, endpoints[0]!.host]), [[
    ann.id,
    "192.0.2.3",
  ]]);
});

test("who is not believed is not listed, and may be later", () => {
  const book = new PeerBook();
  assert.equal(book.learn(announcement(1, bob), ({ id }) => id !== bob.id), undefined);
  assert.deepEqual(book.peers(), []);
  assert.equal(book.learn(announcement(1, bob), anybody)?.peer.id, bob.id);
});

test("a peer that was forgotten can be learned again", () => {
  const book = new PeerBook();
  book.learn(announcement(1), anybody);
  assert.equal(book.forget(ann.id), true);
  assert.equal(book.forget(ann.id), false);
  assert.equal(book.get(ann.id), undefined);
  assert.equal(book.learn(announcement(1), anybody)?.peer.id, ann.id);
});

test("bytes that are damaged anywhere change nothing", () => {
  const book = new PeerBook();
  for (const damaged of flipEachByte(announcement(1))) assert.equal(book.learn(damaged, anybody), undefined);
  assert.deepEqual(book.records(), []);
});
