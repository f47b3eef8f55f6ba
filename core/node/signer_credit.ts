/**
 * How much of what one member signs goes round at once: pure, time is handed in.
 *
 * A link carries some hundred records a second, of all members together. One that signs as many fills every link of the
 * mesh, and the news of all others waits behind its own. So each signer has a credit, and what is beyond it goes no further
 * as news: the next comparison of digests brings it, and of records that replace each other by then only the newest is left.
 *
 * What a member says of itself, its place and its links, changes seldom and replaces what it said before, which takes
 * little. What it decides of others, admissions and grants, comes in bursts: a host that hundreds join, or that takes over
 * what a dead one had. Kinds that nobody here knows go with the latter, all together, since anybody can invent kinds.
 *
 * Keys that nobody has admitted have one credit together: what they say is kept for a while as well, since it may come
 * before their admission, and anybody makes a thousand of them in a second.
 *
 * A signer is charged for what was judged and found new, never for what only bears its name: else anybody could use up
 * another's credit with records that it never signed. To count by who passes a record on was rejected: in a mesh that is
 * a neighbour, who passes on the news of all.
 */
import type { Rate } from "../forwarding/token_bucket.ts";
import type { Millis } from "../contracts/values.ts";
import { announcementKind } from "../identity/announcement.ts";
import { claimedOrigin } from "../identity/signed.ts";
import { linksKind } from "../topology/link_record.ts";
import { encodeHex } from "../wire/hex.ts";

export const ownWords: Rate = { perSecond: 1, burst: 16 };
export const decisions: Rate = { perSecond: 8, burst: 512 };

interface Account {
  readonly rate: Rate;
  left: number;
  at: Millis;
}

export class SignerCredit {
  /** Those that are not full. */
  readonly #accounts = new Map<string, Account>();
  readonly #isMember: (publicKey: Uint8Array) => boolean;

  constructor(isMember: (publicKey: Uint8Array) => boolean) {
    this.#isMember = isMember;
  }

  /** Whether whoever claims to have signed this has credit left; nothing is taken. Also for what is no record at all. */
  covers(record: Uint8Array, now: Millis): boolean {
    const name = this.#accountOf(record)?.name;
    const account = name === undefined ? undefined : this.#accounts.get(name);
    return account === undefined || filled(account, now) >= 1;
  }

  /** Takes one of the credit of the signer, whose signature was checked. False, and nothing is taken, when none is left. */
  charge(record: Uint8Array, now: Millis): boolean {
    const claimed = this.#accountOf(record);
    if (claimed === undefined) return true;
    const { name, rate } = claimed;
    const account = this.#accounts.get(name) ?? { rate, left: rate.burst, at: now };
    account.left = filled(account, now);
    account.at = now;
    this.#accounts.set(name, account);
    if (account.left < 1) return false;
    account.left -= 1;
    return true;
  }

  /** Lets go of those that are full again. */
  sweep(now: Millis): void {
    for (const [name, account] of this.#accounts) {
      if (filled(account, now) >= account.rate.burst) this.#accounts.delete(name);
    }
  }

  get size(): number {
    return this.#accounts.size;
  }

  #accountOf(record: Uint8Array): { readonly name: string; readonly rate: Rate } | undefined {
    const origin = claimedOrigin(record);
    if (origin === undefined) return undefined;
    const { kind, signer } = origin;
    if (!this.#isMember(signer)) return { name: "strangers", rate: decisions };
    const isOwnWord = kind === announcementKind || kind === linksKind;
    return {
      name: `${isOwnWord ? kind : ""} ${encodeHex(signer)}`,
      rate: isOwnWord ? ownWords : decisions,
    };
  }
}

function filled({ rate, left, at }: Account, now: Millis): number {
  return Math.min(rate.burst, left + Math.max(0, now - at) * rate.perSecond / 1000);
}
