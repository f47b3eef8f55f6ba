/**
 * A set of numbers as the runs it is made of: neighbours share one entry. Addresses are given from below, so a set of
 * thousands is one run or a few, and what follows a run is found without walking through it.
 */
import type { Span } from "./span.ts";

export class Runs {
  /** Ascending, disjoint, and never touching: each as long as it can be. */
  #runs: Span[] = [];

  add(value: bigint): void {
    const at = this.#firstEndingAtOrAfter(value);
    const run = this.#runs[at];
    if (run !== undefined && run.start <= value && value < run.end) return;
    const left = run?.end === value ? run : undefined;
    const next = this.#runs[left === undefined ? at : at + 1];
    const right = next?.start === value + 1n ? next : undefined;
    const merged = { start: left?.start ?? value, end: right?.end ?? value + 1n };
    this.#runs.splice(at, Number(left !== undefined) + Number(right !== undefined), merged);
  }

  delete(value: bigint): void {
    const at = this.#firstEndingAtOrAfter(value + 1n);
    const run = this.#runs[at];
    if (run === undefined || value < run.start) return;
    const rest = [{ start: run.start, end: value }, { start: value + 1n, end: run.end }];
    this.#runs.splice(at, 1, ...rest.filter(({ start, end }) => start < end));
  }

  /** The lowest number from `value` on that is not in the set. */
  firstOutside(value: bigint): bigint {
    const run = this.#runs[this.#firstEndingAtOrAfter(value + 1n)];
    return run !== undefined && run.start <= value ? run.end : value;
  }

  /** Ascending; not to be kept over a change. */
  spans(): readonly Span[] {
    return this.#runs;
  }

  #firstEndingAtOrAfter(value: bigint): number {
    let [low, high] = [0, this.#runs.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#runs[middle]!.end < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
