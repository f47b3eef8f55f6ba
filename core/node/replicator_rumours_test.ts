/** A replicator beside a discovery that carries rumours. */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import type { ReplicatedState } from "../contracts/replicated_state.ts";
import type { RumourEnds, Rumours } from "../contracts/rumours.ts";
import type { PeerId } from "../contracts/values.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { ForeignRecords } from "./foreign_records.ts";
import { FakeChannel, FakeLog } from "./node_fixture.ts";
import { digestInterval, Replicator } from "./replicator.ts";
import { decodeStateMessage, encodeDigests, encodeFlags, encodeRecords, Flag } from "./state_message.ts";

const [ann, bob, cid] = ["ann", "bob", "cid"] as [PeerId, PeerId, PeerId];
const good = 1, bad = 0;

function record(n: number, worth = good): Uint8Array {
  return encodeCbor([1, "thing", Uint8Array.of(worth, n >> 8, n), new Uint8Array(32), new Uint8Array(64)]);
}

/** Takes what is worth it. */
class Things implements ReplicatedState {
  readonly name = "things";
  readonly kinds = ["thing"];
  held: readonly Uint8Array[] = [];

  records(): readonly Uint8Array[] {
    return this.held;
  }
  merge(records: readonly Uint8Array[]): readonly Uint8Array[] {
    const known = new Set(this.held.map(String));
    const fresh = records.filter((each) => each[9] === good && !known.has(String(each)));
    this.held = [...this.held, ...fresh];
    return fresh;
  }
}

class FakeRumours implements Rumours {
  ends: RumourEnds | undefined;
  isUp = true;
  readonly deaf = new Set<PeerId>();
  readonly told: Uint8Array[] = [];
  readonly sent: string[] = [];
  hurried = 0;

  carryFor(ends: RumourEnds): void {
    this.ends = ends;
  }
  isLinked(): boolean {
    return this.isUp;
  }
  reaches(peer: PeerId): boolean {
    return !this.deaf.has(peer);
  }
  spread(record: Uint8Array): boolean {
    this.told.push(record);
    return true;
  }
  send(to: PeerId, message: Uint8Array): boolean {
    this.sent.push(`${to} ${decodeStateMessage(message)!.kind}`);
    return true;
  }
  hurry(): void {
    this.hurried++;
  }
}

/** Ann and Bob have a session, and Ann takes rumours; Cid has none. */
function rig() {
  const clock = new SimClock();
  const [channel, state, rumours] = [new FakeChannel(), new Things(), new FakeRumours()];
  channel.connected = [ann, bob];
  const foreign = new ForeignRecords(() => true);
  const replicator = new Replicator({ self: "abe" as PeerId, channel, clock, log: new FakeLog(), foreign });
  const replication = replicator.replicate(state);
  replicator.carryOver(rumours);
  channel.hear(ann, encodeFlags(Flag.trees | Flag.rumours));
  const sent = () =>
    channel.sent.splice(0).map(({ to, message }) => `${to} ${decodeStateMessage(message)!.kind}`);
  return { clock, channel, state, rumours, replicator, replication, sent };
}

test("what was made here becomes a rumour, and goes over sessions to those alone whom none reaches", () => {
  const { rumours, replication, sent } = rig();
  replication.spread([record(1)]);
  assert.deepEqual([rumours.told, sent()], [[record(1)], ["bob records"]]);
  rumours.deaf.add(ann);
  replication.spread([record(2)]);
  assert.deepEqual(sent(), ["ann records", "bob records"]);
});

test("who asks is told that rumours reach this node now, and then tells it no more by session", () => {
  const { channel, replication, sent } = rig();
  channel.hear(ann, encodeDigests("roots", [["other", new Uint8Array(16)]], Flag.trees)[0]!);
  const [correction] = channel.sent.splice(0);
  assert.deepEqual(decodeStateMessage(correction!.message), { kind: "roots", digests: [], flags: 3 });
  channel.hear(ann, correction!.message);
  replication.spread([record(1)]);
  assert.deepEqual(sent(), ["bob records"], "nor is it answered");
});

