/**
 * Every number of this plugin, in two groups. Protocol constants are part of the wire format or of what the other side
 * relies on: changing one is a new protocol version. Implementation constants are this node's own limits and habits.
 */

/** Protocol constants. Times in milliseconds, sizes in bytes. */
export const protocol = {
  /** Second byte of every message. */
  version: 1,
  /** Lowest and highest version of what is said inside handshakes. */
  versions: { lowest: 1, highest: 1 },
  memberHandshake: "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s",
  joinHandshake: "Noise_XXpsk3_25519_ChaChaPoly_BLAKE2s",

  /**
   * Least length of an initiation, and so the room for its response: no answer is longer than its question, or a forged
   * source address would turn a node into an amplifier. With IPv6 and UDP headers this makes 1,280 bytes, which every
   * path carries unfragmented.
   */
  initiationLength: 1_232,
  /** Likewise for the first message of a join, whose answer carries no credentials. */
  knockLength: 256,
  whoIsLength: 96,

  rekeyAfterMillis: 120_000,
  /** The responder steps in when the initiator's rekeys do not get through. */
  responderRekeyAfterMillis: 160_000,
  /** Neither side seals or opens with an older session; its keys are wiped. */
  rejectAfterMillis: 180_000,
  rekeyAfterMessages: 2 ** 40,
  /** Counters are Numbers: 10 million packets a second reach this after 28 years. */
  rejectAfterMessages: Number.MAX_SAFE_INTEGER,

  /** Life of a cookie with whoever was sent it, and of the secret that cookies are made with. */
  cookieMillis: 120_000,

  keepaliveMillis: 5_000,
  /** Unanswered requests after which a session is down, one keepalive time after the last of them. */
  keepaliveLimit: 3,

  /** Part of a join answer; with all headers it fits into 1,280 bytes. */
  joinPartLength: 1_100,
  joinPartLimit: 64,
  /** Parts sent in a row and asked for at a time. */
  joinWindow: 8,
} as const;

/** Waits between handshake attempts; the last one repeats, with jitter. */
export const retryMillis: readonly number[] = [250, 500, 1_000, 2_000, 5_000];

