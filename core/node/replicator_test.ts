import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import { maxChannelMessage } from "../contracts/host.ts";
import type { ReplicatedState } from "../contracts/replicated_state.ts";
import type { PeerId } from "../contracts/values.ts";
import { fakeSelf } from "../identity/fake_members.ts";
import { maxRecordBytes, signRecord } from "../identity/signed.ts";
import { recordsDigest } from "../identity/records_digest.ts";
import { decodeCbor, encodeCbor } from "../wire/cbor.ts";
import { encodeHex } from "../wire/hex.ts";
import { ForeignRecords } from "./foreign_records.ts";
import { FakeChannel, FakeLog } from "./node_fixture.ts";
import { digestInterval, Replicator, settleDelay } from "./replicator.ts";
import { decodeStateMessage, type StateMessage } from "./state_message.ts";

const [ann, bob, cid] = ["ann", "bob", "cid"] as [PeerId, PeerId, PeerId];
const signer = fakeSelf("signer");

function record(text: string, kind = "thing"): Uint8Array {
  return signRecord(signer, kind, new TextEncoder().encode(text));
}

/** Takes all there is, in the order in which it came. */
class Everything implements ReplicatedState {
  readonly name: string;
  readonly kinds: readonly string[];
  held: readonly Uint8Array[] = [];

  constructor(kinds: readonly string[] = ["thing"], held: readonly Uint8Array[] = []) {
    this.name = kinds.join(" and ");
    this.kinds = kinds;
    this.held = held;
  }
  records(): readonly Uint8Array[] {
    return this.held;
  }
  merge(records: readonly Uint8Array[]): readonly Uint8Array[] {
    const known = new Set(this.held.map(encodeHex));
    const fresh = records.filter((each) => !known.has(encodeHex(each)));
    if (fresh.length > 0) this.held = [...this.held, ...fresh];
    return fresh;
  }
}

function rig(states: readonly ReplicatedState[], connected: readonly PeerId[] = [ann, bob, cid]) {
  const clock = new SimClock();
  const [channel, log] = [new FakeChannel(), new FakeLog()];
  channel.connected = connected;
  const replicator = new Replicator({
    self: "abe" as PeerId,
    channel,
    clock,
    log,
    foreign: new ForeignRecords(() => true),
  });
  const replications = states.map((state) => replicator.replicate(state));
  /** What was sent since the last call, in words. */
  const sent = () =>
    channel.sent.splice(0).map(({ to, message }) => {
      const read = decodeStateMessage(message)!;
      return `${to} ${read.kind} ${lengthOf(read)}`;
    });
  const hear = (from: PeerId, kind: string, content: unknown) =>
    channel.hear(from, encodeCbor([1, kind, content]));
  const digests = (...records: readonly Uint8Array[]) => [["thing", recordsDigest(records)]];
  return { clock, channel, log, replicator, replications, sent, hear, digests };
}

function lengthOf(read: StateMessage): number {
  if (read.kind === "records") return read.records.length;
  if (read.kind === "tree") return read.parts.length;
  return read.kind === "want" ? read.ids.length / 16 : read.digests.length;
}

test("what is new is kept and passed on at once to all but who brought it; what is known is not", () => {
  const state = new Everything();
  const { hear, sent } = rig([state]);
  hear(ann, "records", [record("1"), record("2")]);
  assert.deepEqual(sent(), ["bob records 2", "cid records 2"]);
  hear(bob, "records", [record("2"), record("1")]);
  assert.deepEqual(sent(), []);
  assert.equal(state.held.length, 2);
});

test("what was made here goes to all", () => {
  const { replications, sent } = rig([new Everything()]);
  replications[0]!.spread([record("1")]);
  assert.deepEqual(sent(), ["ann records 1", "bob records 1", "cid records 1"]);
  replications[0]!.spread([]);
  assert.deepEqual(sent(), []);
});

