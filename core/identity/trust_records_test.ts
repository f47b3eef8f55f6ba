import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import type { PeerId } from "../contracts/values.ts";
import { type TrustLimits, type TrustRecord, TrustRecords } from "./trust_records.ts";

const roomy: TrustLimits = { admissionsPerSigner: 99, revocationsPerSigner: 99, pending: 99, total: 99 };
const bytes = new Uint8Array();

function admission(id: string, signer: string, subject: string, wall = 0): TrustRecord {
  const subjectId = subject as PeerId;
  return { kind: "admission", id, bytes, signer, epoch: 1, wall, subject, subjectId, name: subject };
}

function revocation(id: string, signer: string, wall = 0): TrustRecord {
  const target = { type: "token", id: "t" } as const;
  return { kind: "revocation", id, bytes, signer, epoch: 1, wall, target };
}

function setOf(limits: Partial<TrustLimits>, ...records: readonly TrustRecord[]): TrustRecords {
  const set = new TrustRecords("f", { ...roomy, ...limits });
  for (const record of records) set.add(record);
  return set;
}

function idsOf(records: readonly TrustRecord[]): string[] {
  return records.map((record) => record.id);
}

test("records are rooted when a path of admissions leads to their signer", () => {
  const set = setOf({}, admission("3", "b", "c"), admission("2", "a", "b"), admission("9", "x", "y"));
  assert.deepEqual(idsOf(set.rooted()), []);
  set.add(admission("1", "f", "a"));
  assert.deepEqual(idsOf(set.rooted()), ["1", "2", "3"]);
  assert.deepEqual(idsOf(set.inOrder()), ["1", "2", "3", "9"]);
});

test("a signer at its limit keeps its earliest records, in whatever order they came", () => {
  const records = [3, 1, 2, 4].map((wall) => admission(`a${wall}`, "f", `s${wall}`, wall));
  const limits = { admissionsPerSigner: 2, revocationsPerSigner: 1 };
  const set = setOf(limits, ...records, revocation("r2", "f", 2), revocation("r1", "f", 1));
  assert.deepEqual(idsOf(set.rooted()).toSorted(), ["a1", "a2", "r1"]);
  assert.equal(set.add(admission("a5", "f", "s5", 5)), false);
  assert.equal(set.add(admission("a0", "f", "s0", 0)), true);
  assert.deepEqual(idsOf(set.rooted()), ["a0", "a1", "r1"]);
});

test("when an admission gives way, what hung on it is pending again", () => {
  const set = setOf({ admissionsPerSigner: 1 }, admission("late", "f", "a", 9), admission("child", "a", "b"));
  assert.equal(set.rooted().length, 2);
  set.add(admission("early", "f", "c", 1));
  assert.deepEqual(idsOf(set.rooted()), ["early"]);
  assert.deepEqual(idsOf(set.inOrder()), ["early", "child"]);
});

test("of pending records those with the lowest ids are kept", () => {
  const set = setOf(
    { pending: 2 },
    ...["5", "3", "9", "1"].map((id) => admission(id, `stranger-${id}`, "x")),
  );
  assert.deepEqual(idsOf(set.inOrder()), ["1", "3"]);
  assert.equal(set.add(admission("7", "stranger", "x")), false);
  assert.equal(set.add(admission("7", "f", "x")), true, "a rooted record is not pending");
});

test("pending records that become rooted make room for others", () => {
  const set = setOf({ pending: 1 }, admission("5", "a", "b"));
  set.add(admission("1", "f", "a"));
  assert.equal(set.add(admission("8", "stranger", "x")), true);
  assert.equal(set.inOrder().length, 3);
});

test("at the total limit newcomers are refused and members stay", () => {
  const set = setOf({ total: 2 }, admission("1", "f", "a", 5), admission("2", "f", "b", 5));
  assert.equal(set.add(admission("0", "f", "c", 0)), false);
  assert.deepEqual(idsOf(set.rooted()), ["1", "2"]);
  assert.equal(set.add(admission("p", "stranger", "x")), true);
});

