/** What peers say of themselves: the newest signed announcement of each, by sequence number. */
import type { PeerIdentity } from "../contracts/membership.ts";
import type { PeerId } from "../contracts/values.ts";
import { type Announcement, openAnnouncement } from "../identity/announcement.ts";

interface Entry {
  readonly announcement: Announcement;
  readonly record: Uint8Array;
}

export class PeerBook {
  readonly #entries = new Map<PeerId, Entry>();

  /** The announcement when it is newer than what is held; undefined for an older, known or malformed one. */
  learn(record: Uint8Array): Announcement | undefined {
    const announcement = openAnnouncement(record);
    if (announcement === undefined) return undefined;
    const held = this.#entries.get(announcement.peer.id);
    if (held !== undefined && held.announcement.sequence >= announcement.sequence) return undefined;
    this.#entries.set(announcement.peer.id, { announcement, record });
    return announcement;
  }

  forget(peer: PeerId): boolean {
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
