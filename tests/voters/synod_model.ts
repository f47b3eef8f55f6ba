/**
 * All runs of one slot within bounds, over the code that voters run (`core/voters/synod.ts`).
 *
 * Whoever acts has read, of each other voter, any register that it ever wrote, or none: also an older one than the last
 * time. That is loss, delay, reordering, duplication, and any number of crashes, in which a voter keeps its own register
 * and nothing else. A crash before or after the writing of a register needs no step of its own: a register that was
 * written and shown to nobody is one that nobody has read.
 *
 * A voter may be broken on purpose, to see that the model finds it: one that forgets what it wrote, or that reckons with
 * fewer voters than there are.
 */
import assert from "node:assert/strict";
import { answer, begin, type Council, type Register } from "../../core/voters/synod.ts";
import { majorityOf } from "../../core/voters/voter_list.ts";

export interface SynodBounds {
  readonly voters: number;
  /** How many ballots each may begin, by place; who may begin any wants a value of its own. */
  readonly ballots: readonly number[];
  /** Times that the disk of the last voter goes back to nothing; it knows, and behaves as in doubt. */
  readonly restores?: number;
  /** At every step a voter may find any one of the values unfit, and the next time fit again. */
  readonly isFickle?: boolean;
  /** Where the search gives up. */
  readonly maxStates: number;
}

export interface SynodFlaws {
  /** Crashes of the first voter that take its register as well. */
  readonly forgets?: number;
  /** A voter that has lost its disk votes as if nothing had been. */
  readonly restoresAtOnce?: boolean;
  /** What the first voter takes for the number of voters. */
  readonly understated?: number;
}

export interface SynodResult {
  readonly states: number;
  /** Values that were decided in some run. */
  readonly decided: ReadonlySet<number>;
  /** The steps of a run in which two values were decided. */
  readonly violation: readonly string[] | undefined;
  readonly isComplete: boolean;
}

/** Registers are numbers: promised in the 6 low bits, ballot of the vote in 6, value in the rest. */
interface State {
  readonly disks: readonly number[];
  /** All that each voter ever wrote, in rising order. */
  readonly written: readonly (readonly number[])[];
  readonly begun: readonly number[];
  readonly lost: number;
  readonly step: string;
}

const registers = new Map<number, Register<number>>();
const indices = new Map<number, number>();

/** Depth first: the way to a violation is the stack. */
export function exploreSynod(bounds: SynodBounds, flaws: SynodFlaws = {}): SynodResult {
  const first = beginning(bounds.voters);
  const seen = new Set([keyOf(first)]);
  const decided = new Set<number>();
  const path = [{ state: first, next: successors(first, bounds, flaws)[Symbol.iterator]() }];
  for (let top = path.at(-1); top !== undefined && seen.size < bounds.maxStates; top = path.at(-1)) {
    const { value: state, done } = top.next.next();
    if (done) {
      path.pop();
      continue;
    }
    const key = keyOf(state);
    if (seen.has(key)) continue;
    seen.add(key);
    path.push({ state, next: successors(state, bounds, flaws)[Symbol.iterator]() });
    const values = decisionsOf(state, flaws);
    for (const value of values) decided.add(value);
    if (values.size < 2) continue;
    return { states: seen.size, decided, violation: path.map(({ state }) => state.step), isComplete: false };
  }
  return { states: seen.size, decided, violation: undefined, isComplete: path.length === 0 };
}

function beginning(voters: number): State {
  const none = Array.from({ length: voters }, () => 0);
  return { disks: none, written: none.map(() => []), begun: none, lost: 0, step: "start" };
}

function* successors(state: State, bounds: SynodBounds, flaws: SynodFlaws): Iterable<State> {
  for (let at = 0; at < bounds.voters; at++) yield* spoken(state, at, bounds, flaws);
  if (state.lost < (bounds.restores ?? 0)) yield losing(state, bounds.voters - 1);
  if (state.lost < (flaws.forgets ?? 0)) yield losing(state, 0);
}