test("a session that comes up is told digests, one per kind, and all are a second after the last change", async () => {
  const { clock, hear, replicator, sent } = rig([new Everything(["thing", "part"])], [ann]);
  replicator.greet(ann);
  assert.deepEqual(sent(), ["ann digests 2"]);
  await clock.advance(settleDelay - 1);
  hear(ann, "records", [record("1")]);
  await clock.advance(settleDelay - 1);
  assert.deepEqual(sent(), []);
  await clock.advance(1);
  assert.deepEqual(sent(), ["ann digests 2"]);
  await clock.advance(60_000);
  assert.deepEqual(sent(), []);
});

test("the times are one second and thirty", () => {
  assert.deepEqual([settleDelay, digestInterval], [1_000, 30_000]);
});

test("every 30 seconds all are told digests, until it is stopped", async () => {
  const { clock, replicator, sent, hear } = rig([new Everything()], [ann, bob]);
  replicator.start();
  await clock.advance(29_999);
  assert.deepEqual(sent(), []);
  await clock.advance(30_001);
  assert.deepEqual(sent(), ["ann digests 1", "bob digests 1", "ann digests 1", "bob digests 1"]);
  hear(ann, "records", [record("1")]);
  hear(ann, "digests", [["thing", new Uint8Array(16)]]);
  replicator.stop();
  assert.equal(clock.pending, 0);
  sent();
  hear(ann, "digests", [["thing", new Uint8Array(16)]]);
  hear(ann, "records", [record("2")]);
  assert.deepEqual([sent(), clock.pending], [[], 0], "nor does it answer then");
});

test("equal digests are the end of it; a question about others is answered, and both tell what they hold", () => {
  const { hear, sent, digests } = rig([new Everything(["thing"], [record("1")])]);
  hear(ann, "digests", digests(record("1")));
  assert.deepEqual(sent(), []);
  hear(ann, "digests", digests(record("2")));
  assert.deepEqual(sent(), ["ann differ 1", "ann records 1"]);
  hear(bob, "differ", digests(record("2")));
  assert.deepEqual(sent(), ["bob records 1"], "an answer is not answered");
});

test("who holds nothing of a kind says so, and tells nothing", () => {
  const { hear, sent } = rig([]);
  hear(ann, "digests", [["alias", new Uint8Array(16)]]);
  assert.deepEqual(sent(), ["ann differ 1"]);
});

test("a liar about digests is told all once a second at most, others are served all the same", async () => {
  const { clock, hear, sent } = rig([new Everything(["thing"], [record("1")])]);
  for (let i = 0; i < 100; i++) hear(ann, "differ", [["thing", new Uint8Array(16).fill(i)]]);
  hear(bob, "differ", [["thing", new Uint8Array(16)]]);
  assert.deepEqual(sent(), ["ann records 1", "bob records 1"]);
  await clock.advance(999);
  hear(ann, "differ", [["thing", new Uint8Array(16)]]);
  assert.deepEqual(sent(), []);
  await clock.advance(1);
  hear(ann, "differ", [["thing", new Uint8Array(16)]]);
  assert.deepEqual(sent(), ["ann records 1"]);
  await clock.advance(10_000);
  assert.deepEqual([sent(), clock.pending], [[], 0]);
});

test("a long list gets across in goes of 64 messages a second, of which none waits for the next question", async () => {
  const records = Array.from({ length: 150 }, (_, i) => record(`${i} ${"x".repeat(700)}`));
  const { clock, hear, sent, channel } = rig([new Everything(["thing"], records)]);
  hear(ann, "differ", [["thing", new Uint8Array(16)]]);
  const goes = [sent().length];
  for (let i = 0; i < 3; i++) {
    await clock.advance(1_000);
    goes.push(sent().length);
  }
  assert.deepEqual(goes, [64, 64, 22, 0]);
  hear(ann, "differ", [["thing", new Uint8Array(16)]]);
  channel.connected = [bob];
  channel.send = () => false;
  await clock.advance(5_000);
  assert.equal(clock.pending, 0, "who has gone is told no more");
});

