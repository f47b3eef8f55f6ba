/**
 * How much goes further as news of what came: by signer, of what others brought over sessions, and of what is old; and
 * how much is said to those without a session.
 */
import { Drop } from "../contracts/drop.ts";
import type { DropCounters } from "../contracts/host.ts";
import type { Millis, PeerId } from "../contracts/values.ts";
import { AsidePace } from "./aside_pace.ts";
import { RumourCredit } from "./rumour_credit.ts";
import { SignerCredit } from "./signer_credit.ts";

export class NewsLimits {
  readonly #drops: Pick<DropCounters, "count">;
  readonly #signers: SignerCredit;
  readonly #brought = new RumourCredit();
  readonly #echoes = new RumourCredit();
  readonly #asides = new AsidePace();

  constructor(drops: Pick<DropCounters, "count">, isMember: (publicKey: Uint8Array) => boolean) {
    this.#drops = drops;
    this.#signers = new SignerCredit(isMember);
  }

  /** Whether a rumour is worth a signature check; counted where its signer has said too much lately. */
  covers(record: Uint8Array, now: Millis): boolean {
    const isCovered = this.#signers.covers(record, now);
    if (!isCovered) this.#drops.count(Drop.rateLimited);
    return isCovered;
  }

  /** Of records that were judged and are new those that go further at once; the others are counted. */
  within(records: readonly Uint8Array[], now: Millis): readonly Uint8Array[] {
    const passed = records.filter((record) => this.#signers.charge(record, now));
    this.#drops.count(Drop.rateLimited, records.length - passed.length);
    return passed;
  }

  /** Whether so many that came over a session become rumours here. */
  mayRumour(count: number, now: Millis): boolean {
    return this.#brought.take(count, now);
  }

  /** Whether one that is held already goes further. */
  mayEcho(now: Millis): boolean {
    return this.#echoes.take(1, now);
  }

  /** Whether a single message may go to a member without a session. */
  mayAside(peer: PeerId, now: Millis, isNeighbour: boolean): boolean {
    return this.#asides.take(peer, now, isNeighbour);
  }

  /** To be called every half minute. */
  sweep(now: Millis): void {
    this.#asides.sweep();
    this.#signers.sweep(now);
  }
}
