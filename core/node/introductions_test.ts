import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import { maxChannelMessage } from "../contracts/host.ts";
import type { PeerId } from "../contracts/values.ts";
import { recordsDigest } from "../identity/records_digest.ts";
import { maxRecordBytes } from "../identity/signed.ts";
import { decodeCbor, encodeCbor } from "../wire/cbor.ts";
import { encodeHex } from "../wire/hex.ts";
import { Introductions, type RecordBook } from "./introductions.ts";
import type { EpochKey } from "./key_ring.ts";
import { FakeChannel, FakeLog } from "./node_fixture.ts";

const [ann, bob, cid] = ["ann", "bob", "cid"] as [PeerId, PeerId, PeerId];
/** This node: after ann, before the others. */
const bea = "bea" as PeerId;
const secret = (fill: number) => new Uint8Array(32).fill(fill);
const record = (fill: number, length = 20) => new Uint8Array(length).fill(fill);

/** Records are what begins with a byte under 200, revocations what begins with one over 100. */
class FakeBook implements RecordBook {
  held: Uint8Array[];
  key: EpochKey = { epoch: 1, secret: secret(1) };

  constructor(held: readonly Uint8Array[] = []) {
    this.held = [...held];
  }
  records(): readonly Uint8Array[] {
    return this.held;
  }
  isKeyStale(): boolean {
    return this.key.exclusions !== undefined &&
      encodeHex(this.key.exclusions) !== encodeHex(this.exclusionsDigest());
  }
  digest(): Uint8Array {
    return recordsDigest(this.held);
  }
  exclusionsDigest(): Uint8Array {
    return recordsDigest(this.held.filter((each) => each[0]! > 100));
  }
  learn(records: readonly Uint8Array[]): readonly Uint8Array[] {
    const fresh = records.filter((each) =>
      each[0]! < 200 && !this.held.some((held) => held[0] === each[0] && held.length === each.length)
    );
    this.held.push(...fresh);
    return fresh;
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

function rig(held: readonly Uint8Array[] = [], connected: readonly PeerId[] = [ann, bob, cid]) {
  const clock = new SimClock();
  const channel = new FakeChannel();
  channel.connected = connected;
  const book = new FakeBook(held);
  const introductions = new Introductions({ self: bea, channel, book, clock, log: new FakeLog() });
  /** What was sent since the last call, as "to kind". */
  const sent = () =>
    channel.sent.splice(0).map(({ to, message }) => `${to} ${(decodeCbor(message) as unknown[])[1]}`);
  const hear = (from: PeerId, kind: string, content: unknown) =>
    channel.hear(from, encodeCbor([1, kind, content]));
  const key = (epoch: number, fill: number, exclusions = book.exclusionsDigest()) => [
    epoch,
    secret(fill),
    exclusions,
  ];
  return { clock, channel, book, introductions, sent, hear, key };
}

test("a new session is told all records, then the key", () => {
  const { introductions, sent } = rig([record(1), record(2)]);
  introductions.greet(ann);
  assert.deepEqual(sent(), ["ann records", "ann key"]);
});

test("what is new is kept and passed on to all but who brought it; what is known is not", () => {
  const { book, hear, sent } = rig([record(1)]);
  hear(ann, "records", [record(1), record(2)]);
  assert.deepEqual(sent(), ["bob records", "cid records"]);
  hear(bob, "records", [record(1), record(2)]);
  assert.deepEqual(sent(), []);
  assert.equal(book.held.length, 2);
});

test("records of every length travel whole, in messages that fit a datagram", () => {
  const { introductions, channel } = rig();
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: maxRecordBytes }), { maxLength: 30 }), (lengths) => {
      channel.sent.length = 0;
      introductions.spread(lengths.map((length, i) => record(i, length)), bob);
      const toAnn = channel.sent.filter(({ to }) => to === ann);
      for (const { message } of toAnn) assert.ok(message.length <= maxChannelMessage);
      const arrived = toAnn.flatMap(({ message }) => (decodeCbor(message) as [1, string, Uint8Array[]])[2]);
      assert.deepEqual(arrived.map(({ length }) => length), lengths);
      assert.equal(channel.sent.some(({ to }) => to === bob), false);
    }),
    { seed: 3, numRuns: 200 },
  );
});

