import type { Drop } from "../../core/contracts/drop.ts";
import type { Endpoint } from "../../core/contracts/values.ts";

/** All that the transport knows of the network under it. What a link does to datagrams is the network's own affair. */
export interface MemoryNetwork {
  /**
   * Takes the endpoint until `close`; throws `BIND_FAILED` when it is taken. `receive` is called for every datagram
   * that arrives, never inside a call of `send`; the memory is the network's, valid during the call.
   */
  bind(endpoint: Endpoint, receive: (datagram: Uint8Array, from: Endpoint) => void): MemoryBinding;
  /** Absent in a network that has datagrams only; then the transport has no streams either. */
  readonly pipes?: MemoryPipes;
}

export interface MemoryBinding {
  /** `datagram` is free for reuse on return. Why it was not sent; what is lost on its way counts as sent. */
  send(datagram: Uint8Array, to: Endpoint): Drop;
  /** Nothing is received after it. Idempotent. */
  close(): void;
}

/** Connections that lose and reorder nothing. */
export interface MemoryPipes {
  /** Takes what is dialled to the endpoint, until `close`. */
  listen(endpoint: Endpoint, accept: (pipe: MemoryPipe) => void): { close(): void };
  /** Rejects `UNREACHABLE` when nobody listens there, or nothing gets through. */
  dial(from: Endpoint, to: Endpoint): Promise<MemoryPipe>;
}

/** One end of a connection. */
export interface MemoryPipe {
  readonly remote: Endpoint;
  /** Bytes sent whose reader has not taken them yet. */
  readonly outstanding: number;
  /** Called once, in the turn that gave the pipe. */
  attach(handler: MemoryPipeHandler): void;
  /** A message arrives whole and in order, or the pipe closes. `message` is free for reuse on return. */
  send(message: Uint8Array): void;
  /** The reader has done with this many bytes of messages. */
  took(bytes: number): void;
  /** Behind what was sent: no more from this side. */
  end(): void;
  /** Ends both ways at once; what is on its way is lost. Idempotent. */
  reset(): void;
}

export interface MemoryPipeHandler {
  /** `message` is the handler's to keep. */
  received(message: Uint8Array): void;
  ended(): void;
  /** `outstanding` has become less. */
  drained(): void;
  /** Once, and the last call; `isWhole` when both sides had ended. */
  closed(isWhole: boolean): void;
}