test("two that differ for good tell each other the same ever less often, and all when anything is new", async () => {
  const state = new Everything(["thing"], [record("1")]);
  const { clock, hear, sent, digests } = rig([state], [ann]);
  const theirs = digests(record("2"));
  const tellings = async (rounds: number) => {
    let count = 0;
    for (let i = 0; i < rounds; i++) {
      hear(ann, "digests", theirs);
      await clock.advance(30_000);
      count += sent().filter((text) => text === "ann records 1").length;
    }
    return count;
  };
  assert.equal(await tellings(3), 3, "news may have been lost on the way");
  const hours = [await tellings(120), await tellings(120), await tellings(120)];
  assert.deepEqual(hours, [6, 1, 1]);
  state.merge([record("3")]);
  hear(ann, "digests", theirs);
  assert.deepEqual(sent(), ["ann differ 1", "ann records 2"]);
});

test("who has learned anything at all is told anew what it would not take before", async () => {
  const state = new Everything(["thing", "part"], [record("1"), record("2", "part")]);
  const { clock, hear, sent } = rig([state], [ann]);
  const other = new Uint8Array(16);
  for (let i = 0; i < 20; i++) {
    hear(ann, "differ", [["thing", other], ["part", other]]);
    await clock.advance(30_000);
  }
  sent();
  hear(ann, "differ", [["part", other]]);
  assert.deepEqual(sent(), []);
  hear(ann, "differ", [["thing", recordsDigest([record("1")])], ["part", other]]);
  assert.deepEqual(sent(), ["ann records 1"]);
});

test("a peer whose records take too much time is not heard for a while, and others are", async () => {
  const slow = new Everything();
  const { clock, hear, sent, channel } = rig([slow]);
  let spent = 0;
  const merge = slow.merge.bind(slow);
  const now = clock.now.bind(clock);
  clock.now = () => now() + spent;
  slow.merge = (records) => {
    spent += 2 * records.length;
    return merge(records);
  };
  // Made once: to sign takes far longer than to hear.
  const known = record("1");
  hear(bob, "records", [known]);
  for (let i = 0; i < 5_000; i++) hear(ann, "records", [known]);
  assert.ok(spent > 2_000 && spent < 2_500, `${spent} ms of ten seconds`);
  sent();
  hear(ann, "records", [record("2")]);
  assert.deepEqual([slow.held.length, sent()], [1, []]);
  hear(bob, "records", [record("2")]);
  assert.deepEqual([slow.held.length, sent()], [2, ["ann records 1", "cid records 1"]]);
  await clock.advance(10_000);
  hear(ann, "records", [record("3")]);
  assert.equal(slow.held.length, 3);
  channel.connected = [];
});

test("what the session does not take is told again a second later", async () => {
  const { clock, hear, sent, channel } = rig([new Everything(["thing"], [record("1")])]);
  const send = channel.send.bind(channel);
  channel.send = () => false;
  hear(ann, "differ", [["thing", new Uint8Array(16)]]);
  channel.send = send;
  await clock.advance(1_000);
  assert.deepEqual(sent(), ["ann records 1"]);
});

test("records of every length travel whole, in messages that fit a datagram", () => {
  const { replications, channel } = rig([new Everything()], [ann]);
  const lengths = fc.array(fc.integer({ min: 1, max: maxRecordBytes }), { maxLength: 30 });
  fc.assert(
    fc.property(lengths, (list) => {
      channel.sent.length = 0;
      replications[0]!.spread(list.map((length, i) => new Uint8Array(length).fill(i)));
      for (const { message } of channel.sent) assert.ok(message.length <= maxChannelMessage);
      const arrived = channel.sent.flatMap(({ message }) =>
        (decodeCbor(message) as [1, string, Uint8Array[]])[2]
      );
      assert.deepEqual(arrived.map(({ length }) => length), list);
    }),
    { seed: 3, numRuns: 200 },
  );
});

test("digests of any number of kinds arrive, in messages that fit a datagram", () => {
  const kinds = Array.from({ length: 50 }, (_, i) => `k${String(i).padStart(31, "0")}`);
  const { replicator, channel } = rig([new Everything(kinds)], [ann]);
  replicator.greet(ann);
  for (const { message } of channel.sent) assert.ok(message.length <= maxChannelMessage);
  const told = channel.sent.flatMap(({ message }) => {
    const read = decodeStateMessage(message);
    return read?.kind === "digests" ? read.digests.map(([kind]) => kind) : [];
  });
  assert.deepEqual(told, kinds);
});

