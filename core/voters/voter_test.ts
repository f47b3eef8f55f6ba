import assert from "node:assert/strict";
import type { Self } from "../contracts/host.ts";
import { encodeHex } from "../wire/hex.ts";
import { MemoryDisk } from "../../plugins/memory_store/disk.ts";
import { test } from "../../tests/harness.ts";
import {
  after,
  ann,
  bob,
  cat,
  dan,
  decide,
  eve,
  listOf,
  motionAt,
  network,
  say,
  start,
  wish,
} from "../../tests/voters/voters_fixture.ts";
import type { Wish } from "./motion.ts";
import { decodeStoredVoter } from "./stored_voter.ts";
import { openVote } from "./vote_record.ts";
import { Voter, type VoterOptions } from "./voter.ts";
import { VoterRecords } from "./voter_records.ts";

const trio = [ann, bob, cat];
const list = motionAt(start, listOf(...trio));
const open = after(list);
const about = wish("range of gus");
const key = "voters/stand";

function records(...more: readonly Uint8Array[]): VoterRecords {
  const state = new VoterRecords(network.founding, () => true);
  state.merge([decide([ann], list), ...more]);
  return state;
}

/** A voter that has heard from everybody. */
function voter(self: Self, options: VoterOptions = {}): Voter {
  const made = new Voter(self, options);
  for (const other of [ann, bob, cat, dan, eve]) made.hear(other.publicKey);
  return made;
}

/** Takes all steps that are due, on a disk that works; what was sent is the result. */
function drive(voter: Voter, state: VoterRecords, now = 0): readonly Uint8Array[] {
  const sent: Uint8Array[] = [];
  for (let step = voter.next(state, now); step !== undefined; step = voter.next(state, now)) {
    if (step.stored !== undefined) voter.written(true);
    if (step.record !== undefined) sent.push(...state.merge([step.record]));
  }
  return sent;
}

/** All voters until nobody has anything to say. */
function settle(voters: readonly Voter[], states: readonly VoterRecords[], now = 0): void {
  for (let isQuiet = false; !isQuiet;) {
    isQuiet = true;
    for (const [i, each] of voters.entries()) {
      const sent = drive(each, states[i]!, now);
      if (sent.length > 0) isQuiet = false;
      for (const state of states) state.merge(sent);
    }
  }
}

test("three voters decide what one of them wants, and all hold the certificate", () => {
  const voters = trio.map((self) => voter(self));
  const states = trio.map(() => records());
  voters[1]!.propose(about, states[1]!);
  settle(voters, states);
  for (const state of states) {
    const [decision] = state.decisions();
    assert.deepEqual(decision?.motion.payload, about.payload);
    assert.equal(state.position().slot, 3);
  }
});

test("wishes that clash are decided one after the other", () => {
  const voters = trio.map((self) => voter(self));
  const states = trio.map(() => records());
  for (const [i, each] of voters.entries()) each.propose(wish(`of ${i}`), states[i]!);
  for (let now = 0; now < 60_000 && states[0]!.decisions().length < 3; now += 1000) {
    settle(voters, states, now);
  }
  const payloads = states[0]!.decisions().map(({ motion }) => new TextDecoder().decode(motion.payload));
  assert.deepEqual(payloads.sort(), ["of 0", "of 1", "of 2"]);
});

test("the founder alone decides, and makes others voters", () => {
  const state = new VoterRecords(network.founding, () => true);
  const founder = new Voter(ann);
  founder.propose(listOf(ann, bob, cat), state);
  drive(founder, state);
  assert.equal(state.term().epoch, 2);
  assert.equal(state.term().voters.length, 3);
});

test("a vote is on disk before it is sent: a store that fails or dies at any write lets out nothing it has not", async () => {
  for (const fault of ["fails", "dies", "dies after landing"] as const) {
    for (let at = 0; at < 3; at++) await writeUntil(fault, at);
  }
});

