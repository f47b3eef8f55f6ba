/**
 * What peers say of themselves: of each key the announcement with the highest sequence number, and of two with one
 * number that with the greater bytes. So it does not matter in which order they came.
 *
 * An announcement may come before the admission of its signer; then it waits, unheeded, among the few that are kept of
 * strangers: those of the lowest ids, which again needs no order. What a revoked key says goes for good.
 *
 * How the signer stands is noted with each announcement: it is asked for far more often than it changes, and the same
 * record comes from every member. So whoever hands in `standingOf` says with {@link PeerBook.judge} that it may answer
 * otherwise from now on.
 */
import type { PeerIdentity } from "../contracts/membership.ts";
import type { PeerId } from "../contracts/values.ts";
import { type Announcement, openAnnouncement } from "../identity/announcement.ts";
import { recordId } from "../identity/signed.ts";
import type { Standing } from "../identity/trust.ts";
import { compareBytes, copyBytes } from "../wire/bytes.ts";
import { encodeHex } from "../wire/hex.ts";

interface Entry {
  readonly announcement: Announcement;
  readonly record: Uint8Array;
  readonly id: string;
  /** As of the last judgement. */
  isAdmitted: boolean;
}

/** What a judgement changed. */
export interface Judged {
  /** Whose announcement is held no longer. */
  readonly forgotten: readonly PeerId[];
  /** Whose announcement counts only now. */
  readonly welcomed: readonly PeerId[];
}

export type StandingOf = (publicKey: Uint8Array) => Standing["state"];

/** Announcements of keys that nobody has admitted yet. */
export const maxStrangers = 256;

export class PeerBook {
  readonly #standingOf: StandingOf;
  readonly #entries = new Map<PeerId, Entry>();
  /** Ids of the records held: every member passes on every record, and only the first copy is worth a signature check. */
  readonly #known = new Set<string>();
  /** Entries of admitted peers in the order of {@link #entries}, until either changes. */
  #admitted: readonly Entry[] | undefined;

  constructor(standingOf: StandingOf) {
    this.#standingOf = standingOf;
  }

  /** The announcement when it is newer than what is held; undefined for an older, known, revoked or malformed one. */
  learn(received: Uint8Array): Announcement | undefined {
    const id = encodeHex(recordId(received));
    if (this.#known.has(id)) return undefined;
    const announcement = openAnnouncement(received);
    if (announcement === undefined) return undefined;
    const { peer } = announcement;
    const standing = this.#standingOf(peer.publicKey);
    const held = this.#entries.get(peer.id);
    const record = copyBytes(received);
    const entry = { announcement, record, id, isAdmitted: standing === "admitted" };
    if (standing === "revoked" || (held !== undefined && !supersedes(entry, held))) return undefined;
    this.#forget(peer.id);
    this.#entries.set(peer.id, entry);
    this.#known.add(id);
    this.#admitted = undefined;
    if (standing === "unknown") this.#dropStrangers();
    return this.#entries.has(peer.id) ? announcement : undefined;
  }

  /** To be called when admissions or revocations have come, before anything else is asked. */
  judge(): Judged {
    const out: PeerId[] = [];
    const welcomed: PeerId[] = [];
    for (const [id, entry] of this.#entries) {
      const standing = this.#standingOf(entry.announcement.peer.publicKey);
      if (standing === "revoked") out.push(id);
      if (standing === "admitted" && !entry.isAdmitted) welcomed.push(id);
      entry.isAdmitted = standing === "admitted";
    }
    for (const peer of out) this.#forget(peer);
    this.#admitted = undefined;
    return { forgotten: [...out, ...this.#dropStrangers()], welcomed };
  }

  /** Whether the record of this id, in hex, is held. */
  has(id: string): boolean {
    return this.#known.has(id);
  }

  /** Undefined for strangers. */
  get(peer: PeerId): Announcement | undefined {
    return this.#believed(peer)?.announcement;
  }

  /** The record behind {@link get}. */
  recordOf(peer: PeerId): Uint8Array | undefined {
    return this.#believed(peer)?.record;
  }

  /** Admitted ones. */
  peers(): readonly PeerIdentity[] {
    return this.#admittedEntries().map(({ announcement }) => announcement.peer);
  }

  /** All that are held, those of admitted peers first. */
  records(): readonly Uint8Array[] {
    const strangers = [...this.#entries.values()].filter(({ isAdmitted }) => !isAdmitted);
    return [...this.#admittedEntries(), ...strangers].map(({ record }) => record);
  }

  #believed(peer: PeerId): Entry | undefined {
    const entry = this.#entries.get(peer);
    return entry?.isAdmitted ? entry : undefined;
  }

  #admittedEntries(): readonly Entry[] {
    return this.#admitted ??= [...this.#entries.values()].filter(({ isAdmitted }) => isAdmitted);
  }

  #dropStrangers(): readonly PeerId[] {
    if (this.#entries.size <= maxStrangers) return [];
    const strangers = [...this.#entries].filter(([, { isAdmitted }]) => !isAdmitted).map(([id]) => id);
    const surplus = strangers.sort().slice(maxStrangers);
    for (const peer of surplus) this.#forget(peer);
    return surplus;
  }

  #forget(peer: PeerId): void {
    const held = this.#entries.get(peer);
    if (held !== undefined) this.#known.delete(held.id);
    this.#entries.delete(peer);
    this.#admitted = undefined;
  }
}

function supersedes(entry: Entry, held: Entry): boolean {
  const difference = entry.announcement.sequence - held.announcement.sequence;
  return (difference || compareBytes(entry.record, held.record)) > 0;
}
