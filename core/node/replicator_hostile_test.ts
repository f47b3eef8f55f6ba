/** What a member can do to others that compare records with it, and a mesh that is never at rest. */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import type { ReplicatedState } from "../contracts/replicated_state.ts";
import type { RumourEnds, Rumours } from "../contracts/rumours.ts";
import type { Millis, PeerId } from "../contracts/values.ts";
import { equalBytes } from "../wire/bytes.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { asidesEach, asidesOfAll } from "./aside_pace.ts";
import { walkMessages } from "./comparisons.ts";
import { DropCounts } from "./drop_counts.ts";
import { ForeignRecords } from "./foreign_records.ts";
import { FakeChannel, FakeLog } from "./node_fixture.ts";
import { NewsLimits } from "./news_limits.ts";
import { digestInterval, Replicator } from "./replicator.ts";
import { decisions } from "./signer_credit.ts";
import { patience } from "./stalemates.ts";
import { decodeStateMessage, encodeDigests, encodeParts, encodeRecords, Flag } from "./state_message.ts";

const [ann, bob, cid] = ["ann", "bob", "cid"] as [PeerId, PeerId, PeerId];

function record(n: number, signer = n): Uint8Array {
  const key = new Uint8Array(32).fill(signer);
  return signedBy(key, n);
}

function signedBy(key: Uint8Array, n: number): Uint8Array {
  return encodeCbor([1, "thing", Uint8Array.of(n >> 8, n), key, new Uint8Array(64)]);
}

/** To look at what it holds takes `effort`. */
class Things implements ReplicatedState {
  readonly name = "things";
  readonly kinds = ["thing"];
  held: readonly Uint8Array[];
  asked = 0;
  effort = () => {};

  constructor(held: readonly Uint8Array[]) {
    this.held = held;
  }
  records(): readonly Uint8Array[] {
    this.asked++;
    this.effort();
    return this.held;
  }
  merge(records: readonly Uint8Array[]): readonly Uint8Array[] {
    const known = new Set(this.held.map(String));
    const fresh = records.filter((each) => !known.has(String(each)));
    if (fresh.length > 0) this.held = [...this.held, ...fresh];
    return fresh;
  }
}

/** Rumours that reach everybody; single messages are kept in `sent`. */
function rumoursTo(sent: string[]): Rumours & { ends?: RumourEnds } {
  return {
    carryFor(ends) {
      this.ends = ends;
    },
    isLinked: () => true,
    reaches: () => true,
    isNeighbour: (peer) => peer === bob,
    spread: () => true,
    send: (to, message) => sent.push(`${to} ${decodeStateMessage(message)!.kind}`) > 0,
    hurry: () => {},
  };
}

function rig(
  held: readonly Uint8Array[],
  connected: readonly PeerId[],
  isMember: (key: Uint8Array) => boolean = () => true,
) {
  let spent: Millis = 0;
  const clock = new SimClock();
  const ticking = { ...clock, now: () => clock.now() + spent, timer: clock.timer.bind(clock), wall: () => 0 };
  const [channel, state, notes] = [new FakeChannel(), new Things(held), [] as string[]];
  channel.connected = connected;
  const rumours = rumoursTo(notes);
  const foreign = new ForeignRecords(() => true);
  const drops = new DropCounts();
  const limits = new NewsLimits(drops, isMember);
  const parts = { self: "abe" as PeerId, channel, clock: ticking, log: new FakeLog(), foreign, limits };
  const replicator = new Replicator(parts);
  replicator.replicate(state);
  replicator.carryOver(rumours);
  const sent = () =>
    channel.sent.splice(0).map(({ to, message }) => `${to} ${decodeStateMessage(message)!.kind}`);
  const spend = (time: Millis) => {
    spent += time;
  };
  return { clock, channel, drops, state, ends: rumours.ends!, replicator, notes, sent, spend };
}

