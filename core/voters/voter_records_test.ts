import assert from "node:assert/strict";
import { equalBytes } from "../wire/bytes.ts";
import { encodeHex } from "../wire/hex.ts";
import { signRecord } from "../identity/signed.ts";
import { testReplicatedState } from "../../tests/conformance/replicated_state.ts";
import { test } from "../../tests/harness.ts";
import {
  after,
  ann,
  bob,
  cat,
  certify,
  dan,
  decide,
  eve,
  everybody,
  fay,
  force,
  gus,
  listOf,
  motionAt,
  network,
  nowhere,
  say,
  start,
  wish,
} from "../../tests/voters/voters_fixture.ts";
import { openCertificate } from "./certificate.ts";
import { openRecovery } from "./recovery.ts";
import { openVote } from "./vote_record.ts";
import { voterKinds, VoterRecords } from "./voter_records.ts";

// Ann alone decides on something, then on three voters; they decide on something, then on five.
const first = motionAt(start, wish("range of gus"));
const three = motionAt(after(first), listOf(ann, bob, cat));
const third = motionAt(after(three), wish("range of fay"));
const five = motionAt(after(third), listOf(ann, bob, cat, dan, eve));
const fifth = motionAt(after(five), wish("range of bob"));
const trio = [ann, bob, cat];
const quintet = [ann, bob, cat, dan, eve];
const history = [
  decide([ann], first),
  decide([ann], three),
  decide(trio, third),
  decide(trio, five),
  decide(quintet, fifth),
];

function replica(...records: readonly Uint8Array[]): VoterRecords {
  const state = new VoterRecords(network.founding, isMember);
  state.merge(records);
  return state;
}

/** All but gus. */
function isMember(key: Uint8Array): boolean {
  return everybody.slice(0, 6).some(({ publicKey }) => equalBytes(publicKey, key));
}

const otherFive = motionAt(after(third), listOf(ann, bob, fay));
const otherThird = motionAt(after(three), wish("range of fay, but to another"));
const hostile = [
  // By too few, by too many, by whom the list does not have, and with a root that decides nothing of the kind.
  certify([ann], motionAt(after(three), wish("too few"))),
  certify(trio, motionAt(after(three), wish("too many"))),
  certify([ann, gus], motionAt(after(three), wish("a stranger"))),
  certify([bob], motionAt(start, wish("not the founder"))),
  certify([ann], motionAt({ ...start, epoch: 7 }, wish("of another epoch"))),
  certify([ann], motionAt({ ...start, slot: 300 }, wish("after the end of its epoch"))),
  certify([ann], motionAt({ ...start, slot: 256 }, wish("in the slot of the next list"))),
  certify([ann], motionAt(start, wish("of another network"), new Uint8Array(16))),
  say(bob, motionAt(start, wish("x"), new Uint8Array(16)), 9).slice(1),
  signRecord(ann, "voters", new Uint8Array([0xa0])),
];

testReplicatedState({
  name: "voters",
  kinds: voterKinds,
  create: () => replica(),
  records: [
    ...history,
    decide([bob, cat, ann], third, 9),
    decide([ann, cat, bob], otherThird, 16),
    decide([cat, bob, ann], otherFive, 17),
    decide([ann, bob, fay], motionAt(after(otherFive), wish("beside the path"))),
    decide([fay, gus, dan], motionAt({ ...after(five), root: nowhere("root") }, wish("its list is unknown"))),
    say(ann, after(five), 8),
    say(ann, after(five), 8, { ballot: 8, motion: fifth }),
    say(bob, after(five), 9),
    say(bob, after(fifth), 9),
    say(gus, after(fifth), 16),
    force(dan, [dan, eve], { follows: three.id, epoch: 3, slot: 3 }),
    force(gus, [gus]),
    force(eve, [eve], { recovery: 2 }),
    ...hostile,
  ],
  hostile,
  runs: 30,
});

