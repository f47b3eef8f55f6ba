/**
 * The link records of all members: of each signer the newest. So it does not matter in which order they came.
 *
 * A record may come before the admission of its signer; then it waits, unheeded, among the few that are kept of
 * strangers. What a revoked key says goes for good. Of members and of strangers those of the lowest ids stay when there
 * are too many, which again needs no order. Above {@link LinkStateLimits.members} that hides members from each other, at
 * twice the size at which link state is used at all: see `link_scope.ts`.
 *
 * Two records of one signer with one sequence number mean two nodes with one identity, or one node that tells each what
 * it wants to hear. The greater bytes count, on every node. Whether two have one identity sessions say (`node/clones.ts`).
 */
import type { ReplicatedState } from "../contracts/replicated_state.ts";
import type { PeerId } from "../contracts/values.ts";
import { recordId } from "../identity/signed.ts";
import { compareBytes, copyBytes } from "../wire/bytes.ts";
import { encodeHex } from "../wire/hex.ts";
import type { LinkTag } from "./link_tag.ts";
import { type LinkRecord, linksKind, openLinks } from "./link_record.ts";

export interface LinkStateLimits {
  readonly members: number;
  readonly strangers: number;
}

export const linkStateLimits: LinkStateLimits = { members: 1024, strangers: 64 };

/** How a node stands in the network. */
export type StandingOf = (peer: PeerId) => "admitted" | "revoked" | "unknown";

export interface LinkStatesOptions {
  /** 16 bytes. */
  readonly networkId: Uint8Array;
  readonly standingOf: StandingOf;
  readonly limits?: LinkStateLimits;
}

/** What a merge did. */
export interface LinkNews {
  /** Held now, and not before. */
  readonly fresh: readonly Uint8Array[];
  /** Members whose links are others now. */
  readonly changed: readonly LinkRecord[];
}

interface Entry {
  readonly links: LinkRecord;
  readonly record: Uint8Array;
  /** Hex of the record's id. */
  readonly id: string;
  isAdmitted: boolean;
}

export class LinkStates implements ReplicatedState {
  readonly name = "links";
  readonly kinds: readonly string[] = [linksKind];
  readonly #options: LinkStatesOptions;
  readonly #limits: LinkStateLimits;
  readonly #entries = new Map<PeerId, Entry>();
  /** Ids of the records held: a copy must cost one hash and no signature check. */
  readonly #known = new Set<string>();
  /** Of those who have told something: that their neighbours name them with the same text saves a third of the memory. */
  readonly #tags = new Map<LinkTag, LinkTag>();
  #records: readonly Uint8Array[] | undefined;

  constructor(options: LinkStatesOptions) {
    this.#options = options;
    this.#limits = options.limits ?? linkStateLimits;
  }

  records(): readonly Uint8Array[] {
    return this.#records ??= [...this.#entries.values()].map(({ record }) => record);
  }

  merge(records: readonly Uint8Array[]): readonly Uint8Array[] {
    return this.learn(records).fresh;
  }

  /** As {@link merge}, in every detail. */
  learn(records: readonly Uint8Array[]): LinkNews {
    const taken = records.map((record) => this.#take(record)).filter((entry) => entry !== undefined);
    if (taken.length === 0) return { fresh: [], changed: [] };
    this.#dropSurplus();
    const held = taken.filter(({ id }) => this.#known.has(id));
    const changed = held.filter(({ isAdmitted }) => isAdmitted).map(({ links }) => links);
    if (held.length > 0) this.#records = undefined;
    return { fresh: held.map(({ record }) => record), changed };
  }

  /** To be called when admissions or revocations have come, before anything else is asked. */
  judge(): void {
    for (const [peer, entry] of this.#entries) {
      const standing = this.#options.standingOf(peer);
      entry.isAdmitted = standing === "admitted";
      if (standing === "revoked") this.#forget(peer);
    }
    this.#dropSurplus();
    this.#records = undefined;
  }

  /** What members tell, in no particular order. */
  members(): readonly LinkRecord[] {
    return [...this.#entries.values()].filter(({ isAdmitted }) => isAdmitted).map(({ links }) => links);
  }

  /** Undefined for strangers, and for who has told nothing. */
  of(peer: PeerId): LinkRecord | undefined {
    const entry = this.#entries.get(peer);
    return entry?.isAdmitted ? entry.links : undefined;
  }

  #take(received: Uint8Array): Entry | undefined {
    const id = encodeHex(recordId(received));
    if (this.#known.has(id)) return undefined;
    const opened = openLinks(received, this.#options.networkId);
    if (opened === undefined) return undefined;
    const links = this.#withKnownTags(opened);
    const standing = this.#options.standingOf(links.peer);
    if (standing === "revoked") return undefined;
    const entry = { links, record: copyBytes(received), id, isAdmitted: standing === "admitted" };
    const held = this.#entries.get(links.peer);
    if (held !== undefined && !supersedes(entry, held)) return undefined;
    this.#forget(links.peer);
    this.#entries.set(links.peer, entry);
    this.#tags.set(links.tag, links.tag);
    this.#known.add(id);
    return entry;
  }

  #withKnownTags(record: LinkRecord): LinkRecord {
    const known = (tag: LinkTag) => this.#tags.get(tag) ?? tag;
    const links = record.links.map((link) => ({ ...link, tag: known(link.tag) }));
    return { ...record, tag: known(record.tag), links };
  }

  #dropSurplus(): void {
    if (this.#entries.size <= Math.min(this.#limits.members, this.#limits.strangers)) return;
    const entries = [...this.#entries];
    const lowest = (isAdmitted: boolean) =>
      entries.filter(([, entry]) => entry.isAdmitted === isAdmitted).map(([peer]) => peer).sort();
    for (const peer of lowest(true).slice(this.#limits.members)) this.#forget(peer);
    for (const peer of lowest(false).slice(this.#limits.strangers)) this.#forget(peer);
  }

  #forget(peer: PeerId): void {
    const held = this.#entries.get(peer);
    if (held === undefined) return;
    this.#known.delete(held.id);
    this.#tags.delete(held.links.tag);
    this.#entries.delete(peer);
  }
}

function supersedes(entry: Entry, held: Entry): boolean {
  const difference = entry.links.sequence - held.links.sequence;
  return (difference || compareBytes(entry.record, held.record)) > 0;
}