test("of parts that overlap, in one message, the first alone is compared", () => {
  const part = (prefix: string) => [prefix, true, new Uint8Array()];
  const parts = (...prefixes: readonly string[]) => {
    const message = decodeStateMessage(encodeCbor([1, "tree", ["thing", prefixes.map(part)]]));
    return message?.kind === "tree" ? message.parts.map(({ prefix }) => prefix) : undefined;
  };
  assert.deepEqual(parts(...Array.from({ length: 200 }, () => "")), [""]);
  assert.deepEqual(parts("a1", "a", "a12", "b", "a2"), ["a1", "b", "a2"]);
});

test("who has much compared is not heard for a while as to that, and others are", async () => {
  const { clock, channel, state, sent, spend } = rig([record(1)], [ann, bob]);
  state.effort = () => spend(100);
  const [lie] = encodeParts("thing", [{ prefix: "", isList: true, content: new Uint8Array(16) }]);
  for (let n = 0; n < 500; n++) channel.hear(ann, lie!);
  assert.ok(state.asked < 50, `${state.asked} times`);
  sent();
  channel.hear(bob, lie!);
  assert.deepEqual(sent(), ["bob records", "bob want"]);
  await clock.advance(30_000);
  const before = state.asked;
  channel.hear(ann, lie!);
  assert.ok(state.asked > before, "it is heard again");
});

test("a member without a session is sent four messages a second, and all of them together sixteen", async () => {
  const held = Array.from({ length: 400 }, (_, n) => record(n));
  const { clock, ends, notes } = rig(held, []);
  const questions = encodeParts("thing", [{ prefix: "", isList: true, content: new Uint8Array() }]);
  const asked = async (peers: number) => {
    notes.length = 0;
    for (let second = 0; second < 20; second++) {
      for (let n = 0; n < peers; n++) {
        ends.receive(`p${n}` as PeerId, questions[0]!);
        ends.receive(
          `p${n}` as PeerId,
          encodeDigests("roots", [["thing", new Uint8Array(16)]], Flag.trees)[0]!,
        );
      }
      await clock.advance(1_000);
    }
    return notes.length;
  };
  const one = await asked(1);
  assert.ok(one > 16 && one <= asidesEach.burst + 21 * asidesEach.perSecond, `${one} to one`);
  const many = await asked(20);
  assert.ok(many <= asidesOfAll.burst + 21 * asidesOfAll.perSecond, `${many} to twenty`);
});

test("members without a session that ask all the time leave a neighbour in gossip its answers", async () => {
  const { clock, ends, notes } = rig([record(1)], []);
  const question = encodeDigests("roots", [["thing", new Uint8Array(16)]], Flag.trees)[0]!;
  let answered = 0;
  for (let second = 0; second < 30; second++) {
    for (let n = 0; n < 80; n++) ends.receive(`p${n % 8}` as PeerId, question);
    notes.length = 0;
    ends.receive(bob, question);
    answered += notes.length;
    await clock.advance(1_000);
  }
  assert.ok(answered >= 30, `${answered} in 30 s`);
});

test("of what is held already, and comes once more as a rumour, 32 records go further at once and 8 a second", async () => {
  const held = Array.from({ length: 200 }, (_, n) => record(n));
  const { clock, ends } = rig(held, []);
  const passed = () => held.filter((each) => ends.take(ann, each)).length;
  assert.equal(passed(), 32);
  await clock.advance(1_000);
  assert.equal(passed(), 8);
});

test("while something new comes every second, whoever shows other digests is asked all the same", async () => {
  const { clock, ends, notes } = rig([], []);
  for (let n = 0; n < 60; n++) {
    await clock.advance(1_000);
    ends.take(ann, record(n));
    if (n === 5) {
      ends.differs(bob, new Uint8Array(8));
      assert.deepEqual(notes, [], "at first it may be on its way");
    }
  }
  ends.differs(bob, new Uint8Array(8));
  assert.deepEqual(notes, ["bob roots"]);
});

