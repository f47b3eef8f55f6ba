/** What every shared state must do, whatever it is about: the laws under which replicas agree. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { ReplicatedState } from "../../core/contracts/replicated_state.ts";
import { recordsDigest } from "../../core/identity/records_digest.ts";
import { claimedKind, isRecordKind, maxRecordBytes } from "../../core/identity/signed.ts";
import { encodeHex } from "../../core/wire/hex.ts";
import { test } from "../harness.ts";

export type StateUnderTest = Omit<ReplicatedState, "name" | "kinds">;

export interface ReplicatedStateKit {
  /** Begins the tests' names. */
  readonly name: string;
  /** The kinds of the state; absent for one that takes any. */
  readonly kinds?: readonly string[];
  /** A new replica that holds nothing; all replicas are of one network. */
  create(): StateUnderTest;
  /**
   * At least eight records that some replica may be given, valid or not: of several signers, superseding and resting on
   * each other, by strangers, by hostile members, of other networks. The kit adds what is damaged.
   */
  readonly records: readonly Uint8Array[];
  /** Those of {@link records} that change no replica, whatever else it holds. */
  readonly hostile: readonly Uint8Array[];
  readonly runs?: number;
}

/** Indices into the records, in the order and grouping in which one replica gets them. */
type Deliveries = readonly (readonly number[])[];

export function testReplicatedState(kit: ReplicatedStateKit): void {
  testOrder(kit);
  testClosure(kit);
  testMonotony(kit);
  testHostility(kit);
  testForm(kit);
}

function testOrder({ name, create, records, runs = 200 }: ReplicatedStateKit): void {
  test(`${name}: replicas that got the same records agree, in any order, grouping and number`, () => {
    const pool = records.flatMap((record) => [record, ...damaged(record)]);
    const property = fc.property(deliveriesOf(pool.length), fc.infiniteStream(fc.nat()), (first, chance) => {
      const all = first.flat();
      const one = deliver(create(), pool, first);
      const other = deliver(create(), pool, regrouped(all, chance));
      assert.deepEqual(contentOf(other), contentOf(one));
      assert.deepEqual(recordsDigest(other.records()), recordsDigest(one.records()));
      // Idempotent: once more, all of it, changes nothing and is news to nobody.
      for (const again of [one.records(), all.map((i) => pool[i]!)]) {
        assert.deepEqual(one.merge(again), []);
        assert.deepEqual(contentOf(one), contentOf(other));
      }
    });
    fc.assert(property, { seed: 31, numRuns: runs });
  });

  test(`${name}: what two replicas hold, merged either way, is what one holds that got everything`, () => {
    const property = fc.property(
      deliveriesOf(records.length),
      deliveriesOf(records.length),
      (left, right) => {
        const [one, other] = [deliver(create(), records, left), deliver(create(), records, right)];
        const [ofOne, ofOther] = [one.records(), other.records()];
        const whole = deliver(create(), records, [...left, ...right]);
        one.merge(ofOther);
        other.merge(ofOne);
        assert.deepEqual(contentOf(one), contentOf(other));
        assert.deepEqual(contentOf(one), contentOf(whole));
      },
    );
    fc.assert(property, { seed: 32, numRuns: runs });
  });
}

function testClosure({ name, create, records, runs = 200 }: ReplicatedStateKit): void {
  test(`${name}: what a merge returns is what another replica needs to follow, and no more`, () => {
    const property = fc.property(deliveriesOf(records.length), (deliveries) => {
      const [leader, follower] = [create(), create()];
      for (const group of deliveries) {
        const before = new Set(contentOf(leader));
        const fresh = leader.merge(group.map((i) => records[i]!));
        const held = new Set(contentOf(leader));
        for (const record of fresh.map(encodeHex)) {
          assert.ok(held.has(record), "what is passed on is held");
          assert.equal(before.has(record), false, "what was held is not passed on again");
        }
        follower.merge(fresh);
        assert.deepEqual(contentOf(follower), contentOf(leader));
      }
    });
    fc.assert(property, { seed: 33, numRuns: runs });
  });
}

function testMonotony({ name, create, records, runs = 200 }: ReplicatedStateKit): void {
  test(`${name}: what a replica let go never comes back, so nothing is lost and nothing flaps`, () => {
    const property = fc.property(deliveriesOf(records.length), (deliveries) => {
      const state = create();
      const gone = new Set<string>();
      for (const group of deliveries) {
        const before = contentOf(state);
        state.merge(group.map((i) => records[i]!));
        const held = new Set(contentOf(state));
        for (const record of before) if (!held.has(record)) gone.add(record);
        for (const record of held) assert.equal(gone.has(record), false, "a record that lost has come back");
      }
      state.merge([...gone].map((text) => records.find((record) => encodeHex(record) === text)!));
      for (const record of contentOf(state)) assert.equal(gone.has(record), false);
    });
    fc.assert(property, { seed: 34, numRuns: runs });
  });
}

