/**
 * A set of cells in which every two values of different dimensions meet at least once. What goes wrong in such a table
 * mostly takes two of its values, seldom three; all cells of the transfers would take days.
 */

/** Names of dimensions and the values that each can take. */
export type Dimensions = Readonly<Record<string, readonly unknown[]>>;

/** One value of each dimension. */
export type CellOf<D extends Dimensions> = { readonly [K in keyof D]: D[K][number] };

/**
 * Whether a cell can be. It is asked of cells in the making too, which lack dimensions: it must be true unless the values
 * that are there exclude each other.
 */
export type Allowed<D extends Dimensions> = (cell: Partial<CellOf<D>>) => boolean;

/** A value by its place: number of the dimension, number of the value in it. */
type Row = (number | undefined)[];

/**
 * A greedy cover (after AETG): a new cell starts from a pair that is still to be seen, and each further dimension takes the
 * value that meets most new partners. One such cell is made for every order of dimensions that is a rotation, and the best
 * is kept. The same dimensions give the same cells. Throws RangeError when a constraint leaves a dimension without a
 * value.
 */
export function coveringCells<const D extends Dimensions>(
  dimensions: D,
  allowed: Allowed<D> = () => true,
): CellOf<D>[] {
  const cover = new Cover(dimensions, allowed as Allowed<Dimensions>);
  const cells: CellOf<D>[] = [];
  for (let row = cover.next(); row !== undefined; row = cover.next()) {
    cells.push(cover.cellOf(row) as CellOf<D>);
  }
  return cells;
}

class Cover {
  readonly #names: readonly string[];
  readonly #values: readonly (readonly unknown[])[];
  readonly #allowed: Allowed<Dimensions>;
  /** Pairs of places, as {@link pairName}. */
  readonly #open = new Set<string>();
  #made = 0;

  constructor(dimensions: Dimensions, allowed: Allowed<Dimensions>) {
    this.#names = Object.keys(dimensions);
    this.#values = Object.values(dimensions);
    this.#allowed = allowed;
    this.#values.forEach((lefts, left) => {
      for (let right = left + 1; right < this.#values.length; right++) {
        for (let i = 0; i < lefts.length; i++) {
          for (let j = 0; j < this.#values[right]!.length; j++) this.#openPair([left, i], [right, j]);
        }
      }
    });
  }

  /** The next cell, whose pairs are seen from then on; undefined when all are. */
  next(): Row | undefined {
    const [first] = this.#open;
    if (first === undefined) return undefined;
    const rows = this.#names.map((_, turn) => this.#rowFrom(first, turn));
    const best = rows.reduce((best, row) => this.#gain(row) > this.#gain(best) ? row : best);
    for (const pair of pairsOf(best)) this.#open.delete(pair);
    this.#made++;
    return best;
  }

  cellOf(row: Row): Partial<CellOf<Dimensions>> {
    const entries = this.#names.map((name, at) => [name, at, row[at]] as const);
    return Object.fromEntries(
      entries.filter(([, , value]) => value !== undefined)
        .map(([name, at, value]) => [name, this.#values[at]![value!]]),
    );
  }

  #openPair([left, i]: readonly [number, number], [right, j]: readonly [number, number]): void {
    const row: Row = [];
    row[left] = i;
    row[right] = j;
    if (this.#allowed(this.cellOf(row))) this.#open.add(pairName([left, i], [right, j]));
  }

  #rowFrom(pair: string, turn: number): Row {
    const row: Row = [];
    for (const place of pair.split(" ")) {
      const [at, value] = place.split(":").map(Number);
      row[at!] = value!;
    }
    for (let i = 0; i < this.#names.length; i++) {
      const at = (i + turn) % this.#names.length;
      row[at] ??= this.#bestValue(row, at);
    }
    return row;
  }

  #bestValue(row: Row, at: number): number {
    const { length } = this.#values[at]!;
    let best: { readonly value: number; readonly gain: number } | undefined;
    for (let i = 0; i < length; i++) {
      // Of equals another one each time, so that no value has all the cells where it does not matter.
      const value = (i + this.#made) % length;
      const wider: Row = [...row];
      wider[at] = value;
      if (!this.#allowed(this.cellOf(wider))) continue;
      const gain = this.#gain(wider);
      if (best === undefined || gain > best.gain) best = { value, gain };
    }
    if (best === undefined) throw new RangeError(`No value of ${this.#names[at]} is allowed in this cell`);
    return best.value;
  }

  #gain(row: Row): number {
    return pairsOf(row).filter((pair) => this.#open.has(pair)).length;
  }
}

function pairName(left: readonly [number, number], right: readonly [number, number]): string {
  return `${left.join(":")} ${right.join(":")}`;
}

function pairsOf(row: Row): string[] {
  const pairs: string[] = [];
  for (let left = 0; left < row.length; left++) {
    if (row[left] === undefined) continue;
    for (let right = left + 1; right < row.length; right++) {
      if (row[right] !== undefined) pairs.push(pairName([left, row[left]!], [right, row[right]!]));
    }
  }
  return pairs;
}
