/**
 * The network between the machines. A mesh of 10,000 has 10^8 links, so what a link does follows from its two ends: the
 * distance from a hash of the pair, loss from the settings of all and of each end, bursts from a memory that only links
 * in use have. Faults are data and may change at any moment.
 */
import type { Burst } from "../sim/link.ts";
import type { SimRandom } from "../sim/random.ts";

export interface UnderlayFaults {
  /** Of every datagram, 0 to 1. */
  loss: number;
  /** Runs of loss beside it, each link by itself. */
  burst: Burst | undefined;
  /** Arrives twice; the receiver's counter refuses the copy, so it costs bytes and nothing else. */
  duplicate: number;
  /** Held back by up to {@link reorderMillis}. */
  reorder: number;
  /** One way, by the distance of the two ends. */
  nearest: number;
  farthest: number;
  /** Up to this much more, evenly spread. */
  jitter: number;
}

export const calmUnderlay: UnderlayFaults = {
  loss: 0,
  burst: undefined,
  duplicate: 0,
  reorder: 0,
  nearest: 1,
  farthest: 40,
  jitter: 5,
};

const reorderMillis = 200;
/** More nodes than a pair's number has room for would be two links that share a memory. */
const pairBase = 65_536;

/** Nothing passes from a node of the one set to a node of the other. */
export interface Cut {
  /** One byte for each node; 1 for those in the set. */
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

export class Underlay {
  readonly faults: UnderlayFaults;
  /** Loss of all that a node sends, and of all that it gets, beside the loss of the links. */
  readonly lossOut: Float64Array;
  readonly lossIn: Float64Array;
  readonly #random: SimRandom;
  readonly #cuts = new Set<Cut>();
  readonly #badLinks = new Set<number>();

  constructor(nodes: number, random: SimRandom, faults: Partial<UnderlayFaults>) {
    this.faults = { ...calmUnderlay, ...faults };
    this.#random = random;
    this.lossOut = new Float64Array(nodes);
    this.lossIn = new Float64Array(nodes);
  }

  cut(cut: Cut): void {
    this.#cuts.add(cut);
  }

  mend(cut: Cut): void {
    this.#cuts.delete(cut);
  }

  /** Draws as often whatever the faults are, so that a fault more leaves the rest of a run as alike as can be. */
  passes(from: number, to: number): boolean {
    const { loss, burst } = this.faults;
    const [draw, move, lossInBurst] = [this.#random.float(), this.#random.float(), this.#random.float()];
    for (const cut of this.#cuts) if (cut.from[from] === 1 && cut.to[to] === 1) return false;
    const kept = (1 - loss) * (1 - this.lossOut[from]!) * (1 - this.lossIn[to]!);
    const isBad = burst !== undefined && this.#moved(from * pairBase + to, burst, move);
    return draw < kept && !(isBad && lossInBurst < burst.loss);
  }

  isDuplicated(): boolean {
    return this.#random.chance(this.faults.duplicate);
  }

  /** Milliseconds until a datagram arrives. */
  transit(from: number, to: number): number {
    const { nearest, farthest, jitter, reorder } = this.faults;
    const [wobble, held] = [this.#random.float(), this.#random.float()];
    const late = held < reorder ? (held / reorder) * reorderMillis : 0;
    return nearest + distance(from, to) * (farthest - nearest) + wobble * jitter + late;
  }

  #moved(pair: number, { enter, leave }: Burst, move: number): boolean {
    const wasBad = this.#badLinks.has(pair);
    const isBad = wasBad ? move >= leave : move < enter;
    if (isBad && !wasBad) this.#badLinks.add(pair);
    if (!isBad && wasBad) this.#badLinks.delete(pair);
    return isBad;
  }
}

/** 0 to 1, the same both ways and in every run. */
function distance(from: number, to: number): number {
  const [low, high] = from < to ? [from, to] : [to, from];
  let mixed = Math.imul(low * pairBase + high ^ 0x5bd1e995, 0x9e3779b1);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b);
  return ((mixed ^ (mixed >>> 13)) >>> 0) / 2 ** 32;
}

/** A set of nodes for a {@link Cut}. */
export function nodeSet(size: number, isIn: (node: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: size }, (_, node) => isIn(node) ? 1 : 0);
}