test("every 30 seconds all peers are told the digest and the key, until it is stopped", async () => {
  const { clock, introductions, sent } = rig([record(1)], [ann]);
  introductions.start();
  await clock.advance(29_999);
  assert.deepEqual(sent(), []);
  await clock.advance(30_002);
  assert.deepEqual(sent(), ["ann digest", "ann key", "ann digest", "ann key"]);
  introductions.stop();
  assert.equal(clock.pending, 0);
});

test("who has another digest is told all, but no more often than once a second however often it asks", async () => {
  const { clock, hear, sent, book, introductions } = rig([record(1)]);
  hear(ann, "digest", book.digest());
  assert.deepEqual(sent(), [], "we agree");
  for (let i = 0; i < 100; i++) hear(ann, "digest", new Uint8Array(16).fill(i));
  hear(bob, "digest", new Uint8Array(16));
  assert.deepEqual(sent(), ["ann records", "ann key", "bob records", "bob key"]);
  await clock.advance(1_000);
  assert.deepEqual(sent(), ["ann records", "ann key"], "once more for all that came too early");
  await clock.advance(5_000);
  assert.deepEqual(sent(), []);
  assert.equal(clock.pending, 0);
  hear(ann, "digest", new Uint8Array(16));
  hear(ann, "digest", new Uint8Array(16));
  introductions.stop();
  assert.equal(clock.pending, 0);
  hear(cid, "digest", new Uint8Array(16));
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
  assert.deepEqual(sent(), ["ann records", "ann key", "ann digest"]);
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
  await clock.advance(49_000);
  assert.equal(renewed, 0, "ann comes first");
  await clock.advance(2_000);
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

test("two nodes that differ, one of them with a revocation whose news was lost, agree within two seconds", async () => {
  const clock = new SimClock();
  const ends = [new FakeChannel(), new FakeChannel()] as const;
  const books = [new FakeBook([record(1)]), new FakeBook([record(1), record(150)])] as const;
  books[0].key = { epoch: 2, secret: secret(2) };
  ends[0].connected = [bob];
  ends[1].connected = [ann];
  const sides = ends.map((end, i) =>
    new Introductions({ self: i === 0 ? ann : bob, channel: end, book: books[i]!, clock, log: new FakeLog() })
  );
  sides[0]!.spreadKey();
  let messages = 0;
  for (let step = 0; step < 200; step++) {
    for (const [i, end] of ends.entries()) {
      for (const { message } of end.sent.splice(0)) {
        messages++;
        ends[1 - i]!.hear(i === 0 ? ann : bob, message);
      }
    }
    await clock.advance(10);
  }
  assert.deepEqual(books[0].digest(), books[1].digest());
  assert.deepEqual(books[1].key.secret, books[0].key.secret);
  assert.ok(messages < 20, `${messages} messages`);
  for (const side of sides) side.stop();
});

test("of what is said about our identity only endpoints get through, two at most", () => {
  const { introductions, hear } = rig();
  const seen: unknown[] = [];
  introductions.onCloneSeen((from, places) => void seen.push([from, places]));
  hear(ann, "clone", ["192.0.2.1:1", "<script>", 7, "[2001:db8::1]:2", "192.0.2.3:3"]);
  hear(ann, "clone", "192.0.2.1:1");
  assert.deepEqual(seen, [[ann, ["192.0.2.1:1", "[2001:db8::1]:2"]], [ann, []]]);
});

test("hostile messages change nothing and are answered with nothing", () => {
  const { channel, book, sent } = rig([record(1)]);
  const before = book.digest();
  const anyContent = fc.oneof(
    fc.uint8Array({ maxLength: 40 }).filter((bytes) => bytes.length !== 16),
    fc.array(fc.oneof(fc.integer(), fc.string(), fc.constant(null), fc.constant(record(250)))),
    fc.dictionary(fc.string().filter((name) => name !== "__proto__"), fc.integer()),
    fc.integer(),
    fc.constant(undefined),
  );
  const anyMessage = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.tuple(
      fc.constantFrom(0, 1, 2),
      fc.constantFrom("records", "key", "clone", "votes", ""),
      anyContent,
    ).map(encodeOrNothing),
  );
  fc.assert(
    fc.property(anyMessage, (message) => {
      channel.hear(ann, message);
      assert.deepEqual(book.digest(), before);
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

test("a digest of a wrong length is no question", () => {
  const { hear, sent } = rig([record(1)]);
  for (const length of [0, 15, 17, 500]) hear(ann, "digest", new Uint8Array(length));
  hear(ann, "digest", "text");
  assert.deepEqual(sent(), []);
});
