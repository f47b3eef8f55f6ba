/** Two nodes that differ find out in what, over their session. */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import { SimRandom } from "../../tests/sim/random.ts";
import type { ReplicatedState } from "../contracts/replicated_state.ts";
import type { PeerId } from "../contracts/values.ts";
import { recordName } from "../identity/records_digest.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { walkMessages } from "./comparisons.ts";
import { ForeignRecords } from "./foreign_records.ts";
import { FakeChannel, FakeLog } from "./node_fixture.ts";
import { Replicator } from "./replicator.ts";
import { decodeStateMessage, encodeDigests, encodeParts, Flag, type StateMessage } from "./state_message.ts";

const [ann, bob] = ["ann", "bob"] as [PeerId, PeerId];

/** Looks like one of about 300 bytes; whoever judges it does not ask for its signature. */
function record(n: number): Uint8Array {
  const body = new Uint8Array(190);
  new DataView(body.buffer).setUint32(0, n);
  return encodeCbor([1, "thing", body, new Uint8Array(32), new Uint8Array(64)]);
}
const all = Array.from({ length: 10_000 }, (_, n) => record(n));

class Things implements ReplicatedState {
  readonly name = "things";
  readonly kinds = ["thing"];
  #held: readonly Uint8Array[];
  readonly #ids: Set<string>;

  constructor(held: readonly Uint8Array[]) {
    this.#held = held;
    this.#ids = new Set(held.map((each) => recordName(each)));
  }
  records(): readonly Uint8Array[] {
    return this.#held;
  }
  merge(records: readonly Uint8Array[]): readonly Uint8Array[] {
    const fresh = records.filter((each) => !this.#ids.has(recordName(each)));
    for (const each of fresh) this.#ids.add(recordName(each));
    if (fresh.length > 0) this.#held = [...this.#held, ...fresh];
    return fresh;
  }
  get ids(): readonly string[] {
    return [...this.#ids].sort();
  }
}

interface Said {
  readonly from: PeerId;
  readonly bytes: number;
  readonly message: StateMessage;
}

const oneWay = 10;

/** Ann and Bob, 20 ms there and back; `loses` is asked for every message. */
function pair(held: readonly [readonly Uint8Array[], readonly Uint8Array[]], loses = () => false) {
  const clock = new SimClock();
  const said: Said[] = [];
  const ends = [new FakeChannel(), new FakeChannel()];
  const states = held.map((each) => new Things(each));
  const replicators = [ann, bob].map((self, i) => {
    const channel = ends[i]!;
    channel.connected = [i === 0 ? bob : ann];
    channel.send = (_, bytes) => {
      said.push({ from: self, bytes: bytes.length, message: decodeStateMessage(bytes)! });
      if (loses()) return true;
      clock.timer(clock.now() + oneWay, () => ends[1 - i]!.hear(self, bytes));
      return true;
    };
    const foreign = new ForeignRecords(() => true);
    const replicator = new Replicator({ self, channel, clock, log: new FakeLog(), foreign });
    replicator.replicate(states[i]!);
    return replicator;
  });
  const stop = () => replicators.forEach((each) => each.stop());
  const greet = () => {
    replicators[0]!.greet(bob);
    replicators[1]!.greet(ann);
  };
  return { clock, said, ends, states, replicators, greet, stop };
}

test("of 10,000 records the one that is lacking comes in three round trips and less than 2,000 bytes", async () => {
  const { clock, said, states, greet, stop } = pair([all, all.filter((_, n) => n !== 4_711)]);
  greet();
  while (states[1]!.records().length < all.length && clock.now() < 900) await clock.advance(oneWay);
  assert.ok(clock.now() <= 6 * oneWay, `${clock.now()} ms`);
  const bytes = said.reduce((sum, each) => sum + each.bytes, 0);
  assert.ok(bytes < 2_000, `${bytes} bytes in ${said.length} messages`);
  await clock.advance(10_000);
  assert.equal(said.filter(({ message }) => message.kind === "records").length, 1, "told once");
  stop();
});

test("two that each have what the other lacks, and little in common, agree, and tell nothing twice", async () => {
  const { clock, said, states, greet, stop } = pair([all.slice(0, 500), all.slice(400, 900)]);
  greet();
  await clock.advance(10_000);
  assert.deepEqual(states[0]!.ids, states[1]!.ids);
  assert.equal(states[0]!.ids.length, 900);
  const told = said.map(({ message }) => message.kind === "records" ? message.records.length : 0);
  assert.equal(told.reduce((sum, count) => sum + count, 0), 800);
  stop();
});

test("who has nothing is told all, at the pace of every telling", async () => {
  const { clock, states, greet, stop } = pair([all.slice(0, 1_000), []]);
  greet();
  await clock.advance(10_000);
  assert.equal(states[1]!.records().length, 1_000);
  stop();
});

test("with a third of all messages lost they agree within a minute", async () => {
  for (const seed of [1, 2, 3]) {
    const random = new SimRandom(seed);
    const loses = () => random.chance(1 / 3);
    const { clock, states, replicators, greet, stop } = pair([all.slice(0, 300), all.slice(20, 320)], loses);
    for (const each of replicators) each.start();
    greet();
    await clock.advance(60_000);
    assert.deepEqual(states[0]!.ids, states[1]!.ids, `seed ${seed}`);
    stop();
  }
});

test("digests that are made up cost 64 messages a second at most, and nothing is remembered of kinds that nobody knows", async () => {
  const clock = new SimClock();
  const channel = new FakeChannel();
  channel.connected = [ann];
  const parts = { channel, clock, log: new FakeLog(), foreign: new ForeignRecords(() => true) };
  const replicator = new Replicator({ self: bob, ...parts });
  replicator.replicate(new Things(all.slice(0, 2_000)));
  const [lie] = encodeParts("thing", [{ prefix: "", isList: false, content: new Uint8Array(256) }]);
  for (let i = 0; i < 100; i++) channel.hear(ann, lie!);
  assert.equal(channel.sent.length, walkMessages);
  for (let i = 0; i < 1_000; i++) {
    const [strange] = encodeDigests("roots", [[`k${i}`, new Uint8Array(16)]], Flag.trees);
    channel.hear(ann, strange!);
  }
  assert.equal(channel.sent.length, walkMessages);
  await clock.advance(500);
  channel.hear(ann, lie!);
  assert.ok(channel.sent.length <= walkMessages + 16 + 1);
  replicator.stop();
});

test("with one that knows no trees all of a kind is exchanged, as by versions before them", async () => {
  const { clock, said, ends, states, greet, stop } = pair([all.slice(0, 20), all.slice(10, 30)]);
  for (const end of ends) {
    const hear = end.hear.bind(end);
    end.hear = (from, bytes) => {
      const message = decodeStateMessage(bytes)!;
      if (message.kind !== "digests" && message.kind !== "differ") return hear(from, bytes);
      for (const older of encodeDigests(message.kind, message.digests)) hear(from, older);
    };
  }
  greet();
  await clock.advance(5_000);
  assert.deepEqual(states[0]!.ids, states[1]!.ids);
  const byAnn = said.filter(({ from }) => from === ann).map(({ message }) => message.kind);
  assert.deepEqual([...new Set(byAnn)].sort(), ["differ", "digests", "records"]);
  stop();
});
