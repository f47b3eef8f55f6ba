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
import type { Endpoint, PeerId } from "../contracts/values.ts";
import { type Announcement, openAnnouncement, reopenAnnouncement } from "../identity/announcement.ts";
import { copyNamed, recordName } from "../identity/records_digest.ts";
import { signerOf } from "../identity/signed.ts";
import type { Standing } from "../identity/trust.ts";
import { compareBytes } from "../wire/bytes.ts";

/**
 * What is asked of all peers at once, and the record; the rest is read from the record by who wants it. Of thousands of
 * members a node talks with few, and keys and addresses as objects of their own take three times what the record takes.
 */
class Entry implements PeerIdentity {
  readonly id: PeerId;
  readonly record: Uint8Array;
  readonly sequence: number;
  /** As of the last judgement. */
  isAdmitted: boolean;
  readonly #read: (entry: Entry) => Announcement;

  constructor(record: Uint8Array, told: Announcement, read: (entry: Entry) => Announcement) {
    this.id = told.peer.id;
    this.record = record;
    this.sequence = told.sequence;
    this.isAdmitted = false;
    this.#read = read;
  }

  get announcement(): Announcement {
    return this.#read(this);
  }

  get name(): string {
    return this.announcement.peer.name;
  }

  get publicKey(): Uint8Array {
    return signerOf(this.record);
  }

  get noiseKey(): Uint8Array {
    return this.announcement.peer.noiseKey;
  }

  get bindingNumber(): number {
    return this.announcement.peer.bindingNumber;
  }

  get endpoints(): readonly Endpoint[] {
    return this.announcement.peer.endpoints;
  }
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
/** Announcements that were read last stay as they were read. */
const readLast = 64;

export class PeerBook {
  readonly #standingOf: StandingOf;
  readonly #entries = new Map<PeerId, Entry>();
  /** Ids of the records held: every member passes on every record, and only the first copy is worth a signature check. */
  readonly #known = new Set<string>();
  /** Entries of admitted peers in the order of {@link #entries}, until either changes. */
  #admitted: readonly Entry[] | undefined;
  /** The one that was asked for longest ago first. */
  readonly #read = new Map<Entry, Announcement>();
  /** One for all entries. */
  readonly #opener = (entry: Entry) => this.#reread(entry);

  constructor(standingOf: StandingOf) {
    this.#standingOf = standingOf;
  }

  /** The announcement when it is newer than what is held; undefined for an older, known, revoked or malformed one. */
  learn(received: Uint8Array): Announcement | undefined {
    const id = recordName(received);
    if (this.#known.has(id)) return undefined;
    const announcement = openAnnouncement(received);
    if (announcement === undefined) return undefined;
    const { peer } = announcement;
    const standing = this.#standingOf(peer.publicKey);
    const held = this.#entries.get(peer.id);
    const entry = new Entry(copyNamed(received), announcement, this.#opener);
    entry.isAdmitted = standing === "admitted";
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
      const standing = this.#standingOf(entry.publicKey);
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
    return this.#admittedEntries();
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

  #reread(entry: Entry): Announcement {
    const announcement = this.#read.get(entry) ?? reopenAnnouncement(entry.record);
    this.#read.delete(entry);
    this.#read.set(entry, announcement);
    if (this.#read.size > readLast) this.#read.delete(this.#read.keys().next().value!);
    return announcement;
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
    if (held === undefined) return;
    this.#known.delete(recordName(held.record));
    this.#read.delete(held);
    this.#entries.delete(peer);
    this.#admitted = undefined;
  }
}

function supersedes(entry: Entry, held: Entry): boolean {
  const difference = entry.sequence - held.sequence;
  return (difference || compareBytes(entry.record, held.record)) > 0;
}
