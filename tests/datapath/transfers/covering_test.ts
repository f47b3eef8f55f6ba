import assert from "node:assert/strict";
import { test } from "../../harness.ts";
import { allCells, canBe, type Cell, cellName, fullBytes, quickCells, transferDimensions } from "./cells.ts";
import { coveringCells, type Dimensions } from "./covering.ts";

/** Every pair of values that may be together, the obvious way: by trying all whole cells. */
function pairsOf(cells: readonly Readonly<Record<string, unknown>>[]): Set<string> {
  const pairs = cells.flatMap((cell) =>
    Object.entries(cell).flatMap(([left, i]) =>
      Object.entries(cell).filter(([right]) => right > left).map(([right, j]) => `${left}=${i} ${right}=${j}`)
    )
  );
  return new Set(pairs);
}

function wholeTable(dimensions: Dimensions): Record<string, unknown>[] {
  let cells: Record<string, unknown>[] = [{}];
  for (const [name, values] of Object.entries(dimensions)) {
    cells = cells.flatMap((cell) => values.map((value) => ({ ...cell, [name]: value })));
  }
  return cells;
}

test("every two values that can meet in a transfer meet in one of the cells, and no cell is impossible", () => {
  const possible = wholeTable(transferDimensions).filter((cell) => canBe(cell));
  const pairs = pairsOf(allCells);
  assert.deepEqual(pairs, pairsOf(possible));
  assert.ok(allCells.every(canBe));
  assert.equal(new Set(allCells.map(cellName)).size, allCells.length);
});

test("the cells are few: the two largest dimensions have sixteen pairs, and a half more is enough", () => {
  assert.ok(allCells.length >= 16 && allCells.length <= 24, `${allCells.length}`);
});

test("a cover of other tables is whole too, with and without a constraint, and the same each time", () => {
  const table = { a: [0, 1, 2], b: ["x"], c: [true, false], d: [0, 1, 2, 3, 4], e: ["p", "q", "r"] } as const;
  const allowed = ({ a, d, e }: { a?: number; d?: number; e?: string }) =>
    !(a === 2 && (d ?? 0) > 2) && !(e === "r" && d === 0);
  for (const constraint of [() => true, allowed]) {
    const cells = coveringCells(table, constraint);
    assert.deepEqual(pairsOf(cells), pairsOf(wholeTable(table).filter(constraint)));
    assert.deepEqual(coveringCells(table, constraint), cells);
    assert.ok(cells.length < 24, `${cells.length}`);
  }
  assert.deepEqual(coveringCells({ a: [1, 2] }), []);
});

test("a constraint that leaves a dimension without a value is an error", () => {
  const table = { a: [0, 1], b: [0, 1], c: [0, 1] } as const;
  const impossible = ({ a, b, c }: { a?: number; b?: number; c?: number }) =>
    a === undefined || b === undefined || c === undefined;
  assert.throws(() => coveringCells(table, impossible), RangeError);
});

test("the less is lost the more is carried: 1 GiB, 256 MiB, 32 MiB, 32 MiB", () => {
  const [any] = allCells;
  const mib = transferDimensions.lossPerMille.map((lossPerMille) =>
    fullBytes({ ...any!, lossPerMille }) / 2 ** 20
  );
  assert.deepEqual(mib, [1024, 256, 32, 32]);
});

test("every run of the suite has all kinds of traffic, both families, both sizes, and all ways of calling the system", () => {
  const seen = (key: keyof Cell) => [...new Set(quickCells.map(({ cell }) => cell[key]))].sort();
  assert.deepEqual(seen("traffic"), ["tcp1", "tcp16", "udp"]);
  assert.deepEqual([seen("inner"), seen("outer")], [[4, 6], [4, 6]]);
  assert.deepEqual(seen("size"), ["jumbo", "small"]);
  assert.deepEqual(seen("nodes"), ["deno", "koffi", "node:ffi"]);
  assert.deepEqual(seen("path"), ["fast", "main"]);
});
