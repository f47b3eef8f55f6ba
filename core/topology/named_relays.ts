/**
 * Which relays a member names in what it says of itself. That goes to all members and is signed anew each time, so it
 * changes seldom: once a minute at most, and ten seconds after the last change if a relay that is named has been lost. A
 * node that has lost all of its neighbours goes on naming those it had: it could tell nobody, and most come back.
 */
import type { Millis } from "../contracts/values.ts";
import { type LinkTag, tagBytes, tagFromBytes, tagToBytes } from "./link_tag.ts";
import { chooseRelays, type RelayNeighbour } from "./relay_choice.ts";

export const namingTimes = {
  /** Before the first: in a network that grows past the bound all begin to name relays at about one time. */
  first: 10_000 as Millis,
  /** And as much longer, each by its own tag. */
  spread: 20_000 as Millis,
  between: 60_000 as Millis,
  betweenLosses: 10_000 as Millis,
} as const;

export class NamedRelays {
  #named: readonly LinkTag[];
  /** Earliest next change. */
  #from: Millis;
  #fromIfLost: Millis;

  /** `named` as this node has said last, before it was stopped maybe. */
  constructor(self: LinkTag, named: readonly LinkTag[], now: Millis) {
    const { first, spread } = namingTimes;
    this.#named = named;
    this.#from = this.#fromIfLost = now + first + (parseInt(self.slice(-4), 16) / 0x1_0000) * spread;
  }

  /** Nearest first. */
  get named(): readonly LinkTag[] {
    return this.#named;
  }

  /** `neighbours` have a session with this node that no relay carries; true when {@link named} is another now. */
  judge(neighbours: readonly RelayNeighbour[], now: Millis): boolean {
    const isLost = this.#named.some((tag) => !neighbours.some((each) => each.tag === tag));
    if (now < (isLost ? this.#fromIfLost : this.#from)) return false;
    const chosen = chooseRelays(neighbours, this.#named);
    const isSame = chosen.length === this.#named.length && chosen.every((tag) => this.#named.includes(tag));
    if (chosen.length === 0 || isSame) return false;
    this.#named = chosen;
    this.#from = now + namingTimes.between;
    this.#fromIfLost = now + namingTimes.betweenLosses;
    return true;
  }
}

/** As an announcement has them: 8 bytes for each. */
export function relaysToBytes(tags: readonly LinkTag[]): Uint8Array {
  const bytes = new Uint8Array(tags.length * tagBytes);
  for (const [index, tag] of tags.entries()) bytes.set(tagToBytes(tag), index * tagBytes);
  return bytes;
}

/** A multiple of 8 bytes. */
export function relaysFromBytes(bytes: Uint8Array): readonly LinkTag[] {
  return Array.from({ length: bytes.length / tagBytes }, (_, index) => tagFromBytes(bytes, index * tagBytes));
}
