/** What every store must do, whatever is under it. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Lifecycle } from "../../core/contracts/lifecycle.ts";
import { type Store, type StoreChange, storeLimits } from "../../core/contracts/store.ts";
import { test } from "../harness.ts";

/** A place for state that outlives the stores on it. */
export interface StoreBed {
  /** A store on this place, not started. */
  create(): Store & Lifecycle;
  /** Removes the place. */
  remove(): void;
}

export interface StoreKit {
  /** Begins the tests' names. */
  readonly name: string;
  readonly bed: () => StoreBed;
  /** A place with room for about this many bytes. */
  readonly smallBed: (bytes: number) => StoreBed;
}

export function testStore(kit: StoreKit): void {
  testReads(kit);
  testBatches(kit);
  testGroups(kit);
  testIsolation(kit);
  testRestarts(kit);
  testRefusals(kit);
  testModel(kit);
}

function testReads({ name, bed }: StoreKit): void {
  test(`${name}: an absent key reads as undefined, a stored one as its bytes, also when there are none`, () =>
    withStore(bed(), async (store) => {
      assert.equal(store.get("absent"), undefined);
      await store.commit([set("some", 1, 2, 3), set("none")]);
      assert.deepEqual(store.get("some"), Uint8Array.of(1, 2, 3));
      assert.deepEqual(store.get("none"), new Uint8Array(0));
    }));

  test(`${name}: reads and commits copy, so changing a buffer changes no state`, () =>
    withStore(bed(), async (store) => {
      const given = Uint8Array.of(7);
      const done = store.commit([{ key: "key", value: given }]);
      given[0] = 8;
      await done;
      store.get("key")![0] = 9;
      for (const [, value] of store.entries("key")) value[0] = 10;
      assert.deepEqual(store.get("key"), Uint8Array.of(7));
    }));

  test(`${name}: entries come in order of key, those with the prefix only`, () =>
    withStore(bed(), async (store) => {
      await store.commit([
        set("b/2", 2),
        set("b/10", 10),
        set("a/1", 1),
        set("b", 0),
        set("b0", 3),
        set("ü/1", 4),
        set("\u{1f9f5}", 5),
        set("\uff5e", 6),
      ]);
      assert.deepEqual(keysOf(store, "b/"), ["b/10", "b/2"]);
      assert.deepEqual(keysOf(store, ""), ["a/1", "b", "b/10", "b/2", "b0", "ü/1", "\u{1f9f5}", "\uff5e"]);
      assert.deepEqual(keysOf(store, "\u{1f9f5}"), ["\u{1f9f5}"]);
      assert.deepEqual(keysOf(store, "c"), []);
    }));

  test(`${name}: an iteration shows the state of its beginning`, () =>
    withStore(bed(), async (store) => {
      await store.commit([set("a", 1), set("b", 2)]);
      const entries = store.entries("");
      await store.commit([{ key: "a", value: undefined }, set("b", 3), set("c", 4)]);
      assert.deepEqual([...entries], [["a", Uint8Array.of(1)], ["b", Uint8Array.of(2)]]);
    }));
}

function testBatches({ name, bed }: StoreKit): void {
  test(`${name}: a batch is seen only once it is durable`, () =>
    withStore(bed(), async (store) => {
      const done = store.commit([set("key", 1)]);
      assert.equal(store.get("key"), undefined);
      await done;
      assert.deepEqual(store.get("key"), Uint8Array.of(1));
    }));

  test(`${name}: batches apply in the order of the calls, changes in the order of the batch`, () =>
    withStore(bed(), async (store) => {
      const order: number[] = [];
      const commits = [1, 2, 3].map((number) =>
        store.commit([set("key", number), set(`only/${number}`, number)]).then(() => order.push(number))
      );
      await Promise.all(commits);
      assert.deepEqual(order, [1, 2, 3]);
      assert.deepEqual(store.get("key"), Uint8Array.of(3));
      await store.commit([set("key", 4), { key: "key", value: undefined }, set("key", 5)]);
      assert.deepEqual(store.get("key"), Uint8Array.of(5));
      assert.deepEqual(keysOf(store, "only/"), ["only/1", "only/2", "only/3"]);
    }));

  test(`${name}: removing works, also of what is absent, and an empty batch resolves`, () =>
    withStore(bed(), async (store) => {
      await store.commit([set("key", 1)]);
      await store.commit([{ key: "key", value: undefined }, { key: "absent", value: undefined }]);
      await store.commit([]);
      assert.deepEqual(keysOf(store, ""), []);
    }));
}

