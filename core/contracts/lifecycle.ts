/**
 * `create()` is pure, `start()` acquires, dispose releases in the exact reverse of the start order.
 *
 * There are no further hooks: what must happen between two parts is a call on a contract, so that the order is
 * readable in one place.
 */
export interface Lifecycle {
  /** Acquires sockets, files, timers. The signal aborts when the node stops. Parts started earlier may be called. */
  start?(signal: AbortSignal): Promise<void>;
  /** Releases everything. Works after a failed or missing `start`, and twice. */
  [Symbol.asyncDispose]?(): PromiseLike<void>;
}
