/** Records that were spread, whom they have reached and when. The first four bytes of a record are its number. */
import type { SimRandom } from "../sim/random.ts";

/** A signed record of a host route or a name is about this long. */
export const recordBytes = 300;

interface Change {
  readonly at: number;
  readonly has: Uint8Array;
  /** Nodes that ran when it was made and have it not. */
  missing: number;
  lastAt: number;
}

export class Changes {
  readonly #nodes: number;
  readonly #random: SimRandom;
  readonly #changes: Change[] = [];
  /** Deliveries of what a node had already: a machine tells each record once. */
  repeated = 0;

  constructor(nodes: number, random: SimRandom) {
    this.#nodes = nodes;
    this.#random = random;
  }

  /** A new record that `origin` is about to spread among `audience` nodes, itself included. */
  make(origin: number, audience: number, at: number): Uint8Array {
    const record = this.#random.fill(new Uint8Array(recordBytes));
    new DataView(record.buffer).setUint32(0, this.#changes.length);
    const has = new Uint8Array(this.#nodes);
    has[origin] = 1;
    this.#changes.push({ at, has, missing: audience - 1, lastAt: at });
    return record;
  }

  reached(node: number, record: Uint8Array, at: number): void {
    const change = this.#changes[new DataView(record.buffer, record.byteOffset).getUint32(0)];
    if (change === undefined) throw new Error(`node ${node} was told a record that nobody made`);
    if (change.has[node] === 1) {
      this.repeated++;
      return;
    }
    change.has[node] = 1;
    change.missing--;
    change.lastAt = at;
  }

  /** Nodes that lack a record, over the records from `first` up to `end`. */
  missing(first = 0, end = Number.POSITIVE_INFINITY): number {
    return this.#changes.slice(first, end).reduce((sum, { missing }) => sum + Math.max(0, missing), 0);
  }

  /** Milliseconds until the last node had it, of those changes that all have. */
  times(first = 0, end = Number.POSITIVE_INFINITY): readonly number[] {
    const complete = this.#changes.slice(first, end).filter(({ missing }) => missing <= 0);
    return complete.map(({ at, lastAt }) => lastAt - at);
  }

  get count(): number {
    return this.#changes.length;
  }
}