function testGroups({ name, bed }: StoreKit): void {
  test(`${name}: what is acknowledged can be read in the continuation, and nothing that was called later`, () =>
    withStore(bed(), async (store) => {
      const calls = Array.from({ length: 600 }, (_, i) => i);
      const seen: number[] = [];
      await Promise.all(calls.map(async (number) => {
        const value = Uint8Array.of(number >> 8, number);
        await store.commit([{ key: "last", value }, { key: `each/${number}`, value }]);
        assert.deepEqual(store.get(`each/${number}`), value);
        const [high = 0, low = 0] = store.get("last")!;
        assert.ok((high << 8 | low) >= number);
        seen.push(number);
      }));
      assert.deepEqual(seen, calls);
      assert.equal(keysOf(store, "each/").length, calls.length);
    }));

  test(`${name}: commits that are called while others wait are acknowledged after them`, () =>
    withStore(bed(), async (store) => {
      const order: string[] = [];
      const first = store.commit([set("a", 1)]).then(() => order.push("first"));
      const second = store.commit([]).then(() => order.push("empty"));
      await Promise.resolve();
      const third = store.commit([set("b", 1)]).then(() => order.push("later"));
      await Promise.all([first, second, third]);
      assert.deepEqual(order, ["first", "empty", "later"]);
    }));

  test(`${name}: many keys and large values are kept, sorted and readable again`, async () => {
    const place = bed();
    const many = Array.from({ length: 5000 }, (_, i) => set(`many/${i}`, i & 0xff, i >> 8));
    const large = new Uint8Array(8 << 20).map((_, i) => i * 7 + (i >> 12));
    try {
      await onStore(place, async (store) => {
        await Promise.all([store.commit(many), store.commit([{ key: "large", value: large }])]);
      });
      await onStore(place, (store) => {
        assert.deepEqual(keysOf(store, "many/"), many.map(({ key }) => key).sort());
        assert.deepEqual(store.get("large"), large);
      });
    } finally {
      place.remove();
    }
  });

  test(`${name}: more than may wait is refused at once, and what was waiting is kept`, () =>
    withStore(bed(), async (store) => {
      const count = storeLimits.queueBatches + 50;
      const outcomes = await Promise.allSettled(
        Array.from({ length: count }, (_, i) => store.commit([set(`key/${i % 100}`, i & 0xff)])),
      );
      const refused = outcomes.filter((outcome) => outcome.status === "rejected");
      assert.ok(refused.length > 0 && refused.length <= 50);
      for (const { reason } of refused) {
        assert.deepEqual([reason.code, reason.details.reason], ["STATE_UNWRITABLE", "queue-full"]);
      }
      await store.commit([set("after", 1)]);
      assert.equal(keysOf(store, "").length, 101);
    }));
}

