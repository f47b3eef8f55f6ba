/**
 * A bare address that `connect` was given: asked who is there until somebody answers, and again when that peer is lost,
 * for somebody else may live there by then.
 *
 *     asking ──answer──> found ──its peer cannot be reached──> asking
 */
import { Drop } from "../../core/contracts/drop.ts";
import type { NetworkKey } from "../../core/contracts/membership.ts";
import type { Endpoint, Millis } from "../../core/contracts/values.ts";
import { equalBytes } from "../../core/wire/bytes.ts";
import { formatEndpoint } from "../../core/wire/endpoint.ts";
import { writeU32 } from "../../core/wire/field.ts";
import type { Timed } from "./deadlines.ts";
import type { Local } from "./local.ts";
import { RetrySchedule } from "./retry_schedule.ts";
import { askWhoIs, openIAm } from "./who_is.ts";
import { type IAm, nonceLength } from "./wire.ts";

/** The rest of a nonce counts the attempts: a question that is not new would be taken for a copy and not answered. */
const askLength = nonceLength - 4;

export class Ask implements Timed {
  readonly endpoint: Endpoint;
  /** The peer has been named in an output. */
  isTold = false;
  readonly #local: Local;
  readonly #retry: RetrySchedule;
  /** Beginning of the nonces of all attempts. */
  #asking: Uint8Array;
  #networkKey: NetworkKey | undefined;
  #found: Uint8Array | undefined;

  constructor(local: Local, endpoint: Endpoint, now: Millis) {
    this.#local = local;
    this.endpoint = endpoint;
    this.#retry = new RetrySchedule(local.random, now);
    this.#asking = local.random.fill(new Uint8Array(askLength));
  }

  /** Noise key of whoever answered last; undefined while asking. */
  get found(): Uint8Array | undefined {
    return this.#found;
  }

  /** The peer that was found cannot be reached: ask anew. */
  again(now: Millis): void {
    this.#found = undefined;
    this.isTold = false;
    this.#asking = this.#local.random.fill(new Uint8Array(askLength));
    this.#retry.restart(now);
    this.#local.deadlines.update(this);
  }

  deadline(): Millis | undefined {
    return this.#found === undefined ? this.#retry.at : undefined;
  }

  handleTimeout(now: Millis): void {
    if (this.#retry.endsRound) this.#report();
    const keys = this.#local.membership.networkKeys();
    this.#networkKey = keys[this.#retry.rounds % Math.max(1, keys.length)];
    this.#retry.attempted(now);
    if (this.#networkKey === undefined) return;
    this.#local.outbox.transmit(askWhoIs(this.#networkKey, this.#nonce()), this.endpoint, now, true);
  }

  /** True when this ask is what `answer` answers. */
  expects(answer: IAm): boolean {
    return this.#found === undefined && equalBytes(answer.nonce.subarray(0, askLength), this.#asking);
  }

  /** Takes an answer: afterwards {@link found} is the key it names. */
  receive(answer: IAm): Drop {
    const key = this.#networkKey === undefined ? undefined : openIAm(this.#networkKey, answer);
    if (key === undefined) return Drop.badTag;
    this.#found = key;
    return Drop.none;
  }

  #nonce(): Uint8Array {
    const nonce = new Uint8Array(nonceLength);
    nonce.set(this.#asking);
    writeU32(nonce, askLength, this.#retry.attempts);
    return nonce;
  }

  #report(): void {
    const reason = `No member of this network answers at ${formatEndpoint(this.endpoint)}: ` +
      "is a node running there, in this network, and does the firewall let UDP through?";
    this.#local.outbox.push({
      type: "attempt-failed",
      target: { endpoint: this.endpoint },
      code: "TIMEOUT",
      reason,
    });
  }
}
