import { limits } from "./constants.ts";

/**
 * Frames that wait for a connection to take them. It is bounded, and over the bound the oldest go: what has waited longest is
 * least worth, and whoever sends slows down by what is lost, not by what comes late.
 */
export class DatagramQueue {
  #frames: Uint8Array[] = [];
  #first = 0;
  #weight = 0;

  /** What the frames that wait count as. */
  get weight(): number {
    return this.#weight;
  }

  /** How many had to go for it. */
  push(frame: Uint8Array): number {
    this.#frames.push(frame);
    this.#weight += weightOf(frame);
    let dropped = 0;
    for (; this.#weight > limits.datagramQueue; dropped++) this.shift();
    return dropped;
  }

  shift(): Uint8Array | undefined {
    const frame = this.#frames[this.#first];
    if (frame === undefined) return undefined;
    this.#weight -= weightOf(frame);
    this.#first++;
    if (this.#first * 2 > this.#frames.length) {
      this.#frames.splice(0, this.#first);
      this.#first = 0;
    }
    return frame;
  }
}

function weightOf(frame: Uint8Array): number {
  return Math.max(limits.datagramLeast, frame.length);
}
