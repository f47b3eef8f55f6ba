import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import type { Self } from "../contracts/host.ts";
import { openAnnouncement, signAnnouncement } from "../identity/announcement.ts";
import { fakeSelf, flipEachByte } from "../identity/fake_members.ts";
import { equalBytes } from "../wire/bytes.ts";
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
  assert.deepEqual(book.judge(), { forgotten: [], welcomed: [bob.id] });
  assert.deepEqual(book.judge(), { forgotten: [], welcomed: [] }, "once is enough");
  assert.deepEqual(book.peers().map(({ id }) => id), [bob.id]);
});

test("what a revoked key says is dropped, and not taken again", () => {
  let standing: "admitted" | "revoked" = "admitted";
  const book = new PeerBook(() => standing);
  book.learn(announcement(1));
  standing = "revoked";
  assert.deepEqual(book.judge(), { forgotten: [ann.id], welcomed: [] });
  assert.deepEqual(book.judge(), { forgotten: [], welcomed: [] });
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

test("what is noted of standings is what asking for each anew would give, whatever comes in whatever order", () => {
  const selves = ["ann", "bob", "cid", "dan"].map(fakeSelf);
  const pool = selves.flatMap((self, who) =>
    [1, 2, 3].map((sequence) => ({ who, sequence, record: announcement(sequence, self) }))
  );
  const step = fc.oneof(
    fc.record({ learn: fc.constantFrom(...pool) }),
    fc.record({ who: fc.nat(3), becomes: fc.constantFrom("admitted", "admitted", "unknown", "revoked") }),
  );
  const property = fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
    const standings = selves.map((): ReturnType<StandingOf> => "unknown");
    const standingOf: StandingOf = (key) =>
      standings[selves.findIndex((self) => equalBytes(self.publicKey, key))]!;
    const book = new PeerBook(standingOf);
    let held: readonly (typeof pool)[number][] = [];
    for (const step of steps) {
      if ("learn" in step) {
        const { learn } = step;
        const isNews = standings[learn.who] !== "revoked" &&
          held.every(({ who, sequence }) => who !== learn.who || sequence < learn.sequence);
        assert.equal(book.learn(learn.record) !== undefined, isNews);
        if (isNews) held = [...held.filter(({ who }) => who !== learn.who), learn];
      } else {
        const before = held.filter(({ who }) => standings[who] === "admitted");
        // Nothing brings a revoked key back.
        if (standings[step.who] !== "revoked") standings[step.who] = step.becomes;
        const out = held.filter(({ who }) => standings[who] === "revoked");
        held = held.filter((each) => !out.includes(each));
        const now = held.filter(({ who }) => standings[who] === "admitted");
        assert.deepEqual(book.judge(), {
          forgotten: out.map(({ who }) => selves[who]!.id),
          welcomed: now.filter((each) => !before.includes(each)).map(({ who }) => selves[who]!.id),
        });
      }
      const isAdmitted = ({ who }: (typeof pool)[number]) => standings[who] === "admitted";
      const admitted = held.filter(isAdmitted);
      assert.deepEqual(book.peers().map(({ id }) => id), admitted.map(({ who }) => selves[who]!.id));
      const all = [...admitted, ...held.filter((each) => !isAdmitted(each))];
      assert.deepEqual(book.records(), all.map(({ record }) => record));
      for (const [who, { id }] of selves.entries()) {
        assert.deepEqual(book.recordOf(id), admitted.find((each) => each.who === who)?.record);
      }
    }
  });
  fc.assert(property, { seed: 37, numRuns: 60 });
});

test("bytes that are damaged anywhere change nothing", () => {
  const book = new PeerBook(anybody);
  for (const damaged of flipEachByte(announcement(1))) assert.equal(book.learn(damaged), undefined);
  assert.deepEqual(book.records(), []);
});

test("of many more peers than are remembered as they were read, each still says who and where it is", () => {
  const book = new PeerBook(anybody);
  const selves = Array.from({ length: 90 }, (_, i) => fakeSelf(`peer-${i}`));
  for (const [i, self] of selves.entries()) book.learn(announcement(i + 1, self));
  for (const [i, peer] of book.peers().entries()) {
    const told = openAnnouncement(announcement(i + 1, selves[i]))!;
    const { id, name, publicKey, noiseKey, bindingNumber, endpoints } = peer;
    assert.deepEqual({ id, name, publicKey, noiseKey, bindingNumber, endpoints }, told.peer);
    assert.deepEqual(book.get(id), told);
  }
});
