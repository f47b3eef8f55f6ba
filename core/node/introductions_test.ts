import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import type { PeerId } from "../contracts/values.ts";
import { fakeSelf } from "../identity/fake_members.ts";
import { recordsDigest } from "../identity/records_digest.ts";
import { signRecord } from "../identity/signed.ts";
import { decodeCbor, encodeCbor } from "../wire/cbor.ts";
import { encodeHex } from "../wire/hex.ts";
import { ForeignRecords } from "./foreign_records.ts";
import { Introductions, type RecordBook } from "./introductions.ts";
import type { EpochKey } from "./key_ring.ts";
import { FakeChannel, FakeLog } from "./node_fixture.ts";
import { Replicator } from "./replicator.ts";

const [ann, bob, cid] = ["ann", "bob", "cid"] as [PeerId, PeerId, PeerId];
/** This node: after ann, before the others. */
const bea = "bea" as PeerId;
const secret = (fill: number) => new Uint8Array(32).fill(fill);
const signer = fakeSelf("signer");
const record = (fill: number) => signRecord(signer, fill > 100 ? "revocation" : "peer", Uint8Array.of(fill));

/** Holds any record; revocations are of the kind of that name. */
class FakeBook implements RecordBook {
  readonly name = "members";
  readonly kinds = ["peer", "revocation"];
  held: readonly Uint8Array[];
  key: EpochKey = { epoch: 1, secret: secret(1) };
  outspoken = false;
  rewritten = 0;

  constructor(held: readonly Uint8Array[] = []) {
    this.held = held;
  }
  records(): readonly Uint8Array[] {
    return this.held;
  }
  isKeyStale(): boolean {
    return this.key.exclusions !== undefined &&
      encodeHex(this.key.exclusions) !== encodeHex(this.exclusionsDigest());
  }
  isOutspoken(): boolean {
    return this.outspoken;
  }
  exclusionsDigest(): Uint8Array {
    return recordsDigest(this.held.filter((each) => isRevocation(each)));
  }
  merge(records: readonly Uint8Array[]): readonly Uint8Array[] {
    const known = new Set(this.held.map(encodeHex));
    const fresh = records.filter((each) => !known.has(encodeHex(each)));
    if (fresh.length > 0) this.held = [...this.held, ...fresh];
    return fresh;
  }
  rewrite(): void {
    this.rewritten++;
  }
  newestKey(): EpochKey {
    return this.key;
  }
  learnKey(key: EpochKey): boolean {
    const isNewer = key.epoch > this.key.epoch;
    if (isNewer) this.key = key;
    return isNewer;
  }
}

function isRevocation(bytes: Uint8Array): boolean {
  return (decodeCbor(bytes) as unknown[])[1] === "revocation";
}

function rig(held: readonly Uint8Array[] = [], connected: readonly PeerId[] = [ann, bob, cid]) {
  const clock = new SimClock();
  const [channel, shared] = [new FakeChannel(), new FakeChannel()];
  for (const each of [channel, shared]) each.connected = connected;
  const book = new FakeBook(held);
  const foreign = new ForeignRecords(() => false);
  const replicator = new Replicator({ self: bea, channel: shared, clock, log: new FakeLog(), foreign });
  const introductions = new Introductions({
    self: bea,
    channel,
    replicator,
    book,
    clock,
    log: new FakeLog(),
  });
  const kindsOf = (from: FakeChannel) =>
    from.sent.splice(0).map(({ to, message }) => `${to} ${(decodeCbor(message) as unknown[])[1]}`);
  /** What was sent since the last call, as "to kind": about shared state, then the rest. */
  const sent = () => [...kindsOf(shared), ...kindsOf(channel)];
  const hear = (from: PeerId, kind: string, content: unknown) =>
    (kind === "records" || kind === "digests" ? shared : channel).hear(from, encodeCbor([1, kind, content]));
  const key = (epoch: number, fill: number, exclusions = book.exclusionsDigest()) => [
    epoch,
    secret(fill),
    exclusions,
  ];
  return { clock, channel, shared, book, introductions, sent, hear, key };
}

test("a new session is told digests and the key", () => {
  const { introductions, sent } = rig([record(1), record(2)]);
  introductions.greet(ann);
  assert.deepEqual(sent(), ["ann digests", "ann key"]);
});

test("who was told what it lacked is told the key again", () => {
  const { hear, sent } = rig([record(1)]);
  hear(ann, "digests", [["peer", new Uint8Array(16)]]);
  assert.deepEqual(sent(), ["ann differ", "ann records", "ann key"]);
});