function testHostility({ name, create, records, hostile, runs = 200 }: ReplicatedStateKit): void {
  test(`${name}: damaged, cut, foreign and random bytes change nothing and are passed on to nobody`, () => {
    const state = create();
    state.merge(records);
    const before = contentOf(state);
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: maxRecordBytes + 50 }),
      fc.constantFrom(...records.flatMap((record) => [...damaged(record)])),
      fc.constantFrom(...hostile.length > 0 ? hostile : [new Uint8Array()]),
    );
    const property = fc.property(fc.array(bytes, { maxLength: 8 }), (junk) => {
      assert.deepEqual(state.merge(junk), []);
      assert.deepEqual(contentOf(state), before);
    });
    fc.assert(property, { seed: 35, numRuns: runs });
  });

  test(`${name}: hostile records among good ones take nothing from them`, () => {
    const good = records.filter((record) => !hostile.includes(record));
    const expected = contentOf(deliver(create(), good, [good.map((_, i) => i)]));
    const property = fc.property(
      fc.shuffledSubarray([...records], { minLength: records.length }),
      (mixed) => {
        const state = create();
        for (const record of mixed) state.merge([record, ...damaged(record)]);
        assert.deepEqual(contentOf(state), expected);
      },
    );
    fc.assert(property, { seed: 36, numRuns: Math.ceil(runs / 5) });
  });
}

function testForm({ name, kinds, create, records }: ReplicatedStateKit): void {
  test(`${name}: the records are the same array until something changes, and the digest tells sets apart`, () => {
    const state = create();
    const seen = new Map<string, string>();
    for (const record of records) {
      const before = state.records();
      assert.equal(state.records(), before);
      const isNew = state.merge([record]).length > 0;
      assert.equal(isNew, state.records() !== before, "an array is replaced exactly when something is new");
      const digest = encodeHex(recordsDigest(state.records()));
      const content = contentOf(state).join();
      assert.equal(seen.get(digest) ?? content, content);
      seen.set(digest, content);
    }
    assert.ok(seen.size > 1, "the samples change the state");
  });

  test(`${name}: all that is held is a signed record of its kinds, with bytes that are its own`, () => {
    const state = create();
    const copies = records.map((record) => record.slice());
    state.merge(copies);
    const before = contentOf(state);
    for (const copy of copies) copy.fill(0);
    assert.deepEqual(contentOf(state), before);
    for (const record of state.records()) {
      const kind = claimedKind(record);
      assert.ok(record.length <= maxRecordBytes && isRecordKind(kind));
      if (kinds !== undefined) assert.ok(kinds.includes(kind));
    }
  });
}

/** Groups of indices below `count`, most of them named, some more than once. */
function deliveriesOf(count: number): fc.Arbitrary<Deliveries> {
  const group = fc.array(fc.nat(count - 1), { maxLength: 6 });
  return fc.array(group, { minLength: 1, maxLength: Math.ceil(count / 2) });
}

function deliver(
  state: StateUnderTest,
  pool: readonly Uint8Array[],
  deliveries: Deliveries,
): StateUnderTest {
  for (const group of deliveries) state.merge(group.map((i) => pool[i]!));
  return state;
}

/** The same indices in another order, cut anew, some named twice. */
function regrouped(indices: readonly number[], chance: Iterator<number>): Deliveries {
  const next = (bound: number) => (chance.next().value as number) % bound;
  const shuffled = indices.flatMap((i) => next(4) === 0 ? [i, i] : [i])
    .map((i) => ({ i, at: next(1_000_003) })).sort((a, b) => a.at - b.at).map(({ i }) => i);
  const groups: number[][] = [[]];
  for (const i of shuffled) {
    if (next(3) === 0) groups.push([]);
    groups.at(-1)!.push(i);
  }
  return groups;
}

function contentOf(state: StateUnderTest): readonly string[] {
  return state.records().map(encodeHex).sort();
}

/** A bit flipped at the start, in the middle and at the end, cut short, and lengthened. */
function* damaged(record: Uint8Array): Iterable<Uint8Array> {
  for (const at of [0, record.length >> 1, record.length - 1]) {
    yield record.with(at, record[at]! ^ 1);
  }
  yield record.slice(0, -1);
  yield Uint8Array.from([...record, 0]);
}
