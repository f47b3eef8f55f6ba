import type { Clock, Timer } from "../contracts/host.ts";
import type { Millis } from "../contracts/values.ts";

/** The longest delay that `setTimeout` takes: one more, and both runtimes fire at once instead (signed 32 bits). */
const longestDelay = 2 ** 31 - 1;

/**
 * Real time. `now()` counts from the start of the process with fractions of a millisecond.
 *
 * Timers keep the process alive. They are not `unref`ed, because a node that still has something to do must not end
 * for want of traffic, and because a forgotten timer should show as a process that does not end, not pass unseen.
 */
export function systemClock(): Clock {
  return {
    now: () => performance.now(),
    wall: () => Date.now(),
    timer: (at, run) => new SystemTimer(at, run),
  };
}

class SystemTimer implements Timer {
  readonly #at: Millis;
  readonly #run: () => void;
  #handle: ReturnType<typeof setTimeout> | undefined;

  constructor(at: Millis, run: () => void) {
    this.#at = at;
    this.#run = run;
    this.#arm();
  }

  cancel(): void {
    clearTimeout(this.#handle);
  }

  #arm(): void {
    const left = Math.ceil(this.#at - performance.now());
    this.#handle = setTimeout(() => this.#fire(), Math.min(Math.max(left, 0), longestDelay));
  }

  /** Delays are cut to {@link longestDelay}, and Node may be up to a millisecond early: both only go round again. */
  #fire(): void {
    if (performance.now() < this.#at) return this.#arm();
    this.#run();
  }
}
