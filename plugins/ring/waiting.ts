/** Callers who wait until something about a part of the address space has changed. */
import type { Prefix } from "../../core/contracts/values.ts";
import { formatPrefix } from "../../core/wire/prefix.ts";

export class Waiting {
  readonly #waiters = new Set<Waiter>();

  /** What is waited for, each prefix once. */
  prefixes(): readonly Prefix[] {
    return [...new Map([...this.#waiters].map(({ within }) => [formatPrefix(within), within])).values()];
  }

  /** One caller's place; it is to be disposed. */
  join(within: Prefix, leave: () => void): Waiter {
    const waiter = new Waiter(within, () => {
      this.#waiters.delete(waiter);
      leave();
    });
    this.#waiters.add(waiter);
    return waiter;
  }

  wakeAll(): void {
    for (const waiter of this.#waiters) waiter.wake();
  }

  /** Ends the waiting for exactly this prefix. */
  fail(within: Prefix, error: Error): void {
    const text = formatPrefix(within);
    for (const waiter of this.#waiters) {
      if (formatPrefix(waiter.within) === text) waiter.fail(error);
    }
  }

  failAll(error: Error): void {
    for (const waiter of this.#waiters) waiter.fail(error);
  }
}

export class Waiter implements Disposable {
  readonly within: Prefix;
  readonly #leave: () => void;
  #next = Promise.withResolvers<void>();

  constructor(within: Prefix, leave: () => void) {
    this.within = within;
    this.#leave = leave;
    this.#silence();
  }

  /** Resolves at the next {@link wake} since the last call, rejects after {@link fail} or with what the signal says. */
  async next(signal: AbortSignal, toError: (reason: unknown) => Error): Promise<void> {
    const { promise, reject } = this.#next;
    const abort = () => reject(toError(signal.reason));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", abort);
    }
    this.#next = Promise.withResolvers();
    this.#silence();
  }

  wake(): void {
    this.#next.resolve();
  }

  fail(error: Error): void {
    this.#next.reject(error);
  }

  [Symbol.dispose](): void {
    this.#leave();
  }

  /** A failure that comes while nobody awaits it is reported at the next await, not to the whole process. */
  #silence(): void {
    this.#next.promise.catch(() => {});
  }
}
