/**
 * The number of changes of the policy so far, in memory that all threads see. The main thread raises it before it judges
 * by the new policy; whoever keeps verdicts looks at it for every packet, which costs a load. To tell it through the ring
 * of commands was rejected: what is told there is read between packets, after those that had been read before it.
 */

/** Modulo 2^32: equal or not is all that anybody asks. */
export class PolicyEpoch {
  readonly #word: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#word = new Int32Array(memory);
  }

  get now(): number {
    return Atomics.load(this.#word, 0);
  }

  /** Main: from here on no verdict of before counts. */
  advance(): void {
    Atomics.add(this.#word, 0, 1);
  }
}

export function policyEpochMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(4);
}
