import type { AeadName } from "./aead.ts";
import type { Drop } from "./drop.ts";
import type { ErrorCode } from "./errors.ts";
import type { PeerIdentity, TokenReference } from "./membership.ts";
import type { RelayWillingness } from "./topology.ts";
import type { Address, Endpoint, Millis, PeerId, PeerRecord, Prefix } from "./values.ts";

/**
 * Turns overlay packets into datagrams and back, and owns sessions and their keys. A pure machine: bytes and `now` go
 * in; datagrams, packets and facts come out of `poll`, deadlines out of `pollTimeout`. It does no I/O and reads no clock,
 * so the same object runs on a socket and in a simulation. Whoever drives it calls `poll` until undefined after every
 * other call.
 *
 * One machine for all peers, not one per peer: a datagram of a stranger, a join and a receiver index have no peer yet.
 */
export interface Encapsulation {
  /**
   * Bytes added to an overlay packet on an underlay of IPv4 and of IPv6, outer IP and UDP headers included, on the worst way
   * that it may take.
   */
  readonly overhead: { readonly 4: number; readonly 6: number };
  /** How much of it is added only to what goes through a relay. Absent: nothing goes through relays. */
  readonly relayOverhead?: number;
  /** Sets out for a session and retries until there is one or `forget`. Idempotent per endpoint and peer. */
  connect(target: SessionTarget, now: Millis): void;
  /**
   * Stops setting out for this endpoint, whether it was given bare or with a peer. A session that exists stays, and
   * other endpoints of the same peer are still tried.
   */
  forget(endpoint: Endpoint, now: Millis): void;
  /** Ends the session and every attempt; the other side is told when it can be. */
  disconnect(peer: PeerId, now: Millis): void;
  /** Seals one packet to a peer with a session. `payload` is free for reuse on return. */
  seal(peer: PeerId, packet: OverlayPacket, now: Millis): Drop;
  /** Any bytes from any sender. What is not for us, or hostile, changes nothing and says why. */
  handleDatagram(datagram: Uint8Array, from: Endpoint, now: Millis): Drop;
  /** To be called when `now` reaches `pollTimeout()`; early and late calls are harmless. */
  handleTimeout(now: Millis): void;
  pollTimeout(): Millis | undefined;
  poll(): EncapsulationOutput | undefined;
}

/** An encapsulation that strangers with a token can knock at. */
export interface Joining {
  /** Knocks at the endpoints in turn until one answers, all have refused, or `deadline`. */
  join(request: JoinRequest, now: Millis): void;
  /** The verdict on a `join-requested` output. A late or unknown `request` is ignored. */
  answerJoin(request: number, answer: JoinAnswer, now: Millis): void;
}

/**
 * An encapsulation that serves devices: peers that the configuration lists and that are no members of the network. They
 * prove nothing, so they get nothing but what the configuration says: packets of their prefixes, to and from endpoints
 * of this node. `connect` with a device's endpoint begins to serve it.
 */
export interface FixedPeers {
  /** The same from creation to the end. */
  readonly fixedPeers: readonly FixedPeer[];
  /**
   * Absent where nothing on the links to devices asks who has an address. Called once, before the first `connect`. `isOurs`
   * is true for an address of this node, held by a port or free in its ranges, and may be asked within calls on the machine.
   */
  answerFor?(isOurs: (address: Address) => boolean): void;
}

export interface FixedPeer {
  /** Derived from the name under a domain of its own, so that it is no member's. */
  readonly id: PeerId;
  readonly name: string;
  readonly endpoint: Endpoint;
  /** The addresses behind it, outside of the network's ranges; what overlaps one is not routed. */
  readonly prefixes: readonly Prefix[];
}

/**
 * An encapsulation that shares its sessions with a data path worker. The worker seals and opens data messages; the
 * machine keeps handshakes, renewal, keepalives, the measuring of paths, and every session that was not taken. Both send
 * in a session that is shared, each with counters from {@link ExportedCells}; its data messages and relayed
 * ones are opened by the worker alone, all other messages by the machine alone, so that each side has a replay window of its own.
 */
