/**
 * Is this node under load? A first message that is let in costs two to five milliseconds of Diffie-Hellman, so what
 * counts is how many come with a right mac1, whatever becomes of them. Above 100 a second, a quarter of a core, the node
 * is under load, and stays so for a second after the last one that was too many.
 *
 * WireGuard looks at the length of its handshake queue. Here there is none: a datagram is worked off before the next
 * one is read, and the queue is the socket's, which this machine cannot see.
 */
import type { Millis } from "../../core/contracts/values.ts";
import { TokenBucket } from "./bucket.ts";
import { limits } from "./constants.ts";

export class Load {
  readonly #affordable = new TokenBucket(limits.firstMessages, 0);
  #until: Millis = -Infinity;

  /** A first message with a right mac1 has come; true while under load. */
  arrived(now: Millis): boolean {
    if (!this.#affordable.take(now)) this.#until = now + limits.underLoadMillis;
    return now < this.#until;
  }
}
