import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { RecordTree } from "./record_tree.ts";

function bytesOf(n: number): Uint8Array {
  return Uint8Array.of(n >> 8, n & 0xff);
}
const all = Array.from({ length: 600 }, (_, n) => bytesOf(n));

function treeOf(records: readonly Uint8Array[]): RecordTree {
  const tree = new RecordTree();
  tree.update(records);
  return tree;
}

test("a tree that was kept up to date is the one that is made anew, in every prefix", () => {
  const numbers = fc.uniqueArray(fc.integer({ min: 0, max: all.length - 1 }), { maxLength: 200 });
  fc.assert(
    fc.property(fc.array(numbers, { minLength: 2, maxLength: 5 }), (editions) => {
      const kept = new RecordTree();
      for (const edition of editions) kept.update(edition.map((n) => all[n]!));
      const last = editions.at(-1)!;
      const anew = treeOf(last.toReversed().map(bytesOf));
      assert.equal(kept.size, last.length);
      for (const prefix of ["", "0", "f", "3c", "a0", "07a", "07a1"]) {
        assert.deepEqual(kept.digest(prefix), anew.digest(prefix), prefix);
        assert.equal(kept.count(prefix), anew.under(prefix).length);
      }
    }),
    { seed: 6, numRuns: 60 },
  );
});

test("one record more or less changes the digest of every prefix of its id, and of no other", () => {
  const [more, less] = [treeOf(all), treeOf(all.slice(1))];
  const id = more.under("").find(({ record }) => record === all[0])!.name;
  for (let length = 0; length <= 8; length++) {
    const prefix = id.slice(0, length);
    assert.notDeepEqual(more.digest(prefix), less.digest(prefix), prefix);
  }
  const others = Array.from({ length: 256 }, (_, n) => n.toString(16).padStart(2, "0"))
    .filter((prefix) => !id.startsWith(prefix));
  assert.deepEqual(others.map((prefix) => more.digest(prefix)), others.map((prefix) => less.digest(prefix)));
});

test("a second copy of a record changes nothing, and goes without taking the first with it", () => {
  const [one, two] = [all[0]!, all[1]!];
  const tree = treeOf([one, one.slice(), two]);
  assert.deepEqual([tree.size, tree.digest("")], [2, treeOf([two, one]).digest("")]);
  tree.update([one]);
  assert.deepEqual([tree.size, tree.has(one), tree.has(two)], [1, true, false]);
});

test("of two copies one may go, and a record may come back in other bytes, wherever they stand", () => {
  const orders = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 12 });
  fc.assert(
    fc.property(fc.array(orders, { minLength: 2, maxLength: 8 }), (editions) => {
      const kept = new RecordTree();
      for (const [i, edition] of editions.entries()) {
        kept.update(edition.map((n, at) => ((at + i) % 3 === 0 ? bytesOf(n) : all[n]!)));
        const ids = kept.under("").map(({ record }) => record[1]);
        assert.deepEqual(ids.toSorted(), [...new Set(edition)].toSorted());
      }
    }),
    { seed: 7, numRuns: 100 },
  );
});
