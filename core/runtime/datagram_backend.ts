/**
 * What a runtime's own UDP socket has to be reduced to. `datagram_socket.ts` puts on top what must be alike on every
 * runtime: address forms, limits, counting, protection from handlers that throw.
 */
export interface DatagramBackend {
  readonly local: RawEndpoint;
  /**
   * Takes a datagram that stays unchanged until the promise ends. `host` is of the family of `local`. Called again only
   * after the promise has ended; it rejects when the datagram was not sent.
   */
  send(datagram: Uint8Array, host: string, port: number): Promise<unknown>;
  /**
   * The same at once, where that is possible: what must not wait is taken here, and nothing by {@link send}. Throws when the
   * datagram was not sent.
   */
  readonly sendNow?: (datagram: Uint8Array, host: string, port: number) => void;
  /** Called once. `datagram` is valid during the call; `handler` does not throw. */
  receive(handler: (datagram: Uint8Array, from: RawEndpoint) => void): void;
  /** Called once, with no `send` under way. Resolves when the port is free and no handler will be called any more. */
  close(): Promise<void>;
}

/** As the runtime writes it: an IPv4 peer of a dual-stack socket is `::ffff:192.0.2.1`, a link-local one has a zone. */
export interface RawEndpoint {
  readonly host: string;
  readonly port: number;
}

/**
 * Opens a socket bound to an IP literal and port, 0 for any; `::` takes IPv4 too. Rejects with the runtime's own error.
 * `failed` hears what goes wrong outside any call.
 */
export type BindDatagrams = (
  local: RawEndpoint,
  failed: (error: unknown) => void,
) => Promise<DatagramBackend>;