test("who is being shut out hears the records, not the key", () => {
  const { introductions, sent } = rig([record(1), record(150)]);
  introductions.tell(ann);
  assert.deepEqual(sent(), ["ann records", "ann records"]);
});

test("every 30 seconds all peers are told the key, until it is stopped", async () => {
  const { clock, introductions, sent, book } = rig([record(1)], [ann]);
  introductions.start();
  await clock.advance(29_999);
  assert.deepEqual(sent(), []);
  await clock.advance(30_002);
  assert.deepEqual(sent(), ["ann digests", "ann digests", "ann key", "ann key"]);
  assert.equal(book.rewritten, 2, "and what the disk refused is tried again");
  introductions.stop();
  assert.equal(clock.pending, 0);
});

test("an announcement of ours that is not ours is answered at once, and then once in 30 seconds", async () => {
  const { clock, hear, book, introductions } = rig();
  const spoken: number[] = [];
  introductions.onOutspoken(() => void spoken.push(clock.now()));
  hear(ann, "records", [record(1)]);
  await clock.advance(1);
  assert.deepEqual(spoken, [], "what others say of others is no concern");
  book.outspoken = true;
  const start = clock.now();
  for (let i = 2; i < 9; i++) {
    hear(ann, "records", [record(i)]);
    await clock.advance(5_000);
  }
  assert.deepEqual(spoken.map((at) => at - start), [0, 30_000]);
  introductions.stop();
  assert.equal(clock.pending, 0);
});

test("a key that is newer is taken from who knows the same revocations, and passed on", () => {
  const { hear, sent, book, key } = rig([record(1), record(150)]);
  hear(ann, "key", key(2, 9));
  assert.deepEqual(book.key, { epoch: 2, secret: secret(9), exclusions: undefined });
  assert.deepEqual(sent(), ["bob key", "cid key"]);
  hear(ann, "key", key(2, 9));
  assert.deepEqual(sent(), [], "it is known by now");
});

test("a key is not taken before the revocations that it was made for, and both sides are told all", () => {
  const { hear, sent, book, key } = rig([record(1)]);
  hear(ann, "key", key(2, 9, recordsDigest([record(150)])));
  assert.equal(book.key.epoch, 1);
  assert.deepEqual(sent(), ["ann records", "ann digests", "ann key"]);
  hear(ann, "records", [record(150)]);
  sent();
  hear(ann, "key", key(2, 9));
  assert.equal(book.key.epoch, 2);
});

test("a key whose maker did not know of all revocations is replaced, first by the first of the peers", async () => {
  const { clock, hear, book, key, introductions } = rig([record(1)]);
  let renewed = 0;
  introductions.onStaleKey(() => void renewed++);
  hear(ann, "key", [...key(2, 9), book.exclusionsDigest()]);
  assert.equal(clock.pending, 0, "it is as good as can be");
  hear(ann, "records", [record(150)]);
  await clock.advance(49_999);
  assert.equal(renewed, 0, "ann comes first");
  await clock.advance(1);
  assert.equal(renewed, 1);
  hear(bob, "records", [record(151)]);
  hear(bob, "key", [...key(3, 8), book.exclusionsDigest()]);
  await clock.advance(60_000);
  assert.equal(renewed, 1, "a better key has come by itself");
  assert.equal(clock.pending, 0);
});

test("who shows an older key is told the newest", () => {
  const { hear, sent, book, key } = rig();
  book.key = { epoch: 3, secret: secret(3) };
  hear(ann, "key", key(2, 9));
  assert.equal(book.key.epoch, 3);
  assert.deepEqual(sent(), ["ann key"]);
});

test("no peer can use up the epochs", () => {
  const { hear, book, key } = rig();
  for (const epoch of [2 ** 32, Number.MAX_SAFE_INTEGER, 1_026]) hear(ann, "key", key(epoch, 9));
  assert.equal(book.key.epoch, 1);
  hear(ann, "key", key(1_025, 9));
  assert.equal(book.key.epoch, 1_025);
});

test("nor in many small steps: a peer gets one epoch a second, after the first thousand", async () => {
  const { clock, hear, book, key } = rig();
  for (let epoch = 2; epoch < 3_000; epoch++) hear(ann, "key", key(epoch, 9));
  assert.equal(book.key.epoch, 1_025);
  hear(ann, "key", key(2_049, 9));
  assert.equal(book.key.epoch, 1_025);
  await clock.advance(2_500);
  hear(bob, "key", key(1_028, 9));
  assert.equal(book.key.epoch, 1_025);
  hear(bob, "key", key(1_027, 9));
  assert.equal(book.key.epoch, 1_027);
});

