import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import { isMeshError } from "../contracts/errors.ts";
import { decodeCbor, encodeCbor } from "../wire/cbor.ts";
import { parseEndpoint } from "../wire/endpoint.ts";
import { FakeStore, foundedState, newState } from "./node_fixture.ts";
import { encodeNetwork, readName, readNetwork, readSequence, storeKeys } from "./state_records.ts";

const key = { epoch: 2, secret: new Uint8Array(32).fill(5), exclusions: new Uint8Array(16).fill(6) };
const whole = { v: 1, f: Uint8Array.of(1), k: [[1, key.secret]], p: null };

function storeOf(value: Uint8Array, at: string = storeKeys.network): FakeStore {
  const store = new FakeStore();
  store.content.set(at, value);
  return store;
}

test("a network comes back from the store as it went in", () => {
  for (const passwordKey of [undefined, new Uint8Array(32).fill(8)]) {
    const stored = {
      founding: Uint8Array.of(1, 2, 3),
      keys: [key, { ...key, epoch: 1, exclusions: undefined }],
      passwordKey,
    };
    assert.deepEqual(readNetwork(storeOf(encodeNetwork(stored))), stored);
  }
  assert.equal(readNetwork(new FakeStore()), undefined);
});

test("fields that a newer version stored beside ours are there after a key is learned, and in the next announcement", async () => {
  const clock = new SimClock();
  const { state, store } = await foundedState(clock, "founder");
  await state.announce([], []);
  const later = { region: "eu", deep: [Uint8Array.of(1)] };
  for (const key of [storeKeys.network, storeKeys.sequence, storeKeys.identity, storeKeys.name]) {
    store.content.set(key, encodeCbor({ ...decodeCbor(store.content.get(key)!) as object, later }));
  }
  const again = newState(clock, "founder", store).state;
  again.learnKey({ epoch: 2, secret: new Uint8Array(32).fill(9) });
  await again.announce([parseEndpoint("192.0.2.7:1")!], []);
  await again.exclude([]);
  await again.keepIdentity();
  await clock.advance(0);
  for (const key of [storeKeys.network, storeKeys.sequence, storeKeys.identity, storeKeys.name]) {
    assert.deepEqual((decodeCbor(store.content.get(key)!) as { later: unknown }).later, later, key);
  }
  assert.equal(readNetwork(store)!.keys.length, 3);
});

test("a newer form is told apart from a damaged one", () => {
  assert.throws(() => readNetwork(storeOf(encodeCbor({ v: 2, anything: 1 }))), {
    code: "UNSUPPORTED",
    message: /newer version/,
  });
  const damaged: unknown[] = [
    null,
    [],
    "text",
    7,
    {},
    { ...whole, v: 0 },
    { ...whole, v: "1" },
    { ...whole, f: "founding" },
    { ...whole, k: [] },
    { ...whole, k: 1 },
    { ...whole, k: [[1]] },
    { ...whole, k: [[0, key.secret]] },
    { ...whole, k: [[1.5, key.secret]] },
    { ...whole, k: [[1, new Uint8Array(31)]] },
  ];
  for (const value of damaged) {
    assert.throws(() => readNetwork(storeOf(encodeCbor(value))), { code: "STATE_CORRUPT" }, String(value));
  }
});

test("whatever bytes the store holds, reading them gives a network or one of two errors", () => {
  const anyBytes = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.tuple(fc.nat(200), fc.nat(255)).map(([at, byte]) => {
      const bytes = encodeNetwork({ founding: Uint8Array.of(1), keys: [key], passwordKey: undefined });
      bytes[at % bytes.length] = byte;
      return bytes;
    }),
  );
  const read = (bytes: Uint8Array) => {
    try {
      return readNetwork(storeOf(bytes)) === undefined ? "absent" : "read";
    } catch (error) {
      assert.ok(isMeshError(error), String(error));
      return error.code;
    }
  };
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      assert.ok(["read", "STATE_CORRUPT", "UNSUPPORTED"].includes(read(bytes)));
    }),
    { seed: 5, numRuns: 3000 },
  );
});

test("the number of announcements is a whole number or damaged", () => {
  const sequence = (q: unknown) => readSequence(storeOf(encodeCbor({ v: 1, q }), storeKeys.sequence));
  assert.equal(readSequence(new FakeStore()), 0);
  assert.equal(sequence(17), 17);
  assert.equal(sequence(BigInt(Number.MAX_SAFE_INTEGER)), Number.MAX_SAFE_INTEGER);
  for (const q of ["17", -1, 1.5, null, 2n ** 60n]) {
    assert.throws(() => sequence(q), { code: "STATE_CORRUPT" }, String(q));
  }
});

test("the name is text or damaged", () => {
  const name = (n: unknown) => readName(storeOf(encodeCbor({ v: 1, n }), storeKeys.name));
  assert.equal(readName(new FakeStore()), undefined);
  assert.equal(name("web-1"), "web-1");
  for (const n of [7, null, undefined]) assert.throws(() => name(n), { code: "STATE_CORRUPT" });
});

test("a node does not start on a state of which any part is damaged", async () => {
  const clock = new SimClock();
  const { store } = await foundedState(clock, "founder");
  const broken = (key: string, value: Uint8Array) => {
    const copy = new FakeStore();
    for (const [each, bytes] of store.content) copy.content.set(each, bytes);
    copy.content.set(key, value);
    return () => newState(clock, "founder", copy);
  };
  assert.equal(newState(clock, "other", store).state.self.name, "founder", "undamaged it starts");
  for (const key of [storeKeys.identity, storeKeys.name, storeKeys.network, storeKeys.sequence]) {
    assert.throws(broken(key, Uint8Array.of(0xff)), { code: "STATE_CORRUPT" }, key);
  }
  const founding = { founding: new Uint8Array(100), keys: [key], passwordKey: undefined };
  assert.throws(broken(storeKeys.network, encodeNetwork(founding)), { code: "STATE_CORRUPT" });
});
