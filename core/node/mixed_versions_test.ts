/** Nodes of different versions on a bus of channels: what one of them cannot judge must not part the others. */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import { SimRandom } from "../../tests/sim/random.ts";
import type { ReplicatedState } from "../contracts/replicated_state.ts";
import type { PeerId } from "../contracts/values.ts";
import { fakeSelf } from "../identity/fake_members.ts";
import { signRecord } from "../identity/signed.ts";
import { equalBytes } from "../wire/bytes.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { encodeHex } from "../wire/hex.ts";
import { ForeignRecords } from "./foreign_records.ts";
import { FakeChannel, FakeLog } from "./node_fixture.ts";
import { Replicator } from "./replicator.ts";

const [ann, eve] = [fakeSelf("ann"), fakeSelf("eve")];

function record(q: number, kind: string, by = ann): Uint8Array {
  return signRecord(by, kind, encodeCbor({ q, future: { field: q } }));
}

/** Knows some kinds, and keeps all of them. */
class Book implements ReplicatedState {
  readonly name = "book";
  readonly kinds: readonly string[];
  #held: readonly Uint8Array[] = [];

  constructor(kinds: readonly string[]) {
    this.kinds = kinds;
  }
  records(): readonly Uint8Array[] {
    return this.#held;
  }
  merge(records: readonly Uint8Array[]): readonly Uint8Array[] {
    const fresh = records.filter((each) => !this.#held.some((held) => equalBytes(held, each)));
    if (fresh.length > 0) this.#held = [...this.#held, ...fresh];
    return fresh;
  }
}

/** Nodes in a row: each hears its neighbours alone, after 5 to 40 ms, and loses what `loss` says. */
class Row {
  readonly clock = new SimClock();
  readonly #random: SimRandom;
  readonly #ends: FakeChannel[] = [];
  readonly #replicators: Replicator[] = [];
  readonly members = new Set([encodeHex(ann.publicKey)]);
  readonly spreads: ((records: readonly Uint8Array[]) => void)[] = [];
  readonly books: (Book | undefined)[];
  readonly foreign: ForeignRecords[] = [];

  constructor(books: readonly (Book | undefined)[], loss = 0, seed = 1) {
    this.#random = new SimRandom(seed);
    this.books = [...books];
    for (const [i, book] of books.entries()) {
      const channel = new FakeChannel();
      channel.connected = [i - 1, i + 1].filter((n) => n >= 0 && n < books.length).map(nameOf);
      channel.send = (to, message) => {
        if (this.#random.chance(loss)) return true;
        const at = this.clock.now() + 5 + this.#random.float() * 35;
        this.clock.timer(at, () => this.#ends[Number(to)]!.hear(nameOf(i), message));
        return true;
      };
      const foreign = new ForeignRecords((key) => this.members.has(encodeHex(key)));
      const replicator = new Replicator({
        self: nameOf(i),
        channel,
        clock: this.clock,
        log: new FakeLog(),
        foreign,
      });
      this.#ends.push(channel);
      this.#replicators.push(replicator);
      this.foreign.push(foreign);
      this.spreads.push(book === undefined ? () => {} : this.#owner(replicator, book));
      replicator.start();
    }
  }

  #owner(replicator: Replicator, book: Book): (records: readonly Uint8Array[]) => void {
    const replication = replicator.replicate(book);
    return (records) => replication.spread(book.merge(records));
  }

  greetAll(): void {
    for (const [i, replicator] of this.#replicators.entries()) {
      for (const peer of this.#ends[i]!.peers()) replicator.greet(peer);
    }
  }

  revoke(): void {
    this.members.clear();
    for (const replicator of this.#replicators) replicator.membersChanged();
  }

  stop(): void {
    for (const replicator of this.#replicators) replicator.stop();
  }
}

function nameOf(i: number): PeerId {
  return String(i) as PeerId;
}

const held = (book: Book | undefined) => book!.records().map(encodeHex).sort();

test("two who know a state share it through one in the middle that has never heard of it, byte for byte", async () => {
  const row = new Row([new Book(["alias"]), undefined, new Book(["alias"])]);
  const records = [1, 2, 3].map((q) => record(q, "alias"));
  row.spreads[0]!(records);
  await row.clock.advance(200);
  assert.deepEqual(held(row.books[2]), records.map(encodeHex).sort());
  assert.deepEqual(row.foreign[1]!.records("alias").map(encodeHex).sort(), held(row.books[0]));
  row.stop();
});

test("who comes later is told by the one in the middle what others had said before", async () => {
  const row = new Row([new Book(["alias"]), undefined, undefined, new Book(["alias"])]);
  row.books[0]!.merge([1, 2].map((q) => record(q, "alias")));
  row.greetAll();
  await row.clock.advance(5_000);
  assert.deepEqual(held(row.books[3]), held(row.books[0]));
  assert.equal(held(row.books[3]).length, 2);
  row.stop();
});

test("a kind that a newer version added to a known state crosses a node of the older one, and the known kind is shared by all", async () => {
  const [newer, older, other] = [
    new Book(["alias", "alias_2"]),
    new Book(["alias"]),
    new Book(["alias", "alias_2"]),
  ];
  const row = new Row([newer, older, other]);
  row.spreads[0]!([record(1, "alias"), record(2, "alias_2")]);
  row.spreads[2]!([record(3, "alias_2")]);
  await row.clock.advance(200);
  assert.deepEqual(held(newer), held(other));
  assert.equal(held(newer).length, 3);
  assert.deepEqual(held(older), [encodeHex(record(1, "alias"))]);
  row.stop();
});

test("with every third message lost all agree within three minutes, whoever knows what", async () => {
  for (const seed of [1, 2, 3]) {
    const books = [
      new Book(["alias"]),
      undefined,
      new Book(["alias", "route"]),
      undefined,
      new Book(["route"]),
    ];
    const row = new Row(books, 1 / 3, seed);
    for (let q = 0; q < 8; q++) {
      row.spreads[0]!([record(q, "alias")]);
      row.spreads[4]!([record(q, "route")]);
      row.spreads[2]!([record(100 + q, q % 2 === 0 ? "alias" : "route")]);
      await row.clock.advance(100);
    }
    await row.clock.advance(180_000);
    const all = held(books[2]);
    assert.equal(all.length, 24, `seed ${seed}`);
    assert.deepEqual([...held(books[0]), ...held(books[4])].sort(), all, `seed ${seed}`);
    row.stop();
  }
});

test("what no member signed goes nowhere, and what a revoked one signed is let go", async () => {
  const row = new Row([new Book(["alias"]), undefined, new Book(["alias"])]);
  row.spreads[0]!([record(1, "alias", eve)]);
  await row.clock.advance(5_000);
  assert.deepEqual([held(row.books[2]), row.foreign[1]!.kinds()], [[], []]);
  row.spreads[0]!([record(1, "alias")]);
  await row.clock.advance(200);
  assert.deepEqual(row.foreign[1]!.kinds(), ["alias"]);
  row.revoke();
  assert.deepEqual(row.foreign[1]!.kinds(), []);
  await row.clock.advance(60_000);
  assert.deepEqual(row.foreign[1]!.kinds(), [], "nor does it come back");
  row.stop();
});