test("who compares all the time does not keep another from being asked anew for what was lost", async () => {
  const { clock, channel, sent } = rig([record(1)], [ann, bob]);
  const question = encodeDigests("roots", [["thing", new Uint8Array(16)]], Flag.trees)[0]!;
  const [lie] = encodeParts("thing", [{ prefix: "", isList: true, content: new Uint8Array() }]);
  channel.hear(bob, question);
  sent();
  for (let n = 0; n < 20; n++) {
    await clock.advance(500);
    channel.hear(ann, lie!);
  }
  const asked = sent().filter((each) => each === "bob roots").length;
  assert.ok(asked > 0 && asked <= walkMessages, `${asked} times`);
});

test("two without a session that differ for good talk of it ever less often", async () => {
  const { clock, ends, replicator, notes } = rig([record(1)], []);
  replicator.start();
  const perQuarter = [];
  for (let quarter = 0; quarter < 4; quarter++) {
    notes.length = 0;
    for (let n = 0; n < 6; n++) {
      await clock.advance(5 * digestInterval);
      ends.differs(cid, new Uint8Array(8));
    }
    perQuarter.push(notes.length);
  }
  assert.ok(6 * 5 * digestInterval > patience);
  assert.ok(perQuarter[0]! >= 2 && perQuarter[3]! <= 2, perQuarter.join());
  replicator.stop();
});

test("one and the same difference, shown for minutes, is no reason to ask in return", async () => {
  const { clock, channel, sent, replicator } = rig([record(1)], [ann]);
  const question = encodeDigests("roots", [["thing", new Uint8Array(16)]], Flag.trees)[0]!;
  replicator.start();
  const asked = [];
  for (let round = 0; round < 5; round++) {
    channel.hear(ann, question);
    await clock.advance(digestInterval);
    asked.push(sent().filter((each) => each === "ann roots").length);
  }
  assert.ok(asked[0]! > 2, "at first something may have been lost");
  assert.equal(asked[4], 2, "the flags, and the question of each round");
  replicator.stop();
});

test("of a member that signs a hundred records a second most stay where they are, and news of others goes on", async () => {
  const { clock, channel, drops, ends, sent } = rig([], [bob]);
  const [liar, honest] = [1, 2];
  let passed = 0;
  for (let n = 0; n < 900; n++) {
    if (n % 100 === 0) await clock.advance(1_000);
    if (ends.take(ann, record(n, liar))) passed++;
  }
  const most = decisions.burst + 9 * decisions.perSecond;
  assert.ok(passed >= decisions.burst && passed <= most, `${passed} of 900`);
  assert.equal(drops.all().rateLimited, 900 - passed);
  sent();
  assert.equal(ends.take(ann, record(7_000, honest)), true);
  assert.deepEqual(sent(), ["bob records"]);
  channel.hear(ann, encodeRecords([record(7_001, liar)]));
  assert.deepEqual(sent(), [], "nor over sessions to whom no rumour reaches");
  assert.ok(ends.digest().some((byte) => byte !== 0), "what was told by session is held all the same");
});

test("of what a thousand keys sign that nobody has admitted as much goes further as of one member", async () => {
  const honest = new Uint8Array(32).fill(1);
  const { clock, drops, ends } = rig([], [], (key) => equalBytes(key, honest));
  const invented = Array.from({ length: 1_000 }, (_, n) => signedBy(Uint8Array.of(n >> 8, n, 9), n));
  const passed = invented.filter((each) => ends.take(ann, each)).length;
  assert.equal(passed, decisions.burst);
  assert.equal(drops.all().rateLimited, 1_000 - passed);
  assert.equal(ends.take(ann, record(7_000, 1)), true, "members have a credit of their own");
  await clock.advance(1_000);
  assert.equal(ends.take(ann, signedBy(Uint8Array.of(8), 0)), true);
});