function testIsolation({ name, bed, smallBed }: StoreKit): void {
  test(`${name}: a batch that does not fit takes none of those with it that were called around it`, () =>
    withStore(smallBed(200_000), async (store) => {
      const batches = Array.from({ length: 40 }, (_, i) => [set(`small/${i}`, i)]);
      const tooMuch = [set("beside", 1), { key: "large", value: new Uint8Array(400_000) }];
      for (const at of [3, 17, 18, 41]) batches.splice(at, 0, tooMuch);
      const settled: number[] = [];
      const outcomes = await Promise.allSettled(
        batches.map((batch, i) => store.commit(batch).finally(() => settled.push(i))),
      );
      outcomes.forEach((outcome, i) => {
        assert.equal(outcome.status, batches[i] === tooMuch ? "rejected" : "fulfilled", `batch ${i}`);
        if (outcome.status === "rejected") assert.equal(outcome.reason.code, "DISK_FULL");
      });
      assert.deepEqual(settled, batches.map((_, i) => i));
      assert.deepEqual(keysOf(store, ""), Array.from({ length: 40 }, (_, i) => `small/${i}`).sort());
    }));

  test(`${name}: a batch beyond the limit is refused, one at the limit is not`, () =>
    withStore(bed(), async (store) => {
      const value = new Uint8Array(storeLimits.batchBytes - "key".length);
      await store.commit([{ key: "key", value }]);
      const more = { key: "keys", value };
      await assert.rejects(store.commit([set("beside", 1), more]), { code: "INVALID_ARGUMENT" });
      assert.deepEqual(keysOf(store, ""), ["key"]);
    }));
}

function testRestarts({ name, bed }: StoreKit): void {
  test(`${name}: what was committed is there after a restart, a megabyte too`, async () => {
    const place = bed();
    try {
      const large = new Uint8Array(1 << 20).map((_, i) => i * 31);
      await onStore(place, async (store) => {
        await store.commit([{ key: "large", value: large }, set("gone", 1), set("kept", 2)]);
        await store.commit([{ key: "gone", value: undefined }]);
      });
      await onStore(place, (store) => {
        assert.deepEqual(keysOf(store, ""), ["kept", "large"]);
        assert.deepEqual(store.get("large"), large);
      });
    } finally {
      place.remove();
    }
  });

  test(`${name}: a commit that was called before the end is durable`, async () => {
    const place = bed();
    try {
      let pending: Promise<void> | undefined;
      await onStore(place, (store) => {
        pending = store.commit([set("last", 1)]);
      });
      await pending;
      await onStore(place, (store) => assert.deepEqual(store.get("last"), Uint8Array.of(1)));
    } finally {
      place.remove();
    }
  });
}

function testRefusals({ name, bed, smallBed }: StoreKit): void {
  test(`${name}: a key that is empty, too long or not plain text is refused, and the batch with it`, () =>
    withStore(bed(), async (store) => {
      for (const key of ["", "x".repeat(513), "nul\0", "line\n", "half\ud800"]) {
        await assert.rejects(store.commit([set("good", 1), set(key, 1)]), { code: "INVALID_ARGUMENT" });
      }
      assert.deepEqual(keysOf(store, ""), []);
      await store.commit([set("x".repeat(512), 1), set("ring/10.32.0.1 😀", 2)]);
      assert.equal(keysOf(store, "").length, 2);
    }));

  test(`${name}: a value that is no bytes is refused alone, and none of those that wait with it`, () =>
    withStore(bed(), async (store) => {
      const wrong = [null, 0, "", "text", 7, [1], new ArrayBuffer(1)] as unknown[] as Uint8Array[];
      const outcomes = await Promise.allSettled(
        wrong.flatMap((value, i) => [
          store.commit([set(`beside/${i}`, 1), { key: "wrong", value }]),
          store.commit([set(`good/${i}`, 1)]),
        ]),
      );
      outcomes.forEach((outcome, i) => {
        assert.equal(outcome.status, i % 2 === 0 ? "rejected" : "fulfilled", `batch ${i}`);
        if (outcome.status === "rejected") assert.equal(outcome.reason.code, "INVALID_ARGUMENT");
      });
      assert.deepEqual(keysOf(store, ""), wrong.map((_, i) => `good/${i}`));
    }));

  test(`${name}: a full disk rejects the whole batch, keeps what was there and recovers`, () =>
    withStore(smallBed(200_000), async (store) => {
      await store.commit([set("before", 1)]);
      const tooMuch = { key: "large", value: new Uint8Array(400_000) };
      await assert.rejects(store.commit([set("before", 2), set("beside", 3), tooMuch]), {
        code: "DISK_FULL",
      });
      assert.deepEqual([...store.entries("")], [["before", Uint8Array.of(1)]]);
      await store.commit([set("after", 4)]);
      assert.deepEqual(keysOf(store, ""), ["after", "before"]);
    }));

  test(`${name}: after its end a commit is rejected, and ending twice is as good as once`, async () => {
    const place = bed();
    const store = place.create();
    try {
      await store.start?.(new AbortController().signal);
      await store[Symbol.asyncDispose]?.();
      await store[Symbol.asyncDispose]?.();
      await assert.rejects(store.commit([set("late", 1)]), { code: "NOT_RUNNING" });
      await assert.rejects(store.commit([]), { code: "NOT_RUNNING" });
    } finally {
      place.remove();
    }
  });

  test(`${name}: a store that never started can be disposed`, async () => {
    const place = bed();
    await place.create()[Symbol.asyncDispose]?.();
    place.remove();
  });
}