/** Votes until the write of this number meets its fault, then goes on with what is on the disk. */
async function writeUntil(fault: "fails" | "dies" | "dies after landing", at: number): Promise<void> {
  const disk = new MemoryDisk();
  let store = disk.mount();
  const sent: Uint8Array[] = [];
  const state = records();
  let self = voter(bob);
  self.propose(about, state);
  if (fault === "fails") disk.fail("io", 1, at);
  for (let write = 0, now = 0; write < 8; write++, now += 20_000) {
    // Another answers at once, so that there is a next step.
    const promised = state.votes(open).get(1)?.promised;
    if (promised !== undefined) state.merge([say(ann, open, promised)]);
    const step = self.next(state, now);
    if (step?.stored === undefined) continue;
    const commit = store.commit([{ key, value: step.stored }]).then(() => true, () => false);
    if (fault !== "fails" && write === at) {
      disk.kill(fault === "dies" ? 0 : 1);
      await store[Symbol.asyncDispose]?.();
      store = disk.mount();
      const bytes = store.get(key);
      self = voter(bob, bytes === undefined ? {} : { stored: decodeStoredVoter(bytes) });
      if (self.last !== undefined) send(self.last.bytes);
      self.propose(about, state);
      continue;
    }
    const isOnDisk = await commit;
    self.written(isOnDisk);
    if (isOnDisk) send(step.record!);
  }
  assert.ok(sent.length >= 2, `${fault} at ${at}: votes are sent`);
  await store[Symbol.asyncDispose]?.();

  function send(record: Uint8Array): void {
    const stored = decodeStoredVoter(store.get(key)!);
    assert.equal(encodeHex(stored.last!.bytes), encodeHex(record), "what is sent is what is on disk");
    state.merge([record]);
    assert.deepEqual(state.equivocations(), []);
    sent.push(record);
  }
}

test("nothing is said while a write is under way, and the same again after one that failed", () => {
  const state = records();
  const self = voter(bob);
  self.propose(about, state);
  const step = self.next(state, 0);
  assert.ok(step?.stored !== undefined);
  assert.equal(self.next(state, 0), undefined);
  self.written(false);
  assert.deepEqual(self.next(state, 0), step);
});

test("a voter that starts says nothing before as many have told it what they know as decide with it", () => {
  const state = records();
  const self = new Voter(bob);
  self.propose(about, state);
  assert.equal(self.next(state, 0), undefined);
  assert.equal(self.silence(state), "hearing");
  self.hear(cat.publicKey);
  assert.equal(self.silence(state), undefined);
  assert.ok(self.next(state, 0) !== undefined);
});

test("a restart goes on where the disk is: it answers no ballot below its promise", () => {
  const state = records();
  const first = voter(bob);
  state.merge([say(cat, open, 18)]);
  const [promise] = drive(first, state);
  const stored = { last: openVote(promise!)!, doubt: undefined };
  const fresh = records(say(ann, open, 8, { ballot: 8, motion: motionAt(open, about) }));
  assert.deepEqual(drive(voter(bob, { stored }), fresh), []);
});

test("a vote that is in the network but not on the disk binds: its voter finds it, and sits out where it may have voted", () => {
  const lost = say(bob, open, 8, { ballot: 8, motion: motionAt(open, about) });
  const state = records(lost);
  const self = voter(bob);
  drive(self, state);
  assert.deepEqual(self.last?.bytes, lost, "it is on the disk now");
  assert.equal(self.silence(state), "hearing", "what others said before it knew is not enough");
  self.hear(ann.publicKey);
  assert.equal(self.silence(state), "hearing", "a majority is not either");
  self.hear(cat.publicKey);
  drive(self, state);
  assert.equal(self.silence(state), "doubt");
  const decided = decideOn(state, 2);
  assert.deepEqual(drive(self, state), []);
  assert.equal(self.silence(state), undefined, "above the slot after the last of which it heard it is free");
  self.propose(wish("range of fay"), state);
  assert.equal(drive(self, state).length, 1);
  assert.equal(decided, 2);
});

/** So many decisions of ann and cat; how many. */
function decideOn(state: VoterRecords, count: number): number {
  for (let i = 0; i < count; i++) {
    state.merge([decide([ann, cat], motionAt(state.position(), wish(`decision ${i}`)), 10).slice()]);
  }
  return state.decisions().length;
}

test("of an even list a voter in doubt answers others, but begins nothing", () => {
  const pair = motionAt(start, listOf(ann, bob));
  const state = new VoterRecords(network.founding, () => true);
  state.merge([decide([ann], pair)]);
  const self = voter(bob, { isDiskOld: true });
  self.propose(about, state);
  assert.deepEqual(drive(self, state, 100_000), []);
  state.merge([say(ann, after(pair), 8)]);
  assert.equal(drive(self, state, 100_000).length, 1);
});

