import type { Drop } from "../../core/contracts/drop.ts";
import type { Endpoint } from "../../core/contracts/values.ts";

/** All that the transport knows of the network under it. What a link does to datagrams is the network's own affair. */
export interface MemoryNetwork {
  /**
   * Takes the endpoint until `close`; throws `BIND_FAILED` when it is taken. `receive` is called for every datagram
   * that arrives, never inside a call of `send`; the memory is the network's, valid during the call.
   */
  bind(endpoint: Endpoint, receive: (datagram: Uint8Array, from: Endpoint) => void): MemoryBinding;
}

export interface MemoryBinding {
  /** `datagram` is free for reuse on return. Why it was not sent; what is lost on its way counts as sent. */
  send(datagram: Uint8Array, to: Endpoint): Drop;
  /** Nothing is received after it. Idempotent. */
  close(): void;
}
