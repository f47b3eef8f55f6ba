import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import type { Self } from "../contracts/host.ts";
import { openAnnouncement, signAnnouncement } from "../identity/announcement.ts";
import { fakeSelf, flipEachByte } from "../identity/fake_members.ts";
import { encodeHex } from "../wire/hex.ts";
import { parseEndpoint } from "../wire/endpoint.ts";
import { maxStrangers, PeerBook, type StandingOf } from "./peer_book.ts";

const [ann, bob] = [fakeSelf("ann"), fakeSelf("bob")];
const anybody: StandingOf = () => "admitted";

function announcement(sequence: number, self: Self = ann, port = 6783): Uint8Array {
  const endpoints = [parseEndpoint(`192.0.2.${sequence}:${port}`)!];
  return signAnnouncement(self, { bindingNumber: 1, endpoints, sequence });
}

test("of a peer's announcements the newest counts, and each is news once", () => {
  const book = new PeerBook(anybody);
  assert.equal(book.learn(announcement(2))?.sequence, 2);
  assert.equal(book.learn(announcement(2)), undefined);
  assert.equal(book.learn(announcement(1)), undefined, "an older one");
  assert.equal(book.learn(announcement(3))?.sequence, 3);
  assert.deepEqual(book.records(), [announcement(3)]);
  assert.deepEqual(book.peers().map(({ id, endpoints }) => [id, endpoints[0]!.host]), [[
    ann.id,
    "192.0.2.3",
  ]]);
});

test("of two announcements with one number the same one counts in either order", () => {
  const two = [announcement(1, ann, 1), announcement(1, ann, 2)];
  const kept = [two, two.toReversed()].map((order) => {
    const book = new PeerBook(anybody);
    for (const record of order) book.learn(record);
    return book.records();
  });
  assert.deepEqual(kept[0], kept[1]);
  assert.equal(kept[0]!.length, 1);
});

test("who is not admitted is held and not listed, until it is", () => {
  const admitted = new Set<string>();
  const book = new PeerBook((key) => admitted.has(encodeHex(key)) ? "admitted" : "unknown");
  assert.equal(book.learn(announcement(1, bob))?.peer.id, bob.id);
  assert.deepEqual([book.peers(), book.get(bob.id), book.recordOf(bob.id)], [[], undefined, undefined]);
  assert.deepEqual(book.records(), [announcement(1, bob)]);
  admitted.add(encodeHex(bob.publicKey));
  assert.deepEqual(book.peers().map(({ id }) => id), [bob.id]);
});

test("what a revoked key says is dropped, and not taken again", () => {
  let standing: "admitted" | "revoked" = "admitted";
  const book = new PeerBook(() => standing);
  book.learn(announcement(1));
  standing = "revoked";
  assert.deepEqual(book.judge(), [ann.id]);
  assert.deepEqual(book.judge(), []);
  assert.equal(book.learn(announcement(2)), undefined);
  assert.deepEqual(book.records(), []);
});

test("of strangers so many are kept, the same ones in any order, and members are not counted", () => {
  assert.equal(maxStrangers, 256);
  const strangers = Array.from({ length: maxStrangers + 3 }, (_, i) => fakeSelf(`stranger-${i}`));
  const records = strangers.map((self) => announcement(1, self));
  const fill = (order: readonly Uint8Array[]) => {
    const book = new PeerBook((key) => encodeHex(key) === encodeHex(ann.publicKey) ? "admitted" : "unknown");
    book.learn(announcement(1));
    for (const record of order) book.learn(record);
    return book;
  };
  const [one, other] = [fill(records), fill(records.toReversed())];
  assert.equal(one.records().length, maxStrangers + 1);
  assert.deepEqual(one.records().map(encodeHex).sort(), other.records().map(encodeHex).sort());
  const kept = one.records().slice(1).map((record) => openAnnouncement(record)!.peer.id).sort();
  assert.deepEqual(kept, strangers.map(({ id }) => id).sort().slice(0, maxStrangers));
});

test("bytes that are damaged anywhere change nothing", () => {
  const book = new PeerBook(anybody);
  for (const damaged of flipEachByte(announcement(1))) assert.equal(book.learn(damaged), undefined);
  assert.deepEqual(book.records(), []);
});
