/**
 * What members know of each other: admissions and revocations, and of every peer its newest announcement. Pure: what is
 * to be kept on disk and told to others is the result.
 */
import type { PeerIdentity } from "../contracts/membership.ts";
import type { ReplicatedState } from "../contracts/replicated_state.ts";
import type { PeerId } from "../contracts/values.ts";
import { admissionKind } from "../identity/admission.ts";
import { type Announcement, announcementKind } from "../identity/announcement.ts";
import type { Founding } from "../identity/founding.ts";
import { recordsDigest } from "../identity/records_digest.ts";
import { revocationKind } from "../identity/revocation.ts";
import { claimedKind } from "../identity/signed.ts";
import { Trust } from "../identity/trust.ts";
import { PeerBook } from "./peer_book.ts";

/** Kinds of records, those first that others depend on. */
export const memberKinds: readonly string[] = [admissionKind, revocationKind, announcementKind];

/** What a merge did. */
export interface Learned {
  /** Admissions and revocations that are new. */
  readonly trust: readonly Uint8Array[];
  /** Announcements that are new. */
  readonly announcements: readonly Uint8Array[];
  /** Members whose announcement is new, or counts only now that they are admitted. */
  readonly peers: readonly PeerIdentity[];
  /** Members that are none any more. */
  readonly removed: readonly PeerId[];
  /** Whose announcement is held no longer. */
  readonly forgotten: readonly PeerId[];
}

export class MemberRecords implements ReplicatedState {
  readonly name = "members";
  readonly kinds = memberKinds;
  readonly trust: Trust;
  readonly #book: PeerBook;
  #records: readonly Uint8Array[] | undefined;
  /** Digest of all revocations, while it holds: it is asked for with every message. */
  #exclusions: Uint8Array | undefined;

  constructor(founding: Founding) {
    this.trust = new Trust(founding);
    this.#book = new PeerBook((publicKey) => this.trust.standing(publicKey).state);
  }

  records(): readonly Uint8Array[] {
    return this.#records ??= [...this.trust.records(), ...this.#book.records()];
  }

  merge(records: readonly Uint8Array[]): readonly Uint8Array[] {
    const { trust, announcements } = this.learn(records);
    return [...trust, ...announcements];
  }

  /** As {@link merge}, in every detail. */
  learn(records: readonly Uint8Array[]): Learned {
    const admitted = this.#admitted();
    const said = this.#said();
    const trust = records.filter((record) => this.trust.merge(record) === "new");
    const announcements = records.filter((record) => this.#book.learn(record) !== undefined);
    const forgotten = trust.length > 0 ? this.#book.judge() : [];
    if (trust.length > 0) this.#exclusions = undefined;
    if (trust.length + announcements.length > 0) this.#records = undefined;
    const now = this.#admitted();
    return {
      trust: trust.filter((record) => this.trust.holds(record)),
      announcements: announcements.filter((record) => this.#book.has(record)),
      peers: this.#book.peers().filter(({ id }) => this.#book.recordOf(id) !== said.get(id)),
      removed: [...admitted].filter((id) => !now.has(id)),
      forgotten,
    };
  }

  /** Over the revocations alone: 16 bytes. */
  exclusionsDigest(): Uint8Array {
    return this.#exclusions ??= recordsDigest(this.trust.revocations());
  }

  /** Members that have said where they are. */
  peers(): readonly PeerIdentity[] {
    return this.#book.peers();
  }

  announcement(peer: PeerId): Announcement | undefined {
    return this.#book.get(peer);
  }

  announcementRecord(peer: PeerId): Uint8Array | undefined {
    return this.#book.recordOf(peer);
  }

  #admitted(): Set<PeerId> {
    return new Set(
      this.trust.members().filter(({ state }) => state === "admitted").map(({ id }) => id),
    );
  }

  #said(): ReadonlyMap<PeerId, Uint8Array> {
    return new Map(this.#book.peers().map(({ id }) => [id, this.#book.recordOf(id)!]));
  }
}

/** Over the revocations among `records`, of which each was checked or made here: 16 bytes, whatever their order. */
export function exclusionsOf(records: readonly Uint8Array[]): Uint8Array {
  return recordsDigest(records.filter((record) => claimedKind(record) === revocationKind));
}