test("two that know different revocations for good do not tell each other all every second for ever", async () => {
  const { clock, hear, sent, key, introductions } = rig([record(150)], [ann]);
  const theirs = key(1, 1, recordsDigest([record(151)]));
  introductions.start();
  for (let second = 0; second < 100; second++) {
    hear(ann, "key", theirs);
    await clock.advance(1_000);
  }
  sent();
  for (let second = 0; second < 60; second++) {
    hear(ann, "key", theirs);
    await clock.advance(1_000);
  }
  assert.deepEqual(sent().toSorted(), ["ann digests", "ann digests", "ann key", "ann key"], "as at rest");
  hear(ann, "records", [record(152)]);
  sent();
  hear(ann, "key", theirs);
  assert.deepEqual(sent(), ["ann records", "ann digests", "ann key"], "until something is new");
  introductions.stop();
});

test("two nodes that differ, one of them with a revocation whose news was lost, agree within two seconds", async () => {
  const clock = new SimClock();
  const names = [ann, bob] as const;
  const books = [new FakeBook([record(1)]), new FakeBook([record(1), record(150)])] as const;
  books[0].key = { epoch: 2, secret: secret(2) };
  const sides = names.map((self, i) => {
    const [channel, shared] = [new FakeChannel(), new FakeChannel()];
    for (const each of [channel, shared]) each.connected = [names[1 - i]!];
    const replicator = new Replicator({
      self,
      channel: shared,
      clock,
      log: new FakeLog(),
      foreign: new ForeignRecords(() => false),
    });
    const parts = { self, channel, replicator, book: books[i]!, clock, log: new FakeLog() };
    return { ends: [channel, shared], introductions: new Introductions(parts) };
  });
  sides[0]!.introductions.spreadKey();
  let messages = 0;
  for (let step = 0; step < 200; step++) {
    for (const [i, { ends }] of sides.entries()) {
      for (const [e, end] of ends.entries()) {
        for (const { message } of end.sent.splice(0)) {
          messages++;
          sides[1 - i]!.ends[e]!.hear(names[i]!, message);
        }
      }
    }
    await clock.advance(10);
  }
  assert.deepEqual(recordsDigest(books[0].held), recordsDigest(books[1].held));
  assert.deepEqual(books[1].key.secret, books[0].key.secret);
  assert.ok(messages < 20, `${messages} messages`);
  for (const { introductions } of sides) introductions.stop();
});

test("of what is said about our identity only endpoints get through, two at most, once a round", async () => {
  const { clock, introductions, hear } = rig();
  introductions.start();
  const seen: unknown[] = [];
  introductions.onCloneSeen((from, places) => void seen.push([from, places]));
  hear(ann, "clone", ["192.0.2.1:1", "<script>", 7, "[2001:db8::1]:2", "192.0.2.3:3"]);
  for (let i = 0; i < 100; i++) hear(ann, "clone", ["192.0.2.4:1"]);
  hear(bob, "clone", "192.0.2.1:1");
  assert.deepEqual(seen, [[ann, ["192.0.2.1:1", "[2001:db8::1]:2"]], [bob, []]]);
  await clock.advance(30_000);
  hear(ann, "clone", ["192.0.2.4:1"]);
  assert.deepEqual(seen.at(-1), [ann, ["192.0.2.4:1"]]);
  introductions.stop();
});

test("hostile messages change nothing and are answered with nothing", () => {
  const { channel, book, sent } = rig([record(1)]);
  const before = [book.held, book.key];
  const anyContent = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.array(fc.oneof(fc.integer(), fc.string(), fc.constant(null), fc.constant(record(250)))),
    fc.dictionary(fc.string().filter((name) => name !== "__proto__"), fc.integer()),
    fc.integer(),
    fc.constant(undefined),
  );
  const anyMessage = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.tuple(fc.constantFrom(0, 1, 2), fc.constantFrom("key", "clone", "votes", ""), anyContent)
      .map(encodeOrNothing),
  );
  fc.assert(
    fc.property(anyMessage, (message) => {
      channel.hear(ann, message);
      assert.deepEqual([book.held, book.key], before);
      assert.deepEqual(sent(), []);
    }),
    { seed: 4, numRuns: 2000 },
  );
});

function encodeOrNothing(value: unknown): Uint8Array {
  try {
    return encodeCbor(value);
  } catch {
    return new Uint8Array();
  }
}
