/**
 * Why a packet or datagram went no further. The data path never throws: it returns one of these and counts it.
 * The value is the index of the counter, the key its name in `status`, the API and metrics.
 */
export const Drop = {
  none: 0,
  /** Cannot be parsed, or a length, version or flag is out of its range. */
  malformed: 1,
  /** A protocol version or type this build does not speak. */
  unsupported: 2,
  /** mac1 is missing or wrong: a stranger, or a wrong token or network key. */
  badMac: 3,
  /** Receiver index of no session of ours. */
  unknownSession: 4,
  /** Counter, or number of a broadcast, seen before or left of the window: a repetition, or by another way already. */
  replayed: 5,
  /** The AEAD tag does not verify. */
  badTag: 6,
  /** A handshake whose timestamp or key number is not newer than the last one accepted. */
  staleHandshake: 7,
  /** A valid handshake of a key without a valid admission, or a broadcast in the name of nobody who has one. */
  notAdmitted: 8,
  /**
   * Refused by rate: handshakes under load, unknown-index answers, what is relayed, broadcast of a joined bridge, or
   * records of a member that signs so many that they would hold up those of others.
   */
  rateLimited: 9,
  /** No session to the peer that the table or the tree names, or that something is to be relayed to. */
  noSession: 10,
  /** No peer owns the destination. */
  noRoute: 11,
  /** The inner source is not the sending peer's, or not this port's. */
  badSource: 12,
  /** From the mesh, but for neither a local port nor a peer the table names. */
  notOurs: 13,
  /** Forwarded once already, a frame that was sent and came back, or a way over relays in a circle or over too many. */
  loop: 14,
  /** Verdict of the policy, also of that by which a node relays nothing. */
  denied: 15,
  /** Larger than the path or the port takes. */
  tooBig: 16,
  /** A bounded queue was full, or there is no room for one more device behind a joined bridge. */
  queueFull: 17,
  /** Hop limit or TTL reached zero. */
  hopLimit: 18,
  /** No local endpoint listens there. */
  noListener: 19,
  /** A checksum does not verify. */
  badChecksum: 20,
  /** The transport could not send it: the underlay has no way there, or refused. */
  underlay: 21,
  /** Under load, and the sender has not shown yet that its address is its own: it was sent a cookie instead. */
  underLoad: 22,
  /** A record that came in parts, and not all of them in time. */
  incomplete: 23,
} as const;
export type Drop = (typeof Drop)[keyof typeof Drop];
export type DropName = keyof typeof Drop;

/** Names by value, for whoever prints counters. */
export const dropNames: readonly DropName[] = Object.keys(Drop) as DropName[];