test("a history is what the lists in it have decided, one after the other", () => {
  const state = replica(...history.toReversed());
  assert.deepEqual(state.chain().terms.map(({ epoch, since }) => [epoch, since]), [[1, 0], [2, 2], [3, 4]]);
  assert.deepEqual(state.decisions().map(({ motion }) => motion.id), [fifth.id]);
  assert.deepEqual(state.position(), after(fifth));
  for (const record of history) assert.ok(state.counts(openCertificate(record)!));
});

test("a history is whole with all decisions of earlier lists, whatever the last one has decided", () => {
  assert.ok(replica().isComplete());
  assert.ok(replica(...history).isComplete());
  assert.ok(replica(...history.slice(0, 4)).isComplete());
  for (const missing of [0, 2]) assert.equal(replica(...history.toSpliced(missing, 1)).isComplete(), false);
  const forced = [force(dan, [dan, eve], { follows: three.id, epoch: 3, slot: 3 })];
  assert.ok(replica(...history.slice(0, 3), ...forced).isComplete());
  assert.equal(
    replica(...history.slice(0, 2), ...forced).isComplete(),
    false,
    "slot 3 counts, and is not there",
  );
});

test("a decision that is missing stops the history where it is, until it comes", () => {
  const next = motionAt(after(fifth), wish("range of cat"));
  const state = replica(...history.slice(0, 4), decide(quintet, next));
  assert.deepEqual(state.position(), after(five));
  state.merge([history[4]!]);
  assert.deepEqual(state.position(), after(next));
});

test("anybody can check a decision with nothing but the lists", () => {
  const lists = [history[1]!, history[3]!];
  const state = replica(...lists);
  assert.ok(history.every((record) => state.counts(openCertificate(record)!)));
  assert.ok(hostile.every((record) => {
    const certificate = openCertificate(record);
    return certificate === undefined || !state.counts(certificate);
  }));
});

test("two lists for one place, which one voter signed both, leave all with the same one and its name", () => {
  const [left, right] = [decide([ann, bob, cat], five, 8), decide([cat, ann, bob], otherFive, 16)];
  const lists = [history[0]!, history[1]!, history[2]!];
  for (const order of [[left, right], [right, left]]) {
    const state = replica(...lists, ...order);
    assert.deepEqual(state.term().root, five.id, "the one of the lower ballot counts");
    const [fork] = state.equivocations();
    assert.deepEqual(fork?.voters.map(encodeHex), [encodeHex(ann.publicKey)]);
    assert.equal(state.counts(openCertificate(right)!), false);
  }
});

test("a voter that votes for two motions in one ballot, or below its promise, is named with both records", () => {
  const other = motionAt(after(five), wish("range of bob, but to another"));
  const words = [
    [
      say(bob, after(five), 9, { ballot: 9, motion: fifth }),
      say(bob, after(five), 9, { ballot: 9, motion: other }),
    ],
    [say(bob, after(five), 17), say(bob, after(five), 25, { ballot: 9, motion: fifth })],
    [say(bob, after(five), 9, { ballot: 9, motion: fifth }), say(bob, after(five), 17)],
  ];
  for (const pair of words) {
    for (const [one, two] of [pair, pair.toReversed()]) {
      const state = replica(...history.slice(0, 4), one!);
      assert.deepEqual(state.equivocations(), []);
      state.merge([two!]);
      assert.deepEqual(state.equivocations(), [{ voters: [bob.publicKey], records: [one!, two!] }]);
    }
  }
});

test("of one voter everybody keeps its last word, and a promise repeats the last vote", () => {
  const words = [
    say(ann, after(five), 8),
    say(ann, after(five), 8, { ballot: 8, motion: fifth }),
    say(ann, after(five), 17, { ballot: 8, motion: fifth }),
  ];
  const state = replica(...history.slice(0, 4), ...words.toReversed());
  assert.equal(state.votes(after(five)).get(0)?.promised, 17);
  assert.deepEqual(state.votes(after(five)).get(0)?.cast?.motion.id, fifth.id);
  assert.deepEqual(state.equivocations(), []);
});

