import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { seededRandom } from "../identity/fake_members.ts";
import { networkKeyOf } from "../identity/network_key.ts";
import { type EpochKey, KeyRing } from "./key_ring.ts";

function key(epoch: number, fill: number): EpochKey {
  return { epoch, secret: new Uint8Array(32).fill(fill) };
}

function epochs(ring: KeyRing): readonly string[] {
  return ring.entries().map(({ epoch, secret }) => `${epoch}:${secret[0]}`);
}

test("the newest epoch comes first, four are kept, and an older one is never the newest", () => {
  const ring = new KeyRing([]);
  assert.equal(ring.newest(), undefined);
  assert.equal(ring.add(key(2, 9)), true);
  assert.equal(ring.add(key(1, 8)), false, "it is kept for those who were away, and is not the newest");
  assert.equal(ring.add(key(5, 1)), true);
  assert.deepEqual(epochs(ring), ["5:1", "2:9", "1:8"]);
  ring.add(key(3, 3));
  assert.equal(ring.add(key(1, 7)), false);
  assert.deepEqual(epochs(ring), ["5:1", "3:3", "2:9", "1:8"]);
  assert.deepEqual(ring.newest(), { ...key(5, 1), exclusions: undefined });
  const exclusions = new Uint8Array(16);
  assert.equal(ring.add({ ...key(5, 1), exclusions }), false);
  assert.deepEqual(ring.newest(), { ...key(5, 1), exclusions }, "told later what it was made for");
  assert.deepEqual(ring.keys()[0], networkKeyOf(key(5, 1).secret));
});

test("a key that is held already changes nothing", () => {
  const ring = new KeyRing([key(1, 1)]);
  assert.equal(ring.add(key(1, 1)), false);
  assert.deepEqual(epochs(ring), ["1:1"]);
});

test("of two keys of one epoch all nodes take the same one, in whatever order they hear of them", () => {
  const anyKeys = fc.array(fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 3 })), {
    minLength: 1,
    maxLength: 8,
  });
  fc.assert(
    fc.property(anyKeys, fc.infiniteStream(fc.nat()), (pairs, chance) => {
      const keys = pairs.map(([epoch, fill]) => key(epoch, fill));
      const shuffled = keys.map((each) => [chance.next().value!, each] as const)
        .sort(([a], [b]) => a - b).map(([, each]) => each);
      const [one, other] = [new KeyRing(keys), new KeyRing([...shuffled, ...keys])];
      assert.deepEqual(epochs(one), epochs(other));
      assert.ok(one.entries().length <= 4);
    }),
    { seed: 1, numRuns: 300 },
  );
});

test("a fresh key is of the next epoch and in use at once", () => {
  const ring = new KeyRing([]);
  const random = seededRandom("keys");
  const exclusions = new Uint8Array(16);
  assert.equal(ring.rotate(random, exclusions).epoch, 1);
  const second = ring.rotate(random, exclusions);
  assert.deepEqual(ring.newest(), second);
  assert.deepEqual(ring.entries().map(({ epoch }) => epoch), [2, 1]);
});
