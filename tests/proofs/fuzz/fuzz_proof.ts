/** Fuzzing as a proof: what is common to all of them. */
import type { Figures, Proof } from "../proof.ts";
import { fuzzChunk } from "./fuzz.ts";
import type { FuzzTarget } from "./target.ts";

export interface FuzzProof {
  readonly name: string;
  readonly what: string;
  readonly ciFloor: number;
  readonly ciBudgetSeconds: number;
  /** 20,000 if absent: about a second of a fast decoder. */
  readonly chunkSize?: number;
  /** The targets do not tell which inputs they took for valid. */
  readonly isSilent?: boolean;
  targets(): Promise<readonly FuzzTarget[]>;
}

/** Live memory after a chunk: what decoders keep of a million inputs would show here. */
const mostHeapMib = 256;

export function fuzzProof({ targets, chunkSize = 20_000, isSilent = false, ...facts }: FuzzProof): Proof {
  return {
    ...facts,
    unit: "inputs",
    chunkSize,
    ciFloorSecond: facts.ciFloor / 10,
    fullGoal: facts.ciFloor * 10,
    async load() {
      const loaded = await targets();
      return (chunk) => fuzzChunk(loaded, chunk);
    },
    judge: (figures) => heapFault(figures) ?? (isSilent ? undefined : seedFault(figures)),
  };
}

function heapFault({ peaks = {} }: Figures): string | undefined {
  const heap = peaks["heap MiB"] ?? 0;
  if (heap <= mostHeapMib) return undefined;
  return `${heap} MiB stayed in use, ${mostHeapMib} are allowed: something is kept of inputs`;
}

function seedFault({ sums = {} }: Figures): string | undefined {
  if (sums["accepted"] !== 0) return undefined;
  return "no input got past the first check: the seeds are no valid inputs any more";
}
