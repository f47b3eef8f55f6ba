/**
 * Who owns which addresses: a grow-only map of signed grants, and the ownership that follows from it and from what voters
 * have decided.
 *
 * The founding record makes the founder owner of the network's ranges. A grant is valid if its grantor owns the prefix
 * that encloses it most closely, by valid grants from the root down; an address belongs to the owner of the deepest
 * valid grant that contains it. Validity is derived, never stored, so a grant may arrive before the one it rests on.
 *
 * Merging takes per prefix and grantor the higher version, and of equal versions the greater bytes. It looks at nothing
 * else, at nobody's leases and at no order of arrival, hence it is commutative, associative and idempotent for every
 * input. What a peer signs can change the owner only of addresses that it owns or has granted away itself: a grantor
 * can harm those who took from it, nobody else can.
 *
 * Tokens between which ranges lie, as in older rings, were rejected: there a peer may rewrite whatever it once held, a
 * merge depends on who holds leases, and two tokens that tie leave two replicas apart for ever.
 */
import type { Route } from "../../core/contracts/ipam.ts";
import type { Address, PeerId, Prefix } from "../../core/contracts/values.ts";
import { addressToBigInt, compareAddress } from "../../core/wire/address.ts";
import { compareBytes, equalBytes } from "../../core/wire/bytes.ts";
import { containsPrefix, formatPrefix, overlaps, samePrefix } from "../../core/wire/prefix.ts";
import type { Grant } from "./grant.ts";
import { type Ownership, ownershipOf, type RingRoot, type Segment } from "./ownership.ts";
import { intersect, type Span, spanOf } from "./span.ts";
import { foundingEpoch, type Takeover } from "./takeover.ts";

export interface RingBounds {
  readonly maxGrants: number;
  readonly maxPerGrantor: number;
}

export const ringBounds: RingBounds = { maxGrants: 65_536, maxPerGrantor: 4096 };

/** What a merge did. Without any of the three the ring is as it was. */
export interface MergeResult {
  readonly added: readonly Grant[];
  /** Made room for others, or were superseded. */
  readonly removed: readonly Grant[];
  /** How many found no room. */
  readonly refused: number;
}

export class Ring {
  readonly root: RingRoot;
  readonly #bounds: RingBounds;
  readonly #slots = new Map<string, Grant>();
  readonly #byGrantor = new Map<PeerId, Map<string, Grant>>();
  readonly #ids = new Set<string>();
  #takeovers: readonly Takeover[] = [];
  #version = 1;
  #owned: Ownership | undefined;
  /** By owner, each ascending. */
  #segments: ReadonlyMap<PeerId, readonly Segment[]> | undefined;
  #sorted: readonly Grant[] | undefined;
  #records: readonly Uint8Array[] | undefined;
  #sweptAt = 0;

  constructor(root: RingRoot, bounds: RingBounds = ringBounds) {
    this.root = root;
    this.#bounds = bounds;
  }

  /** Grows with every change. */
  get version(): number {
    return this.#version;
  }

  /** Whether this very record is held: who asks can spare the signature check. */
  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /**
   * Takes what belongs into this ring. Past `maxPerGrantor` the larger prefixes of a grantor stay, then the lower ones,
   * which is again independent of order. Past `maxGrants` new grants are refused once no invalid one is left to drop:
   * refusing depends on order, but dropping valid grants would let a flood take space from others.
   */
  merge(grants: Iterable<Grant>): MergeResult {
    const added = new Set<Grant>();
    const removed: Grant[] = [];
    let refused = 0;
    for (const grant of grants) {
      if (!this.#belongs(grant)) continue;
      const outcome = this.#insert(grant);
      if (outcome === "refused") refused++;
      if (typeof outcome === "string") continue;
      added.add(grant);
      for (const gone of outcome) {
        if (!added.delete(gone)) removed.push(gone);
      }
    }
    return { added: [...added], removed, refused };
  }

  #belongs({ prefix, owner, from }: Grant): boolean {
    return owner !== from &&
      this.root.ranges.some((range) => range.bits < prefix.bits && containsPrefix(range, prefix));
  }

