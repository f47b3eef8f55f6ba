import type { PeerIdentity } from "./membership.ts";
import type { Endpoint, PeerId, PeerRecord } from "./values.ts";

/**
 * Moves bytes between endpoints of the underlay. A transport offers datagrams, streams or both; a capability that is
 * absent is a missing member, never a method that throws.
 */
export interface Transport {
  readonly datagrams?: Datagrams;
  /** Bulk transfer between members, each stream under keys of its own. */
  readonly streams?: Streams;
  readonly streamDatagrams?: StreamDatagrams;
}

export interface Datagrams {
  /** Where this transport can be reached, known after `start`; a wildcard listener names each interface's address. */
  localEndpoints(): readonly Endpoint[];
  /** Best effort, never blocks, never throws; `datagram` is free for reuse on return. False: not sent, and counted. */
  send(datagram: Uint8Array, to: Endpoint): boolean;
  /**
   * As `send`, for what asks somebody for an answer: if none comes it may be taken there in another way. Absent where there is
   * no other one.
   */
  seek?(datagram: Uint8Array, to: Endpoint): boolean;
  /**
   * Called with an address that {@link seek} has found another way to; what was sought there last is sent after the call, if
   * it is still the last. Called once, before `start`.
   */
  opened?(handler: (to: Endpoint) => void): void;
  /** As `send`, for what any stranger is told who asks: it does not speak for whoever is there. Absent where nothing hangs on it. */
  refuse?(datagram: Uint8Array, to: Endpoint): boolean;
  /** Called once, before `start`. `datagram` is the transport's memory, valid during the call only. */
  receive(handler: (datagram: Uint8Array, from: Endpoint) => void): void;
}

/**
 * Datagrams inside connections, for networks that let no others through. Places are those of `core/wire/stream_endpoint.ts`.
 * What is carried is sealed by whoever sends it: connections add no secrecy of their own.
 */
export interface StreamDatagrams {
  /** Connects to the listener there, unless there is a connection. Rejects `UNREACHABLE`, and `TIMEOUT` after a few seconds. */
  open(place: Endpoint): Promise<void>;
  /** As {@link Datagrams.send}, through a connection that is open, whoever has dialled. Without one it is counted as lost. */
  send(datagram: Uint8Array, to: Endpoint): boolean;
  /** As {@link Datagrams.refuse}. */
  refuse?(datagram: Uint8Array, to: Endpoint): boolean;
  /** As {@link Datagrams.receive}. */
  receive(handler: (datagram: Uint8Array, from: Endpoint) => void): void;
}

export interface Streams {
  /** As {@link Datagrams.localEndpoints}. */
  localEndpoints(): readonly Endpoint[];
  /**
   * A stream to this member, which has proved by then that it is the one. Rejects `UNREACHABLE` when nobody answers or
   * the other side refuses, `TIMEOUT` when the signal aborts or an answer takes too long, `INVALID_ARGUMENT` for a target
   * that is none, and with the code of the refusal (`NOT_ADMITTED`, `REVOKED`) when this side refuses the other.
   */
  dial(to: StreamTarget, signal: AbortSignal): Promise<FramedStream>;
  /**
   * Called once, before `start`. The handler gets streams of members only, and reads or closes each. What it throws is
   * logged and costs that stream alone.
   */
  accept(handler: (stream: FramedStream) => void): void;
  /** Cuts all streams with this peer, whoever has dialled: it belongs no more. */
  disconnect(peer: PeerId): void;
}

/** Whom to dial, and where. Nobody else can answer there: the answer is made with the secret of `noiseKey`. */
export interface StreamTarget {
  readonly endpoint: Endpoint;
  readonly peer: Pick<PeerRecord, "id" | "noiseKey">;
}

/**
 * Frames in order and whole, both ways, each way with an end of its own. Cut off is not ended: whoever reads learns
 * whether the other side had said everything.
 */
export interface FramedStream {
  /** The member at the other side, as it showed itself in the handshake. */
  readonly peer: PeerIdentity;
  /** Where it is on the underlay; its port is no listener's when it has dialled. */
  readonly remote: Endpoint;
  /** Length of the longest frame that the other side takes. */
  readonly maxFrame: number;
  /**
   * Resolves when the frame is queued within limits: back-pressure is the promise. `frame` must stay as it is until
   * then. Rejects `INVALID_ARGUMENT`, with the stream as it was, for a frame over `maxFrame` and after `end`; and with the
   * error that ended the stream.
   */
  send(frame: Uint8Array): Promise<void>;
  /**
   * Frames as they arrive, the reader's to keep. Done when the other side has ended, or after `close` or `reset` of this
   * one. Throws `UNREACHABLE` when the stream was cut, `TIMEOUT` when the other side was too slow, `MALFORMED` when it broke
   * the protocol. A reader that does not read stops the sender. One reader at a time; a later one goes on where it left.
   */
  frames(): AsyncIterable<Uint8Array>;
  /** No more frames from this side; those of the other side still arrive. Resolves when this is queued. Works twice. */
  end(): Promise<void>;
  /**
   * Ends this side and drops what still arrives. Resolves when both sides have ended; a stream on which the other side
   * neither takes anything nor ends for five seconds is reset. Never rejects, works twice.
   */
  close(): Promise<void>;
  /** Ends both ways at once; what is queued is lost, and the other side sees that the stream was cut. Idempotent. */
  reset(): void;
}
