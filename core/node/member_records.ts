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
import { recordName, recordsDigest } from "../identity/records_digest.ts";
import { revocationKind } from "../identity/revocation.ts";
import { claimedKind } from "../identity/signed.ts";
import { parentsFirst } from "../identity/stored_order.ts";
import { Trust } from "../identity/trust.ts";
import type { TrustLimits } from "../identity/trust_records.ts";
import { type Judged, PeerBook } from "./peer_book.ts";

/** Kinds of records, those first that others depend on. */
export const memberKinds: readonly string[] = [admissionKind, revocationKind, announcementKind];

/** What a merge did. */
export interface Learned {
  /** Admissions and revocations that are new. */
  readonly trust: readonly Uint8Array[];
  /** Ids of admissions and revocations that had to make room for earlier ones. */
  readonly dropped: readonly string[];
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
  /** To be read: what is merged into it must come by {@link learn}. */
  readonly trust: Trust;
  readonly #book: PeerBook;
  /** As of the last record of trust. */
  #admitted: ReadonlySet<PeerId>;
  #records: readonly Uint8Array[] | undefined;
  /** Digest of all revocations, while it holds: it is asked for with every message. */
  #exclusions: Uint8Array | undefined;

  constructor(founding: Founding, limits: Partial<TrustLimits> = {}) {
    this.trust = new Trust(founding, limits);
    this.#admitted = admittedOf(this.trust);
    this.#book = new PeerBook((publicKey) => this.trust.standing(publicKey).state);
  }

  records(): readonly Uint8Array[] {
    return this.#records ??= [...this.trust.records(), ...this.#book.records()];
  }

  /** Takes what a disk has kept of admissions and revocations, in whatever order. */
  restore(records: readonly Uint8Array[]): void {
    this.learn(parentsFirst(this.trust.founding.founder, records));
  }

  merge(records: readonly Uint8Array[]): readonly Uint8Array[] {
    const { trust, announcements } = this.learn(records);
    return [...trust, ...announcements];
  }

  /** As {@link merge}, in every detail. */
  learn(records: readonly Uint8Array[]): Learned {
    // Nearly all that comes is known, for every member passes on every record: that must cost one hash and no more.
    const unseen = records.filter((record) => !this.#holds(record));
    if (unseen.length === 0) return nothingLearned;
    const trust = unseen.filter((record) => this.trust.merge(record) === "new");
    const { removed, forgotten, welcomed } = trust.length > 0 ? this.#judge() : nothingJudged;
    const said = unseen.map((record) => ({ record, by: this.#book.learn(record)?.peer.id }))
      .filter(({ by }) => by !== undefined);
    if (trust.length + said.length === 0) return nothingLearned;
    this.#records = undefined;
    const news = new Set([...welcomed, ...said.map(({ by }) => by)]);
    return {
      trust: trust.filter((record) => this.#holds(record)),
      dropped: this.trust.takeDropped(),
      announcements: said.map(({ record }) => record).filter((record) => this.#holds(record)),
      peers: this.#book.peers().filter(({ id }) => news.has(id)),
      removed,
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

  #holds(record: Uint8Array): boolean {
    const id = recordName(record);
    return this.#book.has(id) || this.trust.holds(id);
  }

  /** What came of new admissions and revocations; to be done before anything else is learned. */
  #judge(): Judged & Pick<Learned, "removed"> {
    const before = this.#admitted;
    this.#admitted = admittedOf(this.trust);
    this.#exclusions = undefined;
    return { ...this.#book.judge(), removed: [...before].filter((id) => !this.#admitted.has(id)) };
  }
}

const nothingJudged = { removed: [], forgotten: [], welcomed: [] };
const nothingLearned: Learned = {
  trust: [],
  dropped: [],
  announcements: [],
  peers: [],
  removed: [],
  forgotten: [],
};

function admittedOf(trust: Trust): ReadonlySet<PeerId> {
  return new Set(trust.members().filter(({ state }) => state === "admitted").map(({ id }) => id));
}

/** Over the revocations among `records`, of which each was checked or made here: 16 bytes, whatever their order. */
export function exclusionsOf(records: readonly Uint8Array[]): Uint8Array {
  return recordsDigest(records.filter((record) => claimedKind(record) === revocationKind));
}