test("while rumours reach nobody all is told over sessions, too", () => {
  const { rumours, replication, sent } = rig();
  rumours.isUp = false;
  replication.spread([record(1)]);
  assert.deepEqual([rumours.told.length, sent()], [1, ["ann records", "bob records"]]);
});

test("a rumour is merged and goes further by its own way, and over sessions to whom no rumour reaches", () => {
  const { rumours, state, sent } = rig();
  assert.equal(rumours.ends!.take(cid, record(1)), true);
  assert.deepEqual([state.held, rumours.told, sent()], [[record(1)], [], ["bob records"]]);
  assert.equal(rumours.ends!.take(ann, record(1)), true, "others behind this node may lack it");
  assert.equal(rumours.ends!.take(cid, record(2, bad)), false);
  assert.deepEqual([state.held.length, sent()], [1, []]);
});

test("what came over a session becomes a rumour here; where it is too much, those nearby compare", () => {
  const { channel, rumours } = rig();
  channel.hear(bob, encodeRecords([record(1), record(2)]));
  assert.deepEqual([rumours.told.length, rumours.hurried], [2, 0]);
  for (let n = 10; n < 100; n++) channel.hear(bob, encodeRecords([record(n)]));
  assert.deepEqual([rumours.told.length, rumours.hurried], [32, 60]);
});

test("whoever holds something else is asked, by single messages where there is no session", async () => {
  const { clock, rumours, sent } = rig();
  const other = new Uint8Array(8);
  rumours.ends!.differs(ann, other);
  rumours.ends!.differs(cid, other);
  assert.deepEqual([sent(), rumours.sent], [["ann roots"], ["cid roots"]]);
  rumours.ends!.take(ann, record(1));
  sent();
  rumours.ends!.differs(ann, other);
  assert.deepEqual(sent(), [], "what is new may be on its way there");
  await clock.advance(5_000);
  sent();
  rumours.ends!.differs(ann, other);
  assert.deepEqual(sent(), ["ann roots"]);
});

test("an answer to a single message is one, and so are the records", () => {
  const { rumours, state } = rig();
  state.merge([record(1)]);
  const [roots] = encodeDigests("roots", [["thing", new Uint8Array(16)]], Flag.trees);
  rumours.ends!.receive(cid, roots!);
  rumours.ends!.receive(cid, encodeCbor([1, "tree", ["thing", [["", true, new Uint8Array()]]]]));
  assert.deepEqual(rumours.sent.toSorted(), ["cid records", "cid roots", "cid tree"]);
});

test("the digest over all is that of the records, whichever kinds are known without any", () => {
  const [one, other] = [rig(), rig()];
  other.replicator.replicate({ name: "parts", kinds: ["part"], records: () => [], merge: () => [] });
  assert.deepEqual(one.rumours.ends!.digest(), other.rumours.ends!.digest());
  one.state.merge([record(1), record(2)]);
  assert.notDeepEqual(one.rumours.ends!.digest(), other.rumours.ends!.digest());
  other.state.merge([record(2), record(1)]);
  assert.deepEqual(one.rumours.ends!.digest(), other.rumours.ends!.digest());
  assert.equal(one.rumours.ends!.digest().length, 8);
});

test("at rest only those are told digests whom no rumour reaches, eight at a time", async () => {
  const { clock, channel, rumours, replicator, sent } = rig();
  replicator.start();
  await clock.advance(digestInterval);
  assert.deepEqual(sent(), ["bob digests"]);
  rumours.isUp = false;
  channel.connected = Array.from({ length: 20 }, (_, n) => `p${n}` as PeerId);
  const asked = new Set<string>();
  for (let round = 0; round < 5; round++) {
    await clock.advance(digestInterval);
    const now = sent();
    assert.equal(now.length, 8);
    for (const each of now) asked.add(each);
  }
  assert.equal(asked.size, 20, "each has its turn");
  replicator.stop();
});
