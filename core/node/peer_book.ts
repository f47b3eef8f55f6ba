/**
 * What peers say of themselves: of each key the announcement with the highest sequence number, and of two with one
 * number that with the greater bytes. So it does not matter in which order they came.
 *
 * An announcement may come before the admission of its signer; then it waits, unheeded, among the few that are kept of
 * strangers: those of the lowest ids, which again needs no order. What a revoked key says goes for good.
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
}

export type StandingOf = (publicKey: Uint8Array) => Standing["state"];

/** Announcements of keys that nobody has admitted yet. */
export const maxStrangers = 256;

export class PeerBook {
  readonly #standingOf: StandingOf;
  readonly #entries = new Map<PeerId, Entry>();
  /** Ids of the records held: every member passes on every record, and only the first copy is worth a signature check. */
  readonly #known = new Set<string>();

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
    const entry = { announcement, record, id };
    if (standing === "revoked" || (held !== undefined && !supersedes(entry, held))) return undefined;
    this.#forget(peer.id);
    this.#entries.set(peer.id, entry);
    this.#known.add(id);
    if (standing === "unknown") this.#dropStrangers();
    return this.#entries.has(peer.id) ? announcement : undefined;
  }

  /** To be called when admissions or revocations have come. Those whose announcement is gone. */
  judge(): readonly PeerId[] {
    const isOut = ({ announcement: { peer } }: Entry) => this.#standingOf(peer.publicKey) === "revoked";
    const out = [...this.#entries].filter(([, entry]) => isOut(entry)).map(([id]) => id);
    for (const peer of out) this.#forget(peer);
    return [...out, ...this.#dropStrangers()];
  }

  /** Whether this very record is held. */
  has(record: Uint8Array): boolean {
    return this.#known.has(encodeHex(recordId(record)));
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
    return this.#admitted().map(({ announcement }) => announcement.peer);
  }

  /** All that are held, those of admitted peers first. */
  records(): readonly Uint8Array[] {
    const admitted = new Set(this.#admitted());
    const strangers = [...this.#entries.values()].filter((entry) => !admitted.has(entry));
    return [...admitted, ...strangers].map(({ record }) => record);
  }

  #believed(peer: PeerId): Entry | undefined {
    const entry = this.#entries.get(peer);
    return entry !== undefined && this.#isAdmitted(entry) ? entry : undefined;
  }

  #admitted(): readonly Entry[] {
    return [...this.#entries.values()].filter((entry) => this.#isAdmitted(entry));
  }

  #isAdmitted({ announcement: { peer } }: Entry): boolean {
    return this.#standingOf(peer.publicKey) === "admitted";
  }

  #dropStrangers(): readonly PeerId[] {
    if (this.#entries.size <= maxStrangers) return [];
    const strangers = [...this.#entries].filter(([, entry]) => !this.#isAdmitted(entry)).map(([id]) => id);
    const surplus = strangers.sort().slice(maxStrangers);
    for (const peer of surplus) this.#forget(peer);
    return surplus;
  }

  #forget(peer: PeerId): void {
    const held = this.#entries.get(peer);
    if (held !== undefined) this.#known.delete(held.id);
    this.#entries.delete(peer);
  }
}

function supersedes(entry: Entry, held: Entry): boolean {
  const difference = entry.announcement.sequence - held.announcement.sequence;
  return (difference || compareBytes(entry.record, held.record)) > 0;
}