  /** What voters have decided, in order of number. True when that is not what it was. */
  decide(takeovers: readonly Takeover[]): boolean {
    const isSame = takeovers.length === this.#takeovers.length && takeovers.every((takeover, i) => {
      const held = this.#takeovers[i]!;
      return takeover.number === held.number && equalBytes(takeover.payload, held.payload);
    });
    if (isSame) return false;
    this.#takeovers = [...takeovers];
    this.#changed();
    return true;
  }

  takeovers(): readonly Takeover[] {
    return this.#takeovers;
  }

  /** The epoch of a grant of `prefix` that is to count. */
  epochFor(prefix: Prefix): number {
    const realm = this.#ownership().realms.findLast((each) => containsPrefix(each.prefix, prefix));
    return realm?.epoch ?? foundingEpoch;
  }

  /** The version of a grant of `prefix` by `from` that replaces the one it may have made before, of an earlier epoch. */
  versionFor(prefix: Prefix, from: PeerId): number {
    return (this.#slots.get(slotOf({ prefix, from }))?.version ?? 0) + 1;
  }

  /** The grants that left in exchange. */
  #insert(grant: Grant): readonly Grant[] | "known" | "refused" {
    const held = this.#slots.get(slotOf(grant));
    if (held !== undefined) {
      if (!supersedes(grant, held)) return "known";
      this.#drop(held);
      this.#put(grant);
      return [held];
    }
    const gone = this.#makeRoom(grant);
    if (gone === undefined) return "refused";
    this.#put(grant);
    return gone;
  }

  #makeRoom(grant: Grant): readonly Grant[] | undefined {
    const own = this.#byGrantor.get(grant.from);
    if (own !== undefined && own.size >= this.#bounds.maxPerGrantor) {
      const last = [...own.values()].reduce((a, b) => compareSlots(a, b) > 0 ? a : b);
      if (compareSlots(grant, last) > 0) return undefined;
      this.#drop(last);
      return [last];
    }
    if (this.#slots.size < this.#bounds.maxGrants) return [];
    const swept = this.#sweep();
    return swept.length > 0 ? swept : undefined;
  }

  /** Drops what is not valid now; looked for once per state. */
  #sweep(): readonly Grant[] {
    if (this.#sweptAt === this.#version) return [];
    const { valid } = this.#ownership();
    const invalid = [...this.#slots.values()].filter((grant) => !valid.has(grant));
    for (const grant of invalid) this.#drop(grant);
    this.#sweptAt = this.#version;
    return invalid;
  }

  #put(grant: Grant): void {
    const slot = slotOf(grant);
    const own = this.#byGrantor.get(grant.from) ?? new Map<string, Grant>();
    this.#byGrantor.set(grant.from, own.set(slot, grant));
    this.#slots.set(slot, grant);
    this.#ids.add(grant.id);
    this.#changed();
  }

  #drop(grant: Grant): void {
    const slot = slotOf(grant);
    const own = this.#byGrantor.get(grant.from);
    own?.delete(slot);
    if (own?.size === 0) this.#byGrantor.delete(grant.from);
    this.#slots.delete(slot);
    this.#ids.delete(grant.id);
    this.#changed();
  }

  #changed(): void {
    this.#version++;
    this.#owned = undefined;
    this.#segments = undefined;
    this.#sorted = undefined;
    this.#records = undefined;
  }

  /** All grants held, valid or not, in the order of {@link compareSlots}. */
  grants(): readonly Grant[] {
    this.#sorted ??= [...this.#slots.values()].sort(compareSlots);
    return this.#sorted;
  }

  /** How many grants this peer has signed, and may not sign without end. */
  countBy(from: PeerId): number {
    return this.#byGrantor.get(from)?.size ?? 0;
  }

  /** The records of {@link grants}; the same array until something changes. */
  records(): readonly Uint8Array[] {
    return this.#records ??= this.grants().map(({ record }) => record);
  }

  /** The ranges with their founder, what was taken over, and every valid grant; by address, larger blocks first. */
  routes(): readonly Route[] {
    return this.#ownership().routes;
  }

  /** Ascending by family and address. */
  segments(): readonly Segment[] {
    return this.#ownership().segments;
  }

  isValid(grant: Grant): boolean {
    return this.#ownership().valid.has(grant);
  }

  /** Undefined outside the ranges. */
  ownerOf(address: Address): PeerId | undefined {
    const { family } = address;
    const value = addressToBigInt(address);
    const segments = this.segments();
    let [low, high] = [0, segments.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const segment = segments[middle]!;
      if (segment.family < family || (segment.family === family && segment.end <= value)) low = middle + 1;
      else high = middle;
    }
    const found = segments[low];
    return found?.family === family && found.start <= value ? found.owner : undefined;
  }

  /** What `peer` owns inside `within`, ascending. */
  spaceOf(peer: PeerId, within: Prefix): readonly Span[] {
    const { family } = within.address;
    return intersect(this.#segmentsOf(peer).filter((own) => own.family === family), spanOf(within));
  }

  /** Everybody who owns an address inside `within`. */
  ownersWithin(within: Prefix): ReadonlySet<PeerId> {
    const { start, end } = spanOf(within);
    const inside = this.segments().filter((segment) =>
      segment.family === within.address.family && segment.start < end && segment.end > start
    );
    return new Set(inside.map(({ owner }) => owner));
  }

  /** Valid grants by `from` to `owner` that share addresses with `within`. */
  granted(from: PeerId, owner: PeerId, within: Prefix): readonly Grant[] {
    const own = [...this.#byGrantor.get(from)?.values() ?? []];
    return own.filter((grant) =>
      grant.owner === owner && overlaps(grant.prefix, within) && this.isValid(grant)
    );
  }

  /** Whether a valid grant is of exactly this prefix: only parts of it can be given on. */
  isGiven(prefix: Prefix): boolean {
    return this.routes().some((route) => route.grantedBy !== undefined && samePrefix(route.prefix, prefix));
  }

  /** The valid grants that `grant` rests on, nearest first. */
  chainOf(grant: Grant): readonly Grant[] {
    return [...this.#ownership().valid]
      .filter((other) => other.prefix.bits < grant.prefix.bits && containsPrefix(other.prefix, grant.prefix))
      .sort((a, b) => b.prefix.bits - a.prefix.bits);
  }

  #segmentsOf(peer: PeerId): readonly Segment[] {
    this.#segments ??= Map.groupBy(this.segments(), ({ owner }) => owner);
    return this.#segments.get(peer) ?? [];
  }

  #ownership(): Ownership {
    this.#owned ??= ownershipOf(this.root, this.#slots.values(), this.#takeovers);
    return this.#owned;
  }
}

/** One per prefix and grantor. */
export function slotOf({ prefix, from }: Pick<Grant, "prefix" | "from">): string {
  return `${formatPrefix(prefix)}/${from}`;
}

function supersedes(grant: Grant, held: Grant): boolean {
  return (grant.version - held.version || compareBytes(grant.record, held.record)) > 0;
}

/** IPv4 first, larger prefixes first, then by address and grantor. */
function compareSlots(a: Grant, b: Grant): number {
  return a.prefix.address.family - b.prefix.address.family || a.prefix.bits - b.prefix.bits ||
    compareAddress(a.prefix.address, b.prefix.address) || (a.from < b.from ? -1 : a.from > b.from ? 1 : 0);
}
