/**
 * Group commit: what waits together is written together, in bounded portions, and what cannot be written is told
 * from its company. Knows no files.
 */
import { errorCode } from "../../core/contracts/errors.ts";
import type { StoreChange } from "../../core/contracts/store.ts";
import { requireRoom } from "../../core/runtime/store_image.ts";

export interface Batch {
  readonly changes: readonly StoreChange[];
  /** As `storeLimits` counts. */
  readonly size: number;
  settle(error?: unknown): void;
}

/** Of one write: it holds up the packets of a rootless node for as long as it takes. */
export interface GroupLimits {
  readonly batches: number;
  /** Reached, not kept: one batch goes alone, however large. */
  readonly bytes: number;
}

export const groupLimits: GroupLimits = { batches: 256, bytes: 1024 * 1024 };

export class CommitQueue {
  readonly #limits: GroupLimits;
  #waiting: Batch[] = [];
  #bytes = 0;

  constructor(limits: GroupLimits = groupLimits) {
    this.#limits = limits;
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** Throws `STATE_UNWRITABLE` when too much is waiting. */
  push(batch: Batch): void {
    requireRoom({ batches: this.#waiting.length, bytes: this.#bytes }, batch.size);
    this.#waiting.push(batch);
    this.#bytes += batch.size;
  }

  /** The oldest, as many as one write may hold; at least one if any waits. */
  take(): readonly Batch[] {
    let count = 0;
    let bytes = 0;
    for (const { size } of this.#waiting) {
      if (count > 0 && (count >= this.#limits.batches || bytes + size > this.#limits.bytes)) break;
      count++;
      bytes += size;
    }
    this.#bytes -= bytes;
    return this.#waiting.splice(0, count);
  }
}

/**
 * Writes a group, and settles its batches in order. A group that does not fit on the disk is halved until the batch that
 * is to blame stands alone: every other one is written, and k of n that do not fit cost about 2k log n writes, not n.
 * Anything else that fails would fail for each of them.
 */
export function writeGroup(
  batches: readonly Batch[],
  write: (changes: readonly StoreChange[]) => void,
): void {
  if (batches.length === 0) return;
  try {
    write(batches.flatMap(({ changes }) => changes));
  } catch (error) {
    if (batches.length === 1 || errorCode(error) !== "DISK_FULL") {
      for (const batch of batches) batch.settle(error);
      return;
    }
    const half = batches.length >> 1;
    writeGroup(batches.slice(0, half), write);
    writeGroup(batches.slice(half), write);
    return;
  }
  for (const batch of batches) batch.settle();
}
