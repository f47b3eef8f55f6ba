/** Whose tag it is: headers name members by 8 bytes. */
import type { PeerId } from "../contracts/values.ts";
import { type LinkTag, tagOf } from "../topology/link_tag.ts";

export interface MemberTagsParts {
  /** The same object until the members change. */
  edition(): object;
  /** All that are in good standing, this node too. */
  members(): Iterable<PeerId>;
}

/**
 * A map that is made once for each change of the members. Whoever sends tags of nobody must cost no more than a look into
 * it: a walk through 10,000 members, were it once a second only, is a pause for all that are in good standing.
 */
export class MemberTags {
  readonly #parts: MemberTagsParts;
  #known: ReadonlyMap<LinkTag, PeerId> = new Map();
  #edition: object | undefined;

  constructor(parts: MemberTagsParts) {
    this.#parts = parts;
  }

  /**
   * Undefined for whom no admission reaches, or not any more. Of two members with one tag, which takes 2^64 keys to make,
   * it is the one that comes first among the members; the other's frames are then from addresses that are not its own.
   */
  memberOf(tag: LinkTag): PeerId | undefined {
    const edition = this.#parts.edition();
    if (edition !== this.#edition) {
      this.#known = byTag(this.#parts.members());
      this.#edition = edition;
    }
    return this.#known.get(tag);
  }
}

function byTag(members: Iterable<PeerId>): ReadonlyMap<LinkTag, PeerId> {
  const known = new Map<LinkTag, PeerId>();
  for (const peer of members) {
    const tag = tagOf(peer);
    if (!known.has(tag)) known.set(tag, peer);
  }
  return known;
}
