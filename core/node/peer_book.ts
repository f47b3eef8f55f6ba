/** What peers say of themselves: the newest signed announcement of each, by sequence number. */
import type { PeerIdentity } from "../contracts/membership.ts";
import type { PeerId } from "../contracts/values.ts";
import { type Announcement, openAnnouncement } from "../identity/announcement.ts";
import { recordId } from "../identity/signed.ts";
import { encodeHex } from "../wire/hex.ts";

interface Entry {
  readonly announcement: Announcement;
  readonly record: Uint8Array;
  readonly id: string;
}

export class PeerBook {
  readonly #entries = new Map<PeerId, Entry>();
  /** Ids of the records held: every member passes on every record, and only the first copy is worth a signature check. */
  readonly #known = new Set<string>();

  /**
   * The announcement when it is newer than what is held and `believes` says yes to its peer; undefined for an older,
   * known or malformed one.
   */
  learn(record: Uint8Array, believes: (peer: PeerIdentity) => boolean): Announcement | undefined {
    const id = encodeHex(recordId(record));
    if (this.#known.has(id)) return undefined;
    const announcement = openAnnouncement(record);
    if (announcement === undefined || !believes(announcement.peer)) return undefined;
    const { peer, sequence } = announcement;
    const held = this.#entries.get(peer.id);
    if (held !== undefined && held.announcement.sequence >= sequence) return undefined;
    this.forget(peer.id);
    this.#entries.set(peer.id, { announcement, record, id });
    this.#known.add(id);
    return announcement;
  }

  forget(peer: PeerId): boolean {
    const held = this.#entries.get(peer);
    if (held !== undefined) this.#known.delete(held.id);
    return this.#entries.delete(peer);
  }

  get(peer: PeerId): Announcement | undefined {
    return this.#entries.get(peer)?.announcement;
  }

  peers(): readonly PeerIdentity[] {
    return [...this.#entries.values()].map(({ announcement }) => announcement.peer);
  }

  records(): readonly Uint8Array[] {
    return [...this.#entries.values()].map(({ record }) => record);
  }
}