/** Answers to all that may have been read, and ballots begun after it. */
function* spoken(state: State, at: number, bounds: SynodBounds, flaws: SynodFlaws): Iterable<State> {
  const isInDoubt = state.lost > 0 && at === bounds.voters - 1 && bounds.restores !== undefined &&
    flaws.restoresAtOnce !== true;
  if (isInDoubt && bounds.voters % 2 === 1) return;
  const ballots = bounds.ballots[at] ?? 0;
  const wish = ballots > 0 ? at + 1 : undefined;
  const mayBegin = !isInDoubt && state.begun[at]! < ballots;
  const begun = state.begun.with(at, state.begun[at]! + 1);
  const size = at === 0 ? flaws.understated ?? bounds.voters : bounds.voters;
  for (const words of readings(state, at)) {
    const council = councilOf(words, at, size);
    for (const unfit of bounds.isFickle === true ? [0, ...bounds.ballots.keys().map((i) => i + 1)] : [0]) {
      const isFit = (value: number) => value !== unfit;
      const answered = answer(council, { wish, isFit, mayPropose: !isInDoubt });
      if (answered !== undefined) yield write(state, at, answered);
    }
    if (mayBegin) yield { ...write(state, at, begin(council)!), begun };
  }
}

/** Every choice of one written register of each other voter, or none; the voter's own is the one on its disk. */
function* readings(state: State, at: number): Iterable<readonly number[]> {
  const choices = state.written.map((words, place) => place === at ? [state.disks[at]!] : [0, ...words]);
  const count = choices.reduce((product, words) => product * words.length, 1);
  for (let number = 0; number < count; number++) {
    let rest = number;
    yield choices.map((words) => {
      const word = words[rest % words.length]!;
      rest = Math.floor(rest / words.length);
      return word;
    });
  }
}

function councilOf(words: readonly number[], self: number, size: number): Council<number> {
  const known = words.map((word, place) => [place, decode(word)] as const);
  return { self, size, registers: new Map(known.filter(([, { promised }]) => promised > 0)) };
}

function write(state: State, at: number, register: Register<number>): State {
  const word = encode(register);
  const words = state.written[at]!;
  const written = words.includes(word)
    ? state.written
    : state.written.with(at, [...words, word].sort((left, right) => left - right));
  return { ...state, disks: state.disks.with(at, word), written, step: `${at}: ${text(word)}` };
}

function losing(state: State, at: number): State {
  return { ...state, disks: state.disks.with(at, 0), lost: state.lost + 1, step: `${at} loses its register` };
}

/** Values for which somebody could read the votes of what it takes for a majority. */
function decisionsOf({ written }: State, { understated }: SynodFlaws): ReadonlySet<number> {
  const votes = new Map<number, Set<number>>();
  for (const [at, words] of written.entries()) {
    for (const word of words) {
      const vote = word >> 6;
      if (vote !== 0) votes.set(vote, (votes.get(vote) ?? new Set()).add(at));
    }
  }
  const values = new Set<number>();
  for (const [vote, by] of votes) {
    const isMistaken = understated !== undefined && by.has(0) && by.size >= majorityOf(understated);
    if (isMistaken || by.size >= majorityOf(written.length)) values.add(vote >> 6);
  }
  return values;
}

function encode({ promised, cast }: Register<number>): number {
  assert.ok(promised < 64, "the bounds allow for more rounds than a register has room for");
  return promised | (cast === undefined ? 0 : cast.ballot << 6 | cast.value << 12);
}

function decode(word: number): Register<number> {
  let register = registers.get(word);
  if (register === undefined) {
    const ballot = (word >> 6) & 63;
    register = { promised: word & 63, cast: ballot === 0 ? undefined : { ballot, value: word >> 12 } };
    registers.set(word, register);
  }
  return register;
}

function text(word: number): string {
  const { promised, cast } = decode(word);
  return cast === undefined
    ? `promises ${promised}`
    : `promises ${promised}, voted ${cast.value} in ${cast.ballot}`;
}

/** One byte a word, so that many fit: registers by the order in which they were first seen. */
function keyOf({ disks, begun, lost, written }: State): string {
  const numbers = [...begun, lost, ...disks.map(indexOf)];
  for (const words of written) {
    numbers.push(255);
    for (const word of words) numbers.push(indexOf(word));
  }
  return String.fromCharCode(...numbers);
}

function indexOf(word: number): number {
  const known = indices.get(word);
  if (known !== undefined) return known;
  indices.set(word, indices.size);
  return indices.size - 1;
}
