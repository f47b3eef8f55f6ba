/**
 * A proof: a check that is run as often as there is time for. CI runs each up to a floor; whoever wants the full figure
 * starts it by hand and may stop and go on. Work is cut into chunks, and a chunk is a function of the seed and its
 * number alone: a run can be resumed on another machine, and a fault is found again without what ran before it.
 */
export interface Proof {
  /** What `npm run prove -- <name>` takes. */
  readonly name: string;
  /** What is proved, in words for the table of tests/README.md. */
  readonly what: string;
  /** What is counted: "inputs", "runs". */
  readonly unit: string;
  /** Units that one chunk runs; floors and goals are multiples of it. */
  readonly chunkSize: number;
  /** Units that CI must reach on Node, the first runtime; 0: not a part of CI. */
  readonly ciFloor: number;
  /** Units that CI must reach on Deno, the second runtime: a tenth or more; 0: it runs on one runtime only. */
  readonly ciFloorSecond: number;
  /** Seconds that it may take in CI; the second runtime has a third of them. All budgets together fit the share of CI. */
  readonly ciBudgetSeconds: number;
  /** Units of the full figure. */
  readonly fullGoal: number;
  /** Nothing else runs beside it: it measures what a busy neighbour would spoil, or takes both cores itself. */
  readonly alone?: boolean;
  /** Loads what is under test. Late, so that a listing loads nothing. */
  load(): Promise<RunChunk>;
  /** What all chunks together have to show, beyond that none of them failed; the fault in words. */
  judge?(figures: Figures): string | undefined;
}

export interface Chunk {
  readonly seed: number;
  /** From 0. */
  readonly index: number;
  /** Units to run: the proof's {@link Proof.chunkSize}. */
  readonly count: number;
}

/** Runs one chunk; throws what it found, a {@link Fault} where an input can be named. */
export type RunChunk = (chunk: Chunk) => Figures | Promise<Figures>;

/** What was seen on the way. */
export interface Figures {
  /** Added up over chunks. */
  readonly sums?: Readonly<Record<string, number>>;
  /** The highest of all chunks. */
  readonly peaks?: Readonly<Record<string, number>>;
  /** Lines for the report, such as mutants that survived. */
  readonly notes?: readonly string[];
}

/** A chunk found what must not be. */
export class Fault extends Error {
  override readonly name = "Fault";
  readonly target: string;
  /** The message without the target's name. */
  readonly what: string;
  /** Runs it again without the chunk. */
  readonly input: Uint8Array;

  constructor(target: string, input: Uint8Array, message: string, cause?: unknown) {
    super(`${target}: ${message}`, cause === undefined ? undefined : { cause });
    this.target = target;
    this.what = message;
    this.input = input;
  }
}

export function addFigures(left: Figures, right: Figures): Figures {
  return {
    sums: combine(left.sums, right.sums, (a, b) => a + b),
    peaks: combine(left.peaks, right.peaks, Math.max),
    notes: [...left.notes ?? [], ...right.notes ?? []],
  };
}

function combine(
  left: Readonly<Record<string, number>> = {},
  right: Readonly<Record<string, number>> = {},
  join: (a: number, b: number) => number,
): Record<string, number> {
  const joined = { ...left };
  for (const [key, value] of Object.entries(right)) {
    joined[key] = joined[key] === undefined ? value : join(joined[key], value);
  }
  return joined;
}
