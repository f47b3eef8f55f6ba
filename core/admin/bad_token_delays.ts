/**
 * What a wrong token costs. A token of 256 bits cannot be guessed at any speed; the delay keeps a mistaken script from
 * spinning, and makes whoever tries visible. A right token is never looked at here, so nobody can lock its owner out.
 */
import type { Clock } from "../contracts/host.ts";
import type { Millis } from "../contracts/values.ts";

/** Refusals that cost nothing; one is given back every twelve seconds. */
export const freeRefusals = 5;
const leakMillis = 60_000 / freeRefusals;
/** Every further one waits a second longer than the last, up to this. */
export const longestDelayMillis = 30_000;
/** Answers held back at a time. Each is a connection that is kept. */
export const mostDelayed = 16;
/** Sources remembered; the one that was quiet for longest is forgotten first. */
const mostSources = 256;

interface Source {
  level: number;
  at: Millis;
}

export class BadTokenDelays {
  readonly #clock: Clock;
  /** Oldest first. */
  readonly #sources = new Map<string, Source>();
  #delayed = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Resolves when the refusal may be sent, or `signal` aborts: true. False at once when too many wait already; seconds
   * to come back after are {@link secondsFor}.
   */
  async wait(source: string, signal: AbortSignal): Promise<boolean> {
    const delay = this.#charge(source);
    if (delay === 0) return true;
    if (this.#delayed >= mostDelayed) return false;
    this.#delayed++;
    await this.#sleep(delay, signal);
    this.#delayed--;
    return true;
  }

  /** How long the last refusal of this source was to wait, in whole seconds. */
  secondsFor(source: string): number {
    const { level } = this.#sources.get(source) ?? { level: 0 };
    return Math.max(1, Math.ceil(delayOf(level) / 1000));
  }

  get size(): number {
    return this.#sources.size;
  }

  #charge(source: string): Millis {
    const now = this.#clock.now();
    const known = this.#sources.get(source) ?? { level: 0, at: now };
    const level = Math.max(0, known.level - (now - known.at) / leakMillis) + 1;
    const capped = Math.min(level, freeRefusals + longestDelayMillis / 1000);
    this.#sources.delete(source);
    this.#sources.set(source, { level: capped, at: now });
    if (this.#sources.size > mostSources) this.#sources.delete(this.#sources.keys().next().value!);
    return delayOf(capped);
  }

  #sleep(delay: Millis, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        timer.cancel();
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = this.#clock.timer(this.#clock.now() + delay, done);
      signal.addEventListener("abort", done, { once: true });
      if (signal.aborted) done();
    });
  }
}

function delayOf(level: number): Millis {
  return Math.min(Math.max(0, Math.ceil(level) - freeRefusals) * 1000, longestDelayMillis);
}