test("doubt outlives a restart, and begins anew with another list", () => {
  const state = records();
  const self = voter(bob, { isDiskOld: true });
  const step = self.next(state, 0);
  const stored = decodeStoredVoter(step!.stored!);
  assert.deepEqual(stored.doubt, { root: open.root, below: open.slot + 2 });
  const again = voter(bob, { stored });
  assert.equal(again.silence(state), "doubt");
  state.merge([decide(trio, motionAt(open, listOf(ann, bob, cat, dan, eve)))]);
  drive(again, state);
  assert.equal(again.silence(state), "hearing");
});

test("a voter that is told while it runs that its disk is old comes into doubt before it says another word", () => {
  const state = records(say(cat, open, 18));
  const self = voter(bob);
  self.suspect();
  assert.deepEqual(drive(self, state), []);
  assert.equal(self.silence(state), "hearing");
  for (const other of [ann, cat]) self.hear(other.publicKey);
  drive(self, state);
  assert.equal(self.silence(state), "doubt");
  self.suspect();
  assert.equal(self.next(state, 0), undefined, "once is enough");
});

test("a doubt that was found on an old disk does not end where that disk says, once the disk is known to be old", () => {
  const state = records(decide(trio, motionAt(open, about)));
  const stored = { last: undefined, doubt: { root: open.root, below: open.slot + 1 } };
  const trusting = voter(bob, { stored });
  drive(trusting, state);
  assert.equal(trusting.silence(state), undefined);
  const self = voter(bob, { stored });
  self.suspect();
  assert.deepEqual(drive(self, state), []);
  assert.equal(self.silence(state), "hearing");
  for (const other of [ann, cat]) self.hear(other.publicKey);
  drive(self, state);
  assert.equal(self.silence(state), "doubt");
});

test("a suspicion that comes while a step is written counts after it", () => {
  const pair = motionAt(start, listOf(ann, bob));
  const place = after(pair);
  const state = new VoterRecords(network.founding, () => true);
  state.merge([decide([ann], pair), say(ann, place, 8)]);
  const self = voter(bob, {
    stored: { last: undefined, doubt: { root: place.root, below: place.slot + 2 } },
  });
  assert.notEqual(self.next(state, 0)?.record, undefined, "of an even list it answers in doubt");
  self.suspect();
  self.written(true);
  drive(self, state);
  assert.equal(self.silence(state), "hearing");
});

test("of two nodes with one key each comes into doubt when it sees the other's words", () => {
  const state = records();
  const [one, other] = [voter(bob), voter(bob)];
  one.propose(about, state);
  other.propose(wish("of the other"), state);
  drive(one, state);
  const apart = records();
  apart.merge([say(cat, open, 18)]);
  const [words] = drive(other, apart);
  state.merge([words!]);
  drive(one, state);
  assert.notEqual(one.silence(state), undefined);
});

test("a motion that a voter finds wrong gets no vote of it", () => {
  const state = records();
  const self = voter(bob, { isFit: ({ kind }) => kind !== "takeover" });
  state.merge([say(ann, open, 8, { ballot: 8, motion: motionAt(open, about) })]);
  const [word, ...more] = drive(self, state);
  assert.deepEqual(more, []);
  assert.equal(openVote(word!)?.cast, undefined);
});

test("who is no voter says nothing", () => {
  const self = voter(dan);
  self.propose(about, records());
  assert.equal(self.next(records(), 0), undefined);
  assert.equal(self.silence(records()), "no-voter");
});

test("a voter without a majority tries less and less often", () => {
  const state = records();
  const self = voter(ann);
  self.propose(about, state);
  let tries = 0;
  for (let now = 0; now < 600_000; now += 500) tries += drive(self, state, now).length;
  assert.ok(tries >= 5 && tries <= 16, `${tries} in ten minutes`);
});

test("a wish is refused beyond sixteen, and one that is no motion at once", () => {
  const state = records();
  const self = voter(ann);
  for (let i = 0; i < 16; i++) assert.ok(self.propose(wish(`${i}`), state));
  assert.equal(self.propose(wish("one more"), state), false);
  const tooLong: Wish = { kind: "takeover", payload: new Uint8Array(257) };
  assert.throws(() => self.propose(tooLong, state), { code: "INVALID_ARGUMENT" });
});

test("damaged votes on disk end the start, and newer ones as well", () => {
  const good = voter(bob, { isDiskOld: true }).next(records(), 0)!.stored!;
  assert.throws(() => decodeStoredVoter(good.slice(1)), { code: "STATE_CORRUPT" });
  assert.throws(() => decodeStoredVoter(Uint8Array.from([0xa1, 0x61, 0x76, 2])), { code: "UNSUPPORTED" });
});