test("a peer may have sixty-four kinds outstanding, and asks again for the rest", async () => {
  const kinds = Array.from({ length: 66 }, (_, i) => `k${i}`);
  const digestOf = (fill: number) => new Uint8Array(16).fill(fill);
  const { clock, hear, sent, replicator } = rig([
    new Everything(kinds, kinds.map((kind) => record("1", kind))),
  ]);
  hear(ann, "differ", [["k0", digestOf(1)]]);
  sent();
  const all = kinds.map((kind) => [kind, digestOf(2)]);
  for (let i = 0; i < 66; i += 11) hear(ann, "differ", all.slice(i, i + 11));
  await clock.advance(3_000);
  assert.equal(sent().length, 64, "of 65, for one was told just now");
  replicator.stop();
});

test("the last that a peer hears is 64 messages", () => {
  const records = Array.from({ length: 70 }, (_, i) => record(`${i} ${"x".repeat(700)}`));
  const { replicator, sent } = rig([new Everything(["thing"], records)]);
  replicator.tell(ann, ["thing"]);
  assert.equal(sent().length, 64);
});

test("two owners of one kind, and kinds that are no words, are mistakes of a plugin", () => {
  const { replicator } = rig([new Everything(["thing"])]);
  assert.throws(() => replicator.replicate(new Everything(["thing"])), /belong to the state thing/);
  for (const kind of ["", "Thing", "a b", "x".repeat(33)]) {
    assert.throws(() => replicator.replicate(new Everything([kind])), RangeError);
  }
});

test("a state that throws is logged and empty, and the others are exchanged", () => {
  const broken: ReplicatedState = {
    name: "broken",
    kinds: ["part"],
    records: () => assert.fail("no records"),
    merge: () => assert.fail("no merge"),
  };
  const whole = new Everything();
  const { hear, log, replicator, sent } = rig([broken, whole]);
  hear(ann, "records", [record("1", "part"), record("1")]);
  replicator.greet(bob);
  assert.equal(whole.held.length, 1);
  assert.deepEqual(sent(), ["bob records 1", "cid records 1", "bob digests 2"]);
  assert.deepEqual([...new Set(log.entries.map(({ fields }) => fields?.["who"]))], ["broken"]);
});

test("a record that no message holds is neither told nor counted, and keeps no other from being told", () => {
  const whole = record("1");
  const { channel, hear, sent, replicator, digests } = rig([
    new Everything(["thing"], [new Uint8Array(maxRecordBytes + 100), whole]),
  ]);
  const send = channel.send.bind(channel);
  channel.send = (to, message) => {
    assert.ok(message.length <= maxChannelMessage);
    return send(to, message);
  };
  hear(ann, "digests", digests());
  assert.deepEqual(sent(), ["ann differ 1", "ann records 1"]);
  hear(ann, "digests", digests(whole));
  assert.deepEqual(sent(), []);
  replicator.tell(bob, ["thing"]);
  assert.deepEqual(sent(), ["bob records 1"]);
});

test("hostile messages change nothing and are answered with nothing", () => {
  const state = new Everything(["thing"], [record("1")]);
  const { channel, sent, clock } = rig([state]);
  const anyContent = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.array(fc.oneof(fc.integer(), fc.string(), fc.constant(null), fc.uint8Array({ maxLength: 40 }))),
    fc.array(fc.tuple(fc.string(), fc.uint8Array({ maxLength: 15 }))),
    fc.dictionary(fc.string().filter((name) => name !== "__proto__"), fc.integer()),
    fc.constant(undefined),
  );
  const kind = fc.constantFrom("records", "digests", "differ", "votes", "");
  const anyMessage = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.tuple(fc.constantFrom(0, 1, 2), kind, anyContent).map(encodeOrNothing),
  );
  fc.assert(
    fc.property(anyMessage, (message) => {
      channel.hear(ann, message);
      assert.deepEqual([state.held, sent(), clock.pending], [[record("1")], [], 0]);
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