export interface SessionExport {
  /** Every session from now on goes to `to`. Called once, before the first handshake. */
  exportSessions(to: SessionExporter): void;
  /** A data message that the worker has opened and does not finish itself; it is handled as if it had been opened here. */
  handleOpened(message: OpenedMessage, now: Millis): Drop;
}

/**
 * Takes what a worker needs to know of sessions. All calls come in order, from within calls on the machine, and must not
 * call it. Of one peer there are at most six sessions at a time.
 */
export interface SessionExporter {
  /** This node passes on messages of its peers, so much of each. Called once, before any session; never if it does not. */
  relaying(rates: RelayRates): void;
  /** Offered to peers: the worker sends and takes packets whose TCP or UDP checksum is not finished. */
  readonly partialChecksum: boolean;
  /**
   * A session has keys. Called before anything is sent because of it, so no message in it comes earlier. Undefined: there
   * is no room, and the session stays with the machine. Until {@link confirmed} the worker hands over what it opens in it.
   */
  opened(session: ExportedSession): ExportedCells | undefined;
  /** The peer is known to have the keys: what is opened in this session need not be handed over for its sake any more. */
  confirmed(localIndex: number): void;
  /** How packets to this peer leave from now on: at every change of session, endpoint or size. */
  current(peer: PeerId, way: ExportedWay): void;
  /** The session is over: its keys are to be wiped and its cells are not used again. */
  ended(localIndex: number): void;
  /** There is no session with this peer; its sessions have ended before, or are replaced by those of its next start. */
  down(peer: PeerId): void;
}

/** What is passed on for one peer; each thread counts for itself. */
export interface RelayRates {
  readonly bytesPerSecond: number;
  readonly packetsPerSecond: number;
}

/** What is known of a session when it begins. */
export interface ExportedSession {
  readonly peer: PeerId;
  /** Copies, which are the exporter's to wipe, taken or not. */
  readonly keys: SessionKeys;
  /** Both sides have offered it: the key of a GRE header is where a checksum is to be finished. */
  readonly partialChecksum: boolean;
  /** The peer takes messages that this node passes on. */
  readonly relayed: boolean;
}

export interface ExportedWay {
  /** The session to send in. When it was not taken, packets to this peer are the machine's to send. */
  readonly localIndex: number;
  /** An address, or a place behind a relay (`core/wire/relay_endpoint.ts`): then through whatever session there is with that. */
  readonly endpoint: Endpoint;
  /** Bytes of the longest GRE packet in one datagram. The machine splits what is longer. */
  readonly longest: number;
  /**
   * GRE packets are datagrams as they are, in both directions, and only to and from exactly this endpoint. What is sealed is
   * taken all the same.
   */
  readonly isPlain: boolean;
}

/** Numbers of one session that both threads see. */
export interface ExportedCells {
  /** The next counter to send with, to each caller in either thread another one. Not used when it is 2^31 or more, or negative. */
  takeCounter(): number;
  /** Counters taken so far. */
  readonly sent: number;
  /** Messages that the worker has opened. */
  readonly received: number;
  /** How many of those came from elsewhere than the peer's packets go. */
  readonly strayed: number;
  /** The highest counter among those; −1 before the first. */
  readonly newest: number;
  /** Messages for others that came in this session and that the worker has passed on; absent: it passes nothing on. */
  readonly passedOn?: number;
  /** Packets that the worker has sent in plain, which take no counter. Those that come so are no sign of life. */
  readonly sentPlain: number;
}

/**
 * A data message or a relayed one that has verified and passed the worker's replay window. Handed over are at least those without
 * plaintext, those of sessions that are not confirmed, those that are newest and come from elsewhere than the peer's packets go,
 * and those that came through a relay through which nothing goes there. A data message in a relayed one, or a relayed one, is opened
 * by the worker if it shares the session, for nobody else may: of the outer one nothing but a sign is handed over then.
 */
export interface OpenedMessage {
  readonly localIndex: number;
  /** A GRE packet, or nothing. The machine keeps the memory and may write to it. */
  readonly plaintext: Uint8Array;
  /** It is no data but a relayed message, with its tag; empty: the worker has dealt with it. */
  readonly relayed: boolean;
  /** As in the message's header. */
  readonly forwarded: boolean;
  readonly counter: number;
  /** No higher counter had been opened before it. */
  readonly newest: boolean;
  readonly from: Endpoint;
}

