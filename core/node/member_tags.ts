/** Whose tag it is: headers name members by 8 bytes. */
import type { Clock } from "../contracts/host.ts";
import type { Millis, PeerId } from "../contracts/values.ts";
import { type LinkTag, tagOf } from "../topology/link_tag.ts";

export interface MemberTagsParts {
  readonly clock: Pick<Clock, "now">;
  /** All that are in good standing, this node too. */
  members(): Iterable<PeerId>;
  isMember(peer: PeerId): boolean;
}

/** Whoever sends tags of nobody makes this node look through its members no more often than this. */
const lookEvery: Millis = 1_000;

export class MemberTags {
  readonly #parts: MemberTagsParts;
  #known: ReadonlyMap<LinkTag, PeerId> = new Map();
  #nextLook: Millis = Number.NEGATIVE_INFINITY;

  constructor(parts: MemberTagsParts) {
    this.#parts = parts;
  }

  /**
   * Undefined for whom no admission reaches, or not any more. Of two members with one tag, which takes 2^64 keys to make,
   * it is the one that comes first among the members; the other's frames are then from addresses that are not its own.
   */
  memberOf(tag: LinkTag): PeerId | undefined {
    const known = this.#find(tag);
    if (known !== undefined) return known;
    this.#look();
    return this.#find(tag);
  }

  #find(tag: LinkTag): PeerId | undefined {
    const known = this.#known.get(tag);
    return known !== undefined && this.#parts.isMember(known) ? known : undefined;
  }

  #look(): void {
    const now = this.#parts.clock.now();
    if (now < this.#nextLook) return;
    this.#nextLook = now + lookEvery;
    const known = new Map<LinkTag, PeerId>();
    for (const peer of this.#parts.members()) {
      const tag = tagOf(peer);
      if (!known.has(tag)) known.set(tag, peer);
    }
    this.#known = known;
  }
}
