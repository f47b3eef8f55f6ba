/**
 * Makes inputs out of valid ones: most faults of decoders sit one lie behind a valid header, where random bytes never
 * come. What a mutator does follows from its random generator alone.
 */
import type { SimRandom } from "../../sim/random.ts";

/** An input in the making: `length` bytes at the start of `bytes`. */
interface Draft {
  readonly bytes: Uint8Array;
  length: number;
}

type Mutation = (draft: Draft, random: SimRandom) => void;

const edges8 = [0, 1, 2, 0x10, 0x18, 0x1f, 0x20, 0x40, 0x7f, 0x80, 0xfe, 0xff];
const edges16 = [0, 1, 7, 8, 0x7f, 0x80, 0xff, 0x100, 0x3ff, 0x400, 0x7fff, 0x8000, 0xfffe, 0xffff];
const edges32 = [0, 1, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff];
/** Longest run of bytes that one mutation puts in, takes out or copies. */
const longestRun = 32;
const mostMutations = 5;
/** One input in so many is random from start to end. */
const randomInputs = 64;

export class Mutator {
  readonly #random: SimRandom;
  readonly #seeds: readonly Uint8Array[];
  readonly #words: readonly Uint8Array[];
  readonly #mutations: readonly Mutation[];
  /** Inputs that were valid, to mutate further; the oldest gives way. */
  readonly #pool: Uint8Array[] = [];
  #poolAt = 0;

  constructor(random: SimRandom, seeds: readonly Uint8Array[], words: readonly Uint8Array[]) {
    this.#random = random;
    this.#seeds = seeds;
    this.#words = words;
    this.#mutations = [
      ...simple,
      ...(seeds.length > 0 ? [this.#splice, this.#graft] : []),
      ...(words.length > 0 ? [this.#putWord, this.#overwriteWithWord] : []),
    ];
  }

  /** Writes an input into `into`, at most all of it, and returns its length. */
  make(into: Uint8Array): number {
    const random = this.#random;
    const draft: Draft = { bytes: into, length: 0 };
    if (this.#seeds.length === 0 || random.below(randomInputs) === 0) {
      draft.length = random.below(Math.min(into.length, 256) + 1);
      for (let i = 0; i < draft.length; i++) into[i] = random.next() >>> 24;
    } else {
      const base = this.#pick();
      draft.length = Math.min(base.length, into.length);
      into.set(base.length > into.length ? base.subarray(0, into.length) : base);
    }
    for (let left = 1 + random.below(mostMutations); left > 0; left--) {
      this.#mutations[random.below(this.#mutations.length)]!(draft, random);
    }
    return draft.length;
  }

  /** Keeps a copy of an input that was valid. */
  keep(input: Uint8Array): void {
    this.#pool[this.#poolAt] = new Uint8Array(input);
    this.#poolAt = (this.#poolAt + 1) % poolSize;
  }

  /** Mostly a seed: what evolved drifts away from what peers really send. */
  #pick(): Uint8Array {
    const fromPool = this.#pool.length > 0 && this.#random.below(4) === 0;
    return this.#random.pick(fromPool ? this.#pool : this.#seeds);
  }

  /** The head of this input with the tail of another one. */
  readonly #splice: Mutation = (draft, random) => {
    const other = this.#pick();
    const at = random.below(draft.length + 1);
    const from = random.below(other.length + 1);
    draft.length = at + put(draft, at, other.subarray(from));
  };

  /** A run of another input over this one. */
  readonly #graft: Mutation = (draft, random) => {
    const other = this.#pick();
    const from = random.below(other.length + 1);
    put(draft, random.below(draft.length + 1), other.subarray(from, from + 1 + random.below(longestRun)));
  };

