import type { AeadSuite } from "./aead.ts";
import type { Datapath } from "./datapath.ts";
import type { Decisions } from "./decisions.ts";
import type { Drop } from "./drop.ts";
import type { Events } from "./events.ts";
import type { Membership, PeerIdentity } from "./membership.ts";
import type { ReplicatedState, Replication } from "./replicated_state.ts";
import type { Store } from "./store.ts";
import type { Millis, PeerId, WallMillis } from "./values.ts";

/** Time is handed in: the same code runs on real and on simulated time. */
export interface Clock {
  /** Monotonic; never goes back, also when the wall clock does. */
  now(): Millis;
  /** Wall clock; may jump either way at any call. */
  wall(): WallMillis;
  /** Calls `run` once when `now()` reaches `at` or soon after; at once on the next turn when `at` has passed. */
  timer(at: Millis, run: () => void): Timer;
}

export interface Timer {
  /** Idempotent; after it `run` is not called any more. */
  cancel(): void;
}

/** Chance is handed in: a cryptographic generator in a node, a seeded one in a simulation. */
export interface Random {
  /** Fills all of `bytes` and returns it. */
  fill(bytes: Uint8Array): Uint8Array;
}

export type LogLevel = "debug" | "info" | "warn" | "error";

/** Field values are facts, not prose; the names in use are listed in `core/README.md`. Secrets never go in. */
export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  child(scope: string): Logger;
  /** The message is a constant; what varies is a field. */
  log(level: LogLevel, message: string, fields?: LogFields): void;
}

/** Counts of packets that went no further, by reason. */
export interface DropCounters {
  /** Counts one, or `times`; `Drop.none` is ignored, so a result can be passed on unseen. */
  count(drop: Drop, times?: number): void;
}

/** Named messages to peers, carried inside established sessions. Best effort: what must arrive is repeated by its owner. */
export interface Channel {
  /** At most {@link maxChannelMessage} bytes. False when there is no session or the queue is full: nothing was sent. */
  send(to: PeerId, message: Uint8Array): boolean;
  /** One handler; `message` is the handler's to keep. What the handler throws is logged and counted, never passed on. */
  receive(handler: (from: PeerId, message: Uint8Array) => void): void;
  /** Peers with a session now. */
  peers(): readonly PeerId[];
}

/** Fits, with every header, in one datagram on a path of 1,280 bytes: a message never depends on fragments. */
export const maxChannelMessage = 1100;

/**
 * Single messages to members, without a session: for those who write seldom to many. Best effort, each opened once; a note
 * that was recorded before this node started may come once more.
 */
export interface NoteChannel {
  /** At most `maxNoteLength` bytes, free for reuse on return. False: nothing was sent, and the reason was counted. */
  send(to: PeerId, body: Uint8Array): boolean;
  /** One handler in a node; throws when there is one. `body` is its to keep; what it throws is logged, never passed on. */
  receive(handler: (from: PeerId, body: Uint8Array) => void): void;
}

/** The other members of the network, as far as this node knows them. */
export interface MemberWatch {
  /** Those who have said where they are. */
  known(): readonly PeerIdentity[];
  /**
   * Whose name it is, however it is written: of several members that were admitted under one, the first, as all nodes see it.
   * This node too; undefined where there is none, or no network yet.
   */
  named(name: string): PeerId | undefined;
  /** `joined` are new, or have said something new of themselves; `removed` are members no more. */
  watch(handler: (joined: readonly PeerIdentity[], removed: readonly PeerId[]) => void): void;
  /** Calls `handler` when something authentic has come from a member in a session: a packet, or the answer to a keepalive. */
  hear(handler: (peer: PeerId) => void): void;
}

/**
 * All that is ambient for a plugin. A plugin declares the slice it uses, for instance `Pick<Host, "clock" | "log">`,
 * and is tested with that slice alone.
 */
export interface Host {
  readonly self: Self;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly events: Events;
  readonly drops: DropCounters;
  readonly membership: Membership;
  /** The store slot's plugin. A plugin keeps its keys under `<plugin name>/`. */
  readonly store: Store;
  /** AEAD implementations present, fastest first by the self-test; at least one of each algorithm. */
  readonly aeads: readonly AeadSuite[];
  /** Where packets pass this thread by; absent: this thread carries them all. */
  readonly datapath?: Datapath;
  /** Absent where the encapsulation carries none. */
  readonly notes?: NoteChannel;
  readonly members: MemberWatch;
  /**
   * The IP literals that a DNS name stands for, in the order the system prefers. Rejects `UNREACHABLE` for a name that nobody
   * knows, and when nobody can be asked.
   */
  resolve(name: string): Promise<readonly string[]>;
  channel(name: string): Channel;
  /** Shares a state with all nodes, from now on. Throws when the name is no word or in use: a mistake of the plugin. */
  replicate(state: ReplicatedState): Replication;
  /** Absent where nobody votes. */
  readonly decisions?: Decisions;
}

/** This node as others will know it. */
export interface Self {
  readonly id: PeerId;
  /** The human name; unique in the network. */
  readonly name: string;
  /** Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** Ed25519 signature, 64 bytes. The message must begin with a domain of its own. */
  sign(message: Uint8Array): Uint8Array;
  /** X25519 static pair of the Noise handshake, 32 bytes each. */
  readonly noise: { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array };
}