/**
 * An encapsulation that measures how large packets the paths to its peers carry, and splits what is larger than the path
 * so that it crosses all the same.
 */
export interface PathMeasuring {
  /** IP bytes of the largest packet that the underlay of this host takes. */
  readonly underlayMtu: number;
  /** From now on for every new session; its outputs are of kind `path-mtu`. */
  measurePaths(): void;
}

/** An encapsulation that numbers its messages, so that those which never came can be counted. */
export interface ArrivalCounting {
  /** Of the sessions with this peer that have keys now, which are those of a few minutes; undefined when there is none. */
  arrivals(peer: PeerId): Arrivals | undefined;
}

export interface Arrivals {
  /** Numbers that the peer has used, as far as is known here: up to the highest of each session that has come. */
  readonly sent: number;
  /** Messages that have come, each counted once. */
  readonly received: number;
}

/** An encapsulation that keeps what translators remember of its datagrams. */
export interface MappingKeeping {
  /** From now on no peer with a session goes longer than this without a datagram from here. */
  keepMappings(every: Millis): void;
}

/** An encapsulation that can try another way to a peer with a session. */
export interface WayProbing {
  /**
   * Sends one request for a sign of life there, within the session; nothing without one. Whoever answers is followed, as if it
   * had roamed. From one relay to another only one of the two ends moves the session: nothing is sent by the other.
   */
  probe(peer: PeerId, endpoint: Endpoint, now: Millis): void;
}

/** An encapsulation that wants to know when a transport has found another way to an address. */
export interface WayOpening {
  /** As {@link Datagrams.opened} says: whoever is called there, and at other places, is to be called there now. */
  opened(place: Endpoint, now: Millis): void;
}

/** An encapsulation that can tell when it tries an endpoint next: undefined when it does not, or has a session there. */
export interface AttemptTimes {
  nextAttempt(endpoint: Endpoint): Millis | undefined;
}

/** An encapsulation whose peers may reach each other through it. */
export interface Relaying {
  /** What this machine has passed on for a peer; a worker counts for itself. */
  relayed(peer: PeerId): Relayed;
}

/** An encapsulation that knows whether this node may be asked to pass on what others send to others; if absent it is not. */
export interface RelayWilling {
  /** The same from creation to the end. */
  readonly willingness: RelayWillingness;
}

/** Messages of a peer that were passed on, and their bytes without what is sealed around them. */
export interface Relayed {
  readonly packets: number;
  readonly bytes: number;
}

/**
 * An encapsulation that carries single messages between members without a session. Each is sealed for one member and
 * opened once, and only from a member; any may be lost, late, or come before an earlier one. They are no sign of life of a
 * session, make none, and keep none up.
 */
export interface Notes {
  /**
   * From now on notes are taken, from whom `senderOf` knows by the first 8 bytes of its id: members in good standing other
   * than this node. It is asked for every note, within calls on the machine. Called once.
   */
  takeNotes(senderOf: (tag: Uint8Array) => PeerRecord | undefined): void;
  /** Seals a body of at most {@link maxNoteLength} bytes, which is free for reuse on return. */
  sendNote(to: PeerRecord, endpoint: Endpoint, body: Uint8Array, now: Millis): Drop;
  /** Whoever is no member any more: what is kept for notes with it is wiped. */
  forgetMember(peer: PeerId): void;
}

/** With all headers, relayed too, a note fits in one datagram on a path of 1,280 bytes. */
export const maxNoteLength = 1_100;

/** What is carried inside a session. `protocol` is an EtherType as in GRE. */
export interface OverlayPacket {
  readonly protocol: number;
  readonly payload: Uint8Array;
  /** Passed on once already by a peer whose table named us: it goes no further. */
  readonly forwarded: boolean;
}

export interface SessionTarget {
  readonly endpoint: Endpoint;
  /** Absent for a bare address: the machine first asks who is there. */
  readonly peer?: { readonly id: PeerId; readonly noiseKey: Uint8Array };
  /** Somebody wants it now: what is tried already is tried at once, and as often as if it were new. */
  readonly again?: boolean;
}