/** The last entry of a batch that is to be refused: more than there is room for. */
const misfit: StoreChange = { key: "misfit", value: new Uint8Array(400_000) };

type Step = { readonly restart: true } | { readonly batches: readonly (readonly StoreChange[])[] };

function testModel({ name, smallBed }: StoreKit): void {
  const key = fc.constantFrom("a", "a/1", "a/2", "b", "b/1");
  const change = fc.record({
    key,
    value: fc.option(fc.uint8Array({ maxLength: 4 }), { nil: undefined }),
  });
  const batch = fc.array(change, { maxLength: 4 });
  const batches = fc.array(
    fc.oneof(
      { weight: 8, arbitrary: batch },
      { weight: 1, arbitrary: batch.map((changes) => [...changes, misfit]) },
    ),
    { maxLength: 6 },
  );
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 5, arbitrary: batches.map((list) => ({ batches: list })) },
    { weight: 1, arbitrary: fc.constant({ restart: true as const }) },
  );

  test(`${name}: any batches, some too large, and restarts leave what a plain map would hold`, () =>
    fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), (steps) => follow(smallBed(200_000), steps)),
      { seed: 20_261_122, numRuns: 30 },
    ));
}

async function follow(place: StoreBed, steps: readonly Step[]): Promise<void> {
  const model = new Map<string, Uint8Array>();
  let store = await started(place);
  try {
    for (const step of steps) {
      if ("restart" in step) {
        await store[Symbol.asyncDispose]?.();
        store = await started(place);
      } else {
        const outcomes = await Promise.allSettled(step.batches.map((batch) => store.commit(batch)));
        const fitting = step.batches.filter((batch) => !batch.includes(misfit));
        assert.deepEqual(
          outcomes.map(({ status }) => status === "fulfilled"),
          step.batches.map((batch) => fitting.includes(batch)),
        );
        for (const { key, value } of fitting.flat()) {
          if (value === undefined) model.delete(key);
          else model.set(key, value);
        }
      }
      for (const prefix of ["", "a", "a/", "b/"]) {
        const expected = [...model].filter(([key]) => key.startsWith(prefix)).sort(([a], [b]) =>
          a < b ? -1 : 1
        );
        assert.deepEqual([...store.entries(prefix)], expected);
      }
    }
  } finally {
    await store[Symbol.asyncDispose]?.();
    place.remove();
  }
}

async function withStore(place: StoreBed, body: (store: Store) => Promise<void>): Promise<void> {
  try {
    await onStore(place, body);
  } finally {
    place.remove();
  }
}

/** Runs `body` on a started store and disposes it. */
async function onStore(place: StoreBed, body: (store: Store) => Promise<void> | void): Promise<void> {
  const store = await started(place);
  try {
    await body(store);
  } finally {
    await store[Symbol.asyncDispose]?.();
  }
}

async function started(place: StoreBed): Promise<Store & Lifecycle> {
  const store = place.create();
  await store.start?.(new AbortController().signal);
  return store;
}

function set(key: string, ...bytes: number[]): StoreChange {
  return { key, value: Uint8Array.from(bytes) };
}

function keysOf(store: Store, prefix: string): string[] {
  return [...store.entries(prefix)].map(([key]) => key);
}