test("a record that is there already is kept and changes nothing", () => {
  const record = admission("1", "f", "a");
  const set = setOf({}, record);
  assert.equal(set.add(record), true);
  assert.equal(set.inOrder().length, 1);
});

test("a clone and its original go their own ways", () => {
  const original = setOf({ pending: 1 }, admission("1", "f", "a"), admission("5", "stranger", "x"));
  const clone = original.clone();
  clone.add(admission("2", "a", "b"));
  original.add(admission("3", "a", "c"));
  assert.deepEqual(idsOf(clone.inOrder()), ["1", "2", "5"]);
  assert.deepEqual(idsOf(original.inOrder()), ["1", "3", "5"]);
  clone.add(admission("4", "stranger", "y"));
  assert.deepEqual(idsOf(clone.inOrder()), ["1", "2", "4"], "the clone counts pending records itself");
});

const names = ["f", "a", "b", "c", "d"];
const anyRecords = fc.array(
  fc.record({
    signer: fc.constantFrom(...names),
    subject: fc.constantFrom(...names),
    wall: fc.nat(4),
    revokes: fc.nat(3).map((value) => value === 0),
  }),
  { maxLength: 40, size: "max" },
).map((drafts) =>
  drafts.map(({ signer, subject, wall, revokes }, i) =>
    // A hash has no order to speak of: neither have these.
    revokes
      ? revocation(`${(i * 7) % 41}r`, signer, wall)
      : admission(`${(i * 7) % 41}a`, signer, subject, wall)
  )
);

function shuffle<T>(items: readonly T[], chance: fc.Stream<number>): T[] {
  return items.map((item) => ({ item, at: chance.next().value! })).toSorted((x, y) => x.at - y.at)
    .map(({ item }) => item);
}

test("limits per signer leave the set independent of order and repetition", () => {
  const limits = { admissionsPerSigner: 3, revocationsPerSigner: 2 };
  fc.assert(
    fc.property(anyRecords, fc.infiniteStream(fc.nat()), (records, chance) => {
      const expected = idsOf(setOf(limits, ...records).inOrder());
      const repeated = [...shuffle(records, chance), ...shuffle(records, chance)];
      assert.deepEqual(idsOf(setOf(limits, ...repeated).inOrder()), expected);
    }),
    { seed: 12, numRuns: 1000 },
  );
});

test("no bound is ever exceeded, and replicas that exchange their records agree on what is rooted", () => {
  const limits = { admissionsPerSigner: 3, revocationsPerSigner: 2, pending: 4 };
  fc.assert(
    fc.property(anyRecords, fc.infiniteStream(fc.nat()), (records, chance) => {
      const replicas = [records, shuffle(records, chance)].map((order) => setOf(limits, ...order));
      const [one, other] = replicas as [TrustRecords, TrustRecords];
      for (let round = 0; round < names.length; round++) {
        for (const record of one.inOrder()) other.add(record);
        for (const record of other.inOrder()) one.add(record);
      }
      assert.deepEqual(idsOf(other.rooted()), idsOf(one.rooted()));
      for (const set of replicas) assert.ok(set.inOrder().length - set.rooted().length <= limits.pending);
      for (const name of names) assert.ok(one.signedBy(name).length <= 5);
    }),
    { seed: 13, numRuns: 1000 },
  );
});

test("what had to make room for an earlier one is named once", () => {
  const records = [3, 2, 4].map((wall) => admission(`a${wall}`, "f", `s${wall}`, wall));
  const set = setOf({ admissionsPerSigner: 1 }, ...records);
  assert.deepEqual([set.takeDropped(), set.takeDropped()], [["a3"], []]);
  const crowd = setOf({ pending: 1 }, ...[1, 2, 3].map((n) => admission(`b${n}`, `x${n}`, `y${n}`)));
  assert.deepEqual(crowd.takeDropped(), [], "of what found no room nothing is remembered");
});