export interface JoinRequest {
  readonly token: TokenReference;
  /** 32 bytes. */
  readonly tokenKey: Uint8Array;
  readonly endpoints: readonly Endpoint[];
  /** Opaque to the machine: what the admitting member needs to know of us. */
  readonly application: Uint8Array;
  readonly deadline: Millis;
}

export type JoinAnswer =
  | { readonly welcome: Uint8Array }
  | { readonly refused: ErrorCode; readonly reason: string };

export type EncapsulationOutput =
  /** `seeks`: it asks for an answer where none may ever have come from, see `Datagrams.seek`; `refuses`: see `Datagrams.refuse`. */
  | {
    readonly type: "transmit";
    readonly datagram: Uint8Array;
    readonly to: Endpoint;
    readonly seeks?: boolean;
    readonly refuses?: boolean;
  }
  | { readonly type: "packet"; readonly from: PeerId; readonly packet: OverlayPacket }
  | {
    readonly type: "session-up";
    readonly session: SessionInfo;
    readonly peer: PeerIdentity;
    readonly credentials: Uint8Array;
    /** Extensions that the peer has named, by which packets for it may be of more kinds; none if absent. */
    readonly features?: readonly string[];
  }
  /** A device is heard. It has shown neither an identity nor credentials; `session-down` says that it has fallen silent. */
  | { readonly type: "device-up"; readonly session: SessionInfo; readonly name: string }
  | { readonly type: "session-down"; readonly peer: PeerId; readonly reason: string }
  | { readonly type: "roamed"; readonly peer: PeerId; readonly endpoint: Endpoint }
  | { readonly type: "round-trip"; readonly peer: PeerId; readonly rtt: Millis }
  /** The body is the handler's to keep. */
  | { readonly type: "note"; readonly from: PeerId; readonly endpoint: Endpoint; readonly body: Uint8Array }
  /** Packets to this peer cross in plain from now on, or sealed again; a session that is up begins sealed. */
  | { readonly type: "plain"; readonly peer: PeerId; readonly isPlain: boolean }
  /** Bytes of the largest overlay packet that crosses in one datagram; undefined: the path has changed and is not known yet. */
  | { readonly type: "path-mtu"; readonly peer: PeerId; readonly mtu: number | undefined }
  /** `INVALID_ARGUMENT`: it is not tried again, as it can lead to nobody; what has no peer then is this node's own address. */
  | {
    readonly type: "attempt-failed";
    readonly target: SessionTarget;
    readonly code: ErrorCode;
    readonly reason: string;
  }
  /** A bare address that `connect` was given is this peer's, which has a session. */
  | { readonly type: "target-found"; readonly endpoint: Endpoint; readonly peer: PeerId }
  | { readonly type: "clone-detected"; readonly peer: PeerId; readonly endpoints: readonly Endpoint[] }
  | {
    readonly type: "join-requested";
    readonly request: number;
    readonly token: TokenReference;
    readonly noiseKey: Uint8Array;
    readonly application: Uint8Array;
    readonly from: Endpoint;
  }
  | { readonly type: "join-answered"; readonly welcome: Uint8Array; readonly from: Endpoint }
  | { readonly type: "join-failed"; readonly code: ErrorCode; readonly reason: string };

export interface SessionInfo {
  readonly peer: PeerId;
  readonly endpoint: Endpoint;
  readonly initiator: boolean;
  /** Absent in plaintext: what comes is neither secret nor authentic. */
  readonly aead?: AeadName;
  /** The peer passes messages on for others; `always`: it asks to be asked first. */
  readonly relays?: "willing" | "always";
  /** Monotonic time of establishment on this node. */
  readonly since: Millis;
}

/** What the data path needs of a session; keys of 32 bytes. Indices are 32-bit, chosen by each receiver. */
export interface SessionKeys {
  readonly localIndex: number;
  readonly remoteIndex: number;
  readonly aead: AeadName;
  readonly send: Uint8Array;
  readonly receive: Uint8Array;
}
