/** Addresses whose MACs are being asked for, and the frames that wait for them. */
import type { Address, Millis } from "../../core/contracts/values.ts";
import { addressKey } from "../../core/wire/address.ts";
import { mostRequests, mostSearches, requestMillis, waitingPackets } from "./constants.ts";

/** A question to the link: who has `target`, asked on behalf of `source`. */
export interface Question {
  readonly target: Address;
  readonly source: Address;
}

interface Search extends Question {
  requests: number;
  nextAt: Millis;
  readonly waiting: Uint8Array[];
}

export class MacSearch {
  readonly #searches = new Map<number | string, Search>();

  /** Keeps `frame` until its MAC is known; false when there is no room. A new search is due at once. */
  wait(question: Question, frame: Uint8Array, now: Millis): boolean {
    const key = addressKey(question.target);
    const search = this.#searches.get(key) ?? { ...question, requests: 0, nextAt: now, waiting: [] };
    if (search.waiting.length >= waitingPackets) return false;
    if (!this.#searches.has(key) && this.#searches.size >= mostSearches) return false;
    this.#searches.set(key, search);
    search.waiting.push(frame);
    return true;
  }

  has(address: Address): boolean {
    return this.#searches.has(addressKey(address));
  }

  /** Ends the search for `address`; what has waited is the caller's. */
  end(address: Address): readonly Uint8Array[] {
    const key = addressKey(address);
    const waiting = this.#searches.get(key)?.waiting ?? [];
    this.#searches.delete(key);
    return waiting;
  }

  /** Ends all; what has waited is the caller's. */
  endAll(): readonly Uint8Array[] {
    const waiting = [...this.#searches.values()].flatMap((search) => search.waiting);
    this.#searches.clear();
    return waiting;
  }

  /** The questions to put to the link now, and the frames that have waited in vain: nobody has answered in time. */
  due(now: Millis): { readonly questions: readonly Question[]; readonly lost: readonly Uint8Array[] } {
    const questions: Question[] = [];
    const lost: Uint8Array[] = [];
    for (const search of this.#searches.values()) {
      if (now < search.nextAt) continue;
      if (search.requests === mostRequests) {
        lost.push(...this.end(search.target));
        continue;
      }
      search.requests++;
      search.nextAt = now + requestMillis;
      questions.push(search);
    }
    return { questions, lost };
  }

  /** When something is due. */
  get deadline(): Millis | undefined {
    let deadline: Millis | undefined;
    for (const { nextAt } of this.#searches.values()) deadline = Math.min(deadline ?? nextAt, nextAt);
    return deadline;
  }
}
