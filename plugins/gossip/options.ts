/** Times and limits of the gossip machine, in milliseconds. All members of a mesh should have the same ones. */
export interface GossipOptions {
  /** Between two beats on one link, each way. */
  readonly beat: number;
  /** How late a beat may be before its sender is pinged: round trip and jitter. */
  readonly margin: number;
  /** Until a ping counts as unanswered. */
  readonly ping: number;
  /** From a suspicion to a death, when nobody else confirms it, and when as many do as are wanted. */
  readonly suspicionMost: number;
  readonly suspicionLeast: number;
  /** A record that nobody acknowledged within this is sent again, and how long an acknowledgement may wait for more. */
  readonly resend: number;
  readonly acknowledge: number;
  /** Tick of repairs: no earlier does a node take a member for one that lacks a rumour. */
  readonly round: number;
  /** Between two digests, and between two probes of a random member that is no neighbour. */
  readonly digest: number;
  readonly probe: number;
  /** Between two calls to a member that is dead, since a partition may have ended. */
  readonly contact: number;
  /** Between two links that are asked for although there are enough: they keep the whole mixed, whatever it has been through. */
  readonly mix: number;
  /** For how long the dead and the left are remembered as such. */
  readonly tombstone: number;
  /** Neighbours: fewer are made up for, more are given back, more than `degreeMost` are never had. */
  readonly degree: number;
  readonly degreeLeast: number;
  readonly degreeMost: number;
}

export const defaultOptions: GossipOptions = {
  beat: 9_000,
  margin: 500,
  ping: 500,
  suspicionMost: 6_000,
  suspicionLeast: 250,
  resend: 400,
  acknowledge: 100,
  round: 500,
  digest: 30_000,
  probe: 30_000,
  contact: 5_000,
  mix: 900_000,
  tombstone: 24 * 3_600_000,
  degree: 5,
  degreeLeast: 4,
  degreeMost: 7,
};

/** Bounds that no configuration changes: what a hostile member can make a node hold. */
export const limits = {
  /** A peer is a number of 16 bits; so many members a table holds at most. */
  members: 65_536,
  /** Body of a datagram. */
  message: 1_100,
  record: 1_024,
  /** Members that are being checked at once, and claims that wait for it. */
  checks: 32,
  claims: 1_024,
  /** Checks at once that one member may cause by suspecting others. */
  checksByAccuser: 4,
  /** Deaths in ten seconds that are believed of one accuser; a digest brings those above, to be looked into. */
  deathsByAccuser: 8,
  /** Deaths in ten seconds that are believed of one who passes them on; half of all members if that is more. */
  deathsBySender: 16,
  /** Of members that are not gone, new incarnations in ten seconds that are believed of one who passes them on. */
  revisionsBySender: 64,
  /** New records in ten seconds that are taken of one member; what is dropped can be asked for later. */
  recordsBySender: 1_024,
  /** Records in ten seconds of which it is found out whether they are new: hundreds of copies fit a datagram. */
  looksBySender: 4_096,
  /** Pings in ten seconds that one member may have made for it. */
  errandsByAsker: 32,
  /** Records whose acknowledgement is waited for. */
  pushed: 64,
  /** Rumours kept for who missed them, their bytes, and ids remembered so that nothing is told twice. */
  rumours: 512,
  rumourBytes: 262_144,
  seen: 8_192,
  /** Records that were not sound, and may come once more. */
  refused: 256,
  /** Rumours that were announced and have not come. */
  wanted: 256,
  /** Ids in one list. */
  listed: 24,
  /** Bytes sent again to one neighbour in a round. */
  repairBytes: 16_384,
  /** Members of whom it is known when they were heard last. */
  evidence: 512,
  /** Largest number of an incarnation: with three bits of state it fills 32. */
  incarnation: 2 ** 29 - 1,
  /**
   * By so much at most a statement lifts an incarnation: the accused one's own, and one that is not known yet. What a liar
   * can claim of others is thus never out of their reach.
   */
  incarnationStep: 256,
  /** Incarnations that are kept ahead on disk, so that they cost no write: a restart passes over them. */
  restartStep: 8,
} as const;
