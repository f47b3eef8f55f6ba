import type { Endpoint } from "./values.ts";

/**
 * Moves bytes between endpoints of the underlay. A transport offers datagrams, streams or both; a capability that is
 * absent is a missing member, never a method that throws.
 */
export interface Transport {
  readonly datagrams?: Datagrams;
  /** Bulk transfer; what runs on it makes its own handshake under its own label. */
  readonly streams?: Streams;
}

export interface Datagrams {
  /** Where this transport can be reached, known after `start`; a wildcard listener names each interface's address. */
  localEndpoints(): readonly Endpoint[];
  /** Best effort, never blocks, never throws; `datagram` is free for reuse on return. False: not sent, and counted. */
  send(datagram: Uint8Array, to: Endpoint): boolean;
  /** Called once, before `start`. `datagram` is the transport's memory, valid during the call only. */
  receive(handler: (datagram: Uint8Array, from: Endpoint) => void): void;
}

export interface Streams {
  localEndpoints(): readonly Endpoint[];
  /** Rejects `UNREACHABLE` or `TIMEOUT`. */
  dial(to: Endpoint, signal: AbortSignal): Promise<FramedStream>;
  /** Called once, before `start`. */
  accept(handler: (stream: FramedStream, from: Endpoint) => void): void;
}

export interface FramedStream {
  /** Resolves when the frame is queued within limits: back-pressure is the promise. */
  send(frame: Uint8Array): Promise<void>;
  /** Ends when either side closes; a frame over the limit closes the stream. */
  frames(): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}
