/**
 * Which frames to all have been seen: of each origin the highest number, and which of the 1,024 up to it. As the window
 * against replays of RFC 4303 §3.4.3, but nothing here is authentic except who brought a frame; so a window must also get
 * well again:
 *
 * - It is forgotten when no frame of the origin was new for 30 seconds. A number from the far end, which any member may
 *   invent in another's name, silences the origin no longer than that, and so does a clock that was set back between two
 *   starts of the origin, which begins to count at the time of day.
 * - Where the origin itself brings a frame, its session has said that this is no repetition. So one that is far behind
 *   begins the window anew at once.
 *
 * To refuse numbers far ahead was rejected: every restart is such a jump, and the clocks of others are not known.
 */
import type { Millis, PeerId } from "../contracts/values.ts";

export const windowNumbers = 1024;
/** With more origins than this the one that has been silent for longest is forgotten, and what is late of it comes twice. */
export const mostOrigins = 4096;
/** Longer than a frame can be under way, over all hops and queues. */
export const quietMillis: Millis = 30_000;
/** More than a session lets be late: its window against replays has 8,128 packets, of which a frame is at least one. */
export const farBehind = 8_192;

/** How a frame has come. */
export interface Arrival {
  readonly now: Millis;
  /** By the session with its origin. */
  readonly isDirect: boolean;
}

export class BroadcastWindows {
  /** The origin that was heard last comes last. */
  readonly #windows = new Map<PeerId, Window>();

  get size(): number {
    return this.#windows.size;
  }

  /** Whether {@link accept} would take this number for one that was seen, or is too old; changes nothing. */
  has(origin: PeerId, number: number, now: Millis): boolean {
    return this.#windows.get(origin)?.refuses(number, now) === true;
  }

  /** True once for each number of an origin, from 0 to 2^53 − 1; false for what was seen or is left of the window. */
  accept(origin: PeerId, number: number, arrival: Arrival): boolean {
    const window = this.#windows.get(origin);
    if (window === undefined) {
      this.#windows.set(origin, new Window(number, arrival.now));
      if (this.#windows.size > mostOrigins) this.#windows.delete(this.#windows.keys().next().value!);
      return true;
    }
    if (!window.accept(number, arrival)) return false;
    this.#windows.delete(origin);
    this.#windows.set(origin, window);
    return true;
  }
}

class Window {
  #newest: number;
  #newAt: Millis;
  /** Bit `number % 1024` of each number from `newest − 1023` to `newest` that was seen. */
  readonly #seen = new Uint32Array(windowNumbers / 32);

  constructor(first: number, now: Millis) {
    this.#newest = first;
    this.#newAt = now;
    this.#mark(first);
  }

  accept(number: number, { now, isDirect }: Arrival): boolean {
    const behind = this.#newest - number;
    if (behind >= windowNumbers) {
      if (now - this.#newAt < quietMillis && !(isDirect && behind >= farBehind)) return false;
      this.#seen.fill(0);
      this.#newest = number;
    } else if (behind < 0) {
      this.#advance(number);
    } else if (this.#has(number)) {
      return false;
    }
    this.#newAt = now;
    this.#mark(number);
    return true;
  }

  /** Of a number that others bring. */
  refuses(number: number, now: Millis): boolean {
    const behind = this.#newest - number;
    if (behind >= windowNumbers) return now - this.#newAt < quietMillis;
    return behind >= 0 && this.#has(number);
  }

  /** Whole words where it can: whoever leaps by nearly a window each time makes this node no slower. */
  #advance(number: number): void {
    if (number - this.#newest >= windowNumbers) this.#seen.fill(0);
    else {
      for (let each = this.#newest + 1; each <= number; each++) {
        if (each % 32 === 0 && each + 31 <= number) {
          this.#seen[wordOf(each)] = 0;
          each += 31;
        } else this.#clear(each);
      }
    }
    this.#newest = number;
  }

  #has(number: number): boolean {
    return (this.#seen[wordOf(number)]! >>> (number % 32) & 1) === 1;
  }

  #mark(number: number): void {
    this.#seen[wordOf(number)]! |= 1 << (number % 32);
  }

  #clear(number: number): void {
    this.#seen[wordOf(number)]! &= ~(1 << (number % 32));
  }
}

function wordOf(number: number): number {
  return (number % windowNumbers) >>> 5;
}
