/**
 * When to try again: 250 ms, 500 ms, 1, 2, 5 s after the first five attempts, then every 5 s with jitter, for ever.
 * WireGuard waits 5 s from the start; a lost datagram then delays a mesh by as much. Five attempts are a round, at the
 * end of which a failure is reported once.
 *
 * Waits of the first round are up to a quarter shorter, at random. All who lost the same peer call it at one moment; were
 * they to come again at one moment as well, those behind the first few would find its receive buffer full every time.
 * Shorter and not longer: a later attempt is what a mesh waits for.
 */
import type { Random } from "../../core/contracts/host.ts";
import type { Millis } from "../../core/contracts/values.ts";
import { readU16 } from "../../core/wire/field.ts";
import { limits, retryMillis } from "./constants.ts";

export class RetrySchedule {
  readonly #random: Random;
  readonly #perWait: number;
  #attempts = 0;
  #at: Millis;

  /** The first attempt is due at `at`. `perWait` attempts in a row share a wait: one for each place to try. */
  constructor(random: Random, at: Millis, perWait = 1) {
    this.#random = random;
    this.#perWait = perWait;
    this.#at = at;
  }

  /** When the next attempt is due. */
  get at(): Millis {
    return this.#at;
  }

  /** Attempts made. */
  get attempts(): number {
    return this.#attempts;
  }

  /** Full rounds made. */
  get rounds(): number {
    return Math.floor(this.#attempts / limits.attemptsPerRound);
  }

  /** True when the last attempt was the last of its round: asked when the next one is due. */
  get endsRound(): boolean {
    return this.#attempts > 0 && this.#attempts % limits.attemptsPerRound === 0;
  }

  /** An attempt is being made. */
  attempted(now: Millis): void {
    const waits = Math.floor(this.#attempts / this.#perWait);
    this.#attempts += 1;
    const wait = retryMillis[Math.min(waits, retryMillis.length - 1)]!;
    this.#at = now + wait +
      (waits < retryMillis.length ? -this.#upTo(wait * limits.hasteShare) : this.#upTo(limits.jitterMillis));
  }

  /** The next attempt is due no earlier than that. */
  notBefore(at: Millis): void {
    this.#at = Math.max(this.#at, at);
  }

  /** And no later. */
  notAfter(at: Millis): void {
    this.#at = Math.min(this.#at, at);
  }

  /** From the start again, as if nothing had been tried. */
  restart(at: Millis): void {
    this.#attempts = 0;
    this.#at = at;
  }

  /** Whole milliseconds, `most` at most. */
  #upTo(most: Millis): Millis {
    return readU16(this.#random.fill(new Uint8Array(2)), 0) % (Math.floor(most) + 1);
  }
}
