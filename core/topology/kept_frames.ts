/**
 * Frames to all that this node has had lately, so that it can give them to a neighbour who has missed them, with what is
 * known of who has them. Bounded by their number, their bytes and their age: the oldest go first, and what is gone was
 * missed for so long that nobody waits for it.
 */
import type { Millis, PeerId } from "../contracts/values.ts";
import type { FrameId } from "./gossip_message.ts";

export interface KeptFrameLimits {
  readonly frames: number;
  readonly bytes: number;
  readonly age: Millis;
}

/** Five seconds of 200 frames each; of full frames about 700. */
export const keptFrameLimits: KeptFrameLimits = { frames: 1024, bytes: 1 << 20, age: 5_000 };
/** How often one neighbour is given one frame again: once, and once more when that was lost. */
const mostAnswers = 2;

export interface KeptFrame {
  readonly id: FrameId;
  /** As it goes on from here. */
  readonly payload: Uint8Array;
  /** Who has brought it first; undefined for a frame that began here. */
  readonly by: PeerId | undefined;
  readonly until: Millis;
  /** Neighbours that have shown that they have it. */
  readonly holders: Set<PeerId>;
  readonly answers: Map<PeerId, number>;
}

export class KeptFrames {
  readonly #limits: KeptFrameLimits;
  /** The oldest first. */
  readonly #frames = new Map<string, KeptFrame>();
  #bytes = 0;

  constructor(limits: KeptFrameLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#frames.size;
  }

  /** When the oldest goes. */
  get next(): Millis | undefined {
    return this.#frames.values().next().value?.until;
  }

  of(id: FrameId): KeptFrame | undefined {
    return this.#frames.get(keyOf(id));
  }

  /** `payload` is kept as it is: nobody else may write to it. */
  keep(id: FrameId, payload: Uint8Array, by: PeerId | undefined, now: Millis): KeptFrame {
    const holders = new Set(by === undefined ? [] : [by]);
    this.#drop(keyOf(id));
    const until = now + this.#limits.age;
    const kept: KeptFrame = { id, payload, by, until, holders, answers: new Map() };
    this.#frames.set(keyOf(id), kept);
    this.#bytes += payload.length;
    while (this.#frames.size > this.#limits.frames || this.#bytes > this.#limits.bytes) {
      this.#drop(this.#frames.keys().next().value!);
    }
    return kept;
  }

  /** The payload for a neighbour that asks; undefined when it is gone, and when that one has asked often enough. */
  answer(id: FrameId, to: PeerId): Uint8Array | undefined {
    const kept = this.of(id);
    const given = kept?.answers.get(to) ?? 0;
    if (kept === undefined || given >= mostAnswers) return undefined;
    kept.answers.set(to, given + 1);
    return kept.payload;
  }

  expire(now: Millis): void {
    for (const [key, { until }] of this.#frames) {
      if (until > now) return;
      this.#drop(key);
    }
  }

  #drop(key: string): void {
    const kept = this.#frames.get(key);
    if (kept === undefined) return;
    this.#bytes -= kept.payload.length;
    this.#frames.delete(key);
  }
}

/** Of one frame, for maps. */
export function keyOf({ origin, number }: FrameId): string {
  return `${origin}${number}`;
}