  readonly #putWord: Mutation = (draft, random) => {
    insert(draft, random.below(draft.length + 1), random.pick(this.#words));
  };

  readonly #overwriteWithWord: Mutation = (draft, random) => {
    put(draft, random.below(draft.length + 1), random.pick(this.#words));
  };
}

const poolSize = 64;

/** Overwrites from `at`, lengthening the draft if there is room; how many bytes fitted. */
function put(draft: Draft, at: number, source: Uint8Array): number {
  const fitting = Math.min(source.length, draft.bytes.length - at);
  draft.bytes.set(fitting === source.length ? source : source.subarray(0, fitting), at);
  draft.length = Math.max(draft.length, at + fitting);
  return fitting;
}

function insert(draft: Draft, at: number, source: Uint8Array): void {
  if (draft.length + source.length > draft.bytes.length) return;
  draft.bytes.copyWithin(at + source.length, at, draft.length);
  draft.bytes.set(source, at);
  draft.length += source.length;
}

function remove(draft: Draft, at: number, count: number): void {
  draft.bytes.copyWithin(at, at + count, draft.length);
  draft.length -= count;
}

/** Half of the changes hit the first 48 bytes, where headers are. */
function place(draft: Draft, random: SimRandom, size: number): number {
  const limit = draft.length - size + 1;
  return limit <= 0 ? -1 : random.below(random.below(2) === 0 ? Math.min(limit, 48) : limit);
}

function writeWide(draft: Draft, random: SimRandom, value: number, size: 2 | 4): void {
  const at = place(draft, random, size);
  if (at < 0) return;
  for (let i = 0; i < size; i++) draft.bytes[at + i] = value >>> (8 * (size - 1 - i));
}

const simple: readonly Mutation[] = [
  function flipBit(draft, random) {
    const at = place(draft, random, 1);
    if (at >= 0) draft.bytes[at]! ^= 1 << random.below(8);
  },
  function anyByte(draft, random) {
    const at = place(draft, random, 1);
    if (at >= 0) draft.bytes[at] = random.next() >>> 24;
  },
  function edgeByte(draft, random) {
    const at = place(draft, random, 1);
    if (at >= 0) draft.bytes[at] = random.pick(edges8);
  },
  function nearByte(draft, random) {
    const at = place(draft, random, 1);
    if (at >= 0) draft.bytes[at]! += random.below(2) === 0 ? 1 + random.below(4) : -1 - random.below(4);
  },
  (draft, random) => writeWide(draft, random, random.pick(edges16), 2),
  (draft, random) => writeWide(draft, random, random.pick(edges32), 4),
  /** A number that is about the bytes left after it, or all there are: what a length field would say. */
  function lieAboutLength(draft, random) {
    const size = random.below(2) === 0 ? 1 : 2;
    const at = place(draft, random, size);
    if (at < 0) return;
    const truth = random.below(2) === 0 ? draft.length : draft.length - at - size;
    const lie = Math.max(0, truth + random.below(5) - 2);
    if (size === 1) draft.bytes[at] = lie;
    else {
      draft.bytes[at] = lie >>> 8;
      draft.bytes[at + 1] = lie;
    }
  },
  function insertBytes(draft, random) {
    const count = 1 + random.below(longestRun);
    const at = random.below(draft.length + 1);
    if (draft.length + count > draft.bytes.length) return;
    draft.bytes.copyWithin(at + count, at, draft.length);
    const fill = random.next();
    for (let i = 0; i < count; i++) {
      draft.bytes[at + i] = (fill & 1) === 0 ? fill >>> 24 : random.next() >>> 24;
    }
    draft.length += count;
  },
  function removeBytes(draft, random) {
    const at = place(draft, random, 1);
    if (at >= 0) remove(draft, at, Math.min(draft.length - at, 1 + random.below(longestRun)));
  },
  function repeatBytes(draft, random) {
    const at = place(draft, random, 1);
    if (at < 0) return;
    const run = draft.bytes.slice(at, Math.min(draft.length, at + 1 + random.below(longestRun)));
    for (let left = 1 + random.below(3); left > 0; left--) insert(draft, at, run);
  },
  function moveBytes(draft, random) {
    const from = place(draft, random, 1);
    if (from < 0) return;
    const run = draft.bytes.slice(from, Math.min(draft.length, from + 1 + random.below(longestRun)));
    put(draft, random.below(draft.length), run);
  },
  function cut(draft, random) {
    draft.length = random.below(draft.length + 1);
  },
];
