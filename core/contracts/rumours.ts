import type { PeerId } from "./values.ts";

/**
 * A discovery that also carries what members share: what is new to all of them at once, also to those without a session,
 * and the word of whoever holds something else.
 */
export interface Rumours {
  /** Called once, before `start`. */
  carryFor(ends: RumourEnds): void;
  /** Whether what is spread now reaches others. While it does not, sessions have to carry everything. */
  isLinked(): boolean;
  /** Whether rumours reach this member, for all that is known of it. */
  reaches(peer: PeerId): boolean;
  /** Whether it is one of the few members with whom this plugin compares all the time. Without it, nobody is. */
  isNeighbour?(peer: PeerId): boolean;
  /** To all members. False when it was not taken: it is too long, or the plugin does not run. */
  spread(record: Uint8Array): boolean;
  /** One message of at most {@link maxAside} bytes to one member, best effort. False: it was not sent. */
  send(to: PeerId, message: Uint8Array): boolean;
  /** More was learned than is to be spread piece by piece: those nearby are to compare what they hold, soon. */
  hurry(): void;
}

/** Whose records they are. Nothing here throws. */
export interface RumourEnds {
  /** A record that `from` has passed on. False: it is not sound, or has been replaced, and goes no further. */
  take(from: PeerId, record: Uint8Array): boolean;
  /** 8 bytes over all that is held here, equal on two nodes that hold the same. Cheap while nothing changes. */
  digest(): Uint8Array;
  /** This member holds something else. */
  differs(peer: PeerId, digest: Uint8Array): void;
  /** What {@link Rumours.send} was given there. */
  receive(from: PeerId, message: Uint8Array): void;
}

/** One byte less than a note. */
export const maxAside = 1_099;

export function carriesRumours(discovery: object): discovery is Rumours {
  return "carryFor" in discovery && "spread" in discovery;
}