/** Implementation constants. Times in milliseconds. */
export const limits = {
  /** Added to every wait after the first round, so that two sides do not stay in step. */
  jitterMillis: 334,
  /** By so much of it, at most, is a wait of the first round shorter: those who lost one peer together must not stay in step. */
  hasteShare: 1 / 4,
  /** Unanswered attempts after which a failure is reported and the next older network key is tried. */
  attemptsPerRound: 5,
  peers: 65_536,
  /** Addresses of a peer that are tried, as many as an announcement names, and places behind relays beside them. */
  endpointsPerPeer: 8,
  relayPlacesPerPeer: 5,
  /** Bare addresses being asked who is there. */
  seeds: 1_024,
  /** Longest handshake datagram accepted. */
  handshakeLength: 4_096,
  /** Retired sessions of a peer that can still open packets under way, see `slots.ts`. */
  retiredSessions: 3,
  initiationIntervalMillis: 20,
  /**
   * First messages (initiations and knocks with a right mac1) that are answered without asking for a cookie: at 2.5 ms
   * each a quarter of a core. Above it this node is under load, until so long after the last one too many.
   */
  firstMessages: { perSecond: 100, burst: 64 },
  underLoadMillis: 1_000,
  /**
   * Under load, first messages with a right mac2: 20 a second from one source, as in WireGuard, and half a core in all.
   * Here and below: as much again for sources that were turned away and come again, see `rate_limiter.ts`.
   */
  provenInitiations: { perSecond: 200, burst: 64, perSourcePerSecond: 20, sourceBurst: 5 },
  provenKnocks: { perSecond: 50, burst: 32, perSourcePerSecond: 20, sourceBurst: 5 },
  /** Cookies for initiations, as many for knocks, and answers to who-is: without a Diffie-Hellman, each at most a tenth of a core. */
  cookieReplies: { perSecond: 2_000, burst: 200, perSourcePerSecond: 20, sourceBurst: 10 },
  whoIsAnswers: { perSecond: 2_000, burst: 200, perSourcePerSecond: 20, sourceBurst: 10 },
  /** Answers to unknown indices: an attacker can make those up. */
  unknownIndexAnswers: { perSecond: 200, burst: 100, perSourcePerSecond: 20, sourceBurst: 10 },
  /** Derivations of keys of tokens not met before, whose ids anybody can make up; a "source" is a token id. */
  tokenDerivations: { perSecond: 2_500, burst: 250, perSourcePerSecond: 20, sourceBurst: 10 },
  /** Sources whose rates are told apart, for each of these. */
  sources: 1_024,
  /** Sources that were turned away are known for at least this long. */
  askedBeforeMillis: 2_500,
  /** First messages remembered against copies: twice this many at most. */
  seenMacs: 8_192,
  /** Cookies of others that this node holds. */
  cookies: 1_024,
  /** Altered replies in one handshake that are looked into: mac1 does not cover all, so each costs a Diffie-Hellman. */
  spoiltReplies: 32,
  /** Tokens whose keys are kept ready: with which somebody has knocked rightly, and others. */
  provenTokens: 256,
  otherTokens: 1_024,
  /** For so long keys of a token are used without asking whether it still holds. */
  tokenKeysMillis: 10_000,
  /** A peer's unknown-index answers start at most one handshake in this time: they are not authenticated. */
  unknownIndexMillis: 3_000,
  /** Such handshakes with all peers together: whoever overhears their sessions can make up the answers of each. */
  unknownIndexCalls: { perSecond: 50, burst: 64 },
  /** Wait before a peer that has said goodbye is called again. */
  afterGoodbyeMillis: 2_000,
  /** Outputs that carry packets wait here for `poll`; more are dropped. */
  queuedPackets: 8_192,
  /** Longest application of a joiner: with its handshake message it is not over `handshakeLength`. */
  applicationLength: 3_800,
  pendingJoins: 64,
  /** Life of a join between two authenticated messages of the joiner, and at most in all. */
  joinMillis: 10_000,
  joinTotalMillis: 60_000,
  joinResendMillis: 100,
  /** Of the records of a peer that have come in part: how many, how many bytes and for how long they wait for the rest. */
  partRecords: 64,
  partBytes: 131_072,
  /** What a part counts as at least: about what a short one costs to keep, and less than all but the last have by custom. */
  partLeastBytes: 250,
  partMillis: 2_000,
  /** Paths of peers that move are measured anew that often at most: who is on the path can make one move all the time. */
  pathMoveMillis: 1_000,
  /** A way on which the peer was heard so long ago is preferred: a keepalive time and what an answer may take. */
  wayAliveMillis: 7_500,
  /** While a peer is behind a relay its addresses are tried this often, and all ways that often at most for any reason. */
  seekAddressMillis: 5_000,
  askWayMillis: 1_000,
  /** Members that all peers without an answer are sought behind. */
  relays: 3,
  /**
   * So long the answer to a call through a relay is waited for: it takes the round trips of two legs, and where there is no way
   * the relay says so.
   */
  relayAnswerMillis: 1_000,
  /** Words that there is no way through here: said, and acted on when relays say so. */
  noWayAnswers: { perSecond: 200, burst: 100, perSourcePerSecond: 20, sourceBurst: 10 },
  noWayCalls: { perSecond: 50, burst: 64, perSourcePerSecond: 20, sourceBurst: 10 },
  /** What is passed on for one peer, if nothing else is configured: 100 Mbit/s. */
  relayBytesPerSecond: 12_500_000,
  relayPacketsPerSecond: 50_000,
  /** Both sides are told that often at most that packets may cross in plain, or not any more: peers may move all the time. */
  trustRenewalMillis: 3_000,
  /** Round trips are measured at least this often, also when traffic makes keepalives needless. */
  roundTripMillis: 30_000,
  /** Instances of a peer that are remembered as replaced. */
  instances: 8,
  cloneAlarmMillis: 60_000,
  /** Stamps are allowed on disk this far ahead, and further when half of it is used: a write per 2.5 s of handshakes. */
  stampReserveMillis: 5_000,
  /** Waits between writes of it that fail: they double. */
  stampRetryMillis: { first: 1_000, longest: 60_000 },
  /**
   * Counters of notes step with the clock, and are allowed on disk ten minutes ahead: a write per five minutes. Whoever
   * writes more than 62 notes a second is ahead of the clock and writes more often.
   */
  noteTickMillis: 16,
  noteReserveTicks: 37_500,
  /** Members whose ciphers of notes are ready, and network keys that each of them may have some for. */
  noteCiphers: 1_024,
  noteNetworkKeys: 4,
  /** Diffie-Hellmans for notes that came in the name of members whose keys have not been looked for yet. */
  noteKeyLooks: { perSecond: 50, burst: 64 },
  /** Counters of sessions that the data path worker shares have 32 bits: half an hour at a million packets a second. */
  sharedRejectAfterMessages: 2 ** 31,
  sharedRekeyAfterMessages: 2 ** 30,
  /** What such a session sends in a second, about: an unknown-index answer names one of these counters. */
  sharedSentLately: 2 ** 20,
  /** While the worker moves packets of a peer, it is looked that often what it has moved. */
  workerLookMillis: 1_000,
} as const;

/**
 * Bytes a packet grows by at most on the way to an address: GRE 8, our header 16, tag 16, UDP 8, IPv4 20 or IPv6 40. Four of GRE's are the key that
 * says where a checksum is missing. Few packets have one, but those are the longest: segments of TCP fill the interface's
 * MTU, and without this room none of them could travel as the kernel gave it.
 */
export const directOverhead = { 4: 68, 6: 88 } as const;

/** What a relay adds: a header, a tag of a peer and an AEAD tag once more. */
export const relayOverhead = 40;

/**
 * The same on the worst way that it may take. MTUs of interfaces leave room for it and never change, for a peer may be behind a
 * relay at any time.
 */
export const overhead = {
  4: directOverhead[4] + relayOverhead,
  6: directOverhead[6] + relayOverhead,
} as const;
