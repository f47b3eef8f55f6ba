import { clearImmediate, setImmediate } from "node:timers";
import type { Timer } from "../contracts/host.ts";

/**
 * Calls `run` when what is ready now has been worked off: everything that one poll for sockets and files has brought.
 * A timer of 0 ms was rejected, since Node makes it 1 ms, more than a sync takes; a microtask too, since it comes before
 * the next datagram's handler and gathers nothing.
 */
export function afterThisTurn(run: () => void): Timer {
  const handle = setImmediate(run);
  return { cancel: () => clearImmediate(handle) };
}