test("a forced list ends the history at the slot it names, and what was decided after that is void", () => {
  const forced = openRecovery(force(dan, [dan, eve, fay], { follows: three.id, epoch: 3, slot: 3 }))!;
  const state = replica(...history, forced.bytes);
  assert.deepEqual(state.term(), {
    root: forced.root,
    epoch: 3,
    recovery: 1,
    voters: forced.voters,
    since: 3,
    madeBy: forced,
  });
  const counting = history.map((record) => state.counts(openCertificate(record)!));
  assert.deepEqual(counting, [true, true, true, false, false]);
  const position = { recovery: 1, epoch: 3, root: forced.root, slot: 4, previous: forced.root };
  assert.deepEqual(state.position(), position);
  state.merge([decide([dan, eve, fay], motionAt(position, wish("range of ann")))]);
  assert.equal(state.position().slot, 5);
});

test("of two forced lists the one that follows more of them counts, of equals the one with the lower id", () => {
  const [left, right] = [force(dan, [dan]), force(eve, [eve])].map((record) => openRecovery(record)!);
  const winner = left!.id < right!.id ? left! : right!;
  const state = replica(right!.bytes, left!.bytes);
  assert.deepEqual(state.term().root, winner.root);
  const loser = winner === left ? right! : left!;
  const again = openRecovery(force(fay, [fay], { recovery: 2, epoch: 3, follows: loser.root }))!;
  state.merge([again.bytes]);
  assert.deepEqual(state.chain().terms.map(({ root }) => root), [start.root, loser.root, again.root]);
});

test("a forced list of a stranger, or with a number of its own choice, changes nothing", () => {
  const state = replica(force(gus, [gus]), force(eve, [eve], { recovery: 9 }));
  assert.deepEqual(state.position(), start);
});

test("a forced list ceases to count when its signer is no member any more", () => {
  let isRevoked = false;
  const state = new VoterRecords(network.founding, (key) => !(isRevoked && equalBytes(key, dan.publicKey)));
  state.merge([force(dan, [dan, eve, fay])]);
  assert.equal(state.term().recovery, 1);
  isRevoked = true;
  state.membersChanged();
  assert.deepEqual(state.position(), start);
});

test("what waits for a list that nobody knows is bounded, and gives way to nothing that counts", () => {
  const state = replica();
  const flood = Array.from(
    { length: 200 },
    (_, i) => certify([gus], motionAt({ ...start, root: nowhere(`root ${i}`) }, wish("x"))),
  );
  const votes = everybody.map((self) => say(self, start, 8));
  state.merge([...flood, ...votes]);
  assert.equal(state.records().length, 128 + votes.length);
  state.merge(history);
  assert.deepEqual(state.position(), after(fifth));
});

test("the longest records of voters fit 1,024 bytes", () => {
  const longest = {
    recovery: 2 ** 32 - 1,
    epoch: 2 ** 32 - 1,
    root: nowhere("root"),
    slot: 2 ** 32 - 1,
    previous: nowhere("previous"),
  };
  const about = { kind: "a".repeat(32), payload: new Uint8Array(256).fill(255) };
  const motion = motionAt(longest, about);
  const sizes = {
    decision: decide(everybody, motion, 2 ** 32 - 1).length,
    list: decide(everybody, motionAt(longest, listOf(...everybody)), 2 ** 32 - 1).length,
    vote: say(ann, longest, 2 ** 32 - 1, { ballot: 2 ** 32 - 1, motion }).length,
    recovery: force(ann, everybody, { follows: nowhere("root"), slot: 2 ** 32 - 1 }).length,
  };
  console.log("  bytes:", JSON.stringify(sizes));
  assert.ok(Object.values(sizes).every((size) => size <= 1024));
  assert.ok(
    openCertificate(decide(everybody, motion)) && openVote(say(ann, longest, 8, { ballot: 8, motion })),
  );
});
