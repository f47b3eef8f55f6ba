/**
 * Datagrams with a second way, for networks that let nothing but connections through: what seeks an answer at an address, and
 * gets none for half a second, goes there in a stream as well. Whoever answers is then at a place of its own
 * (`core/wire/stream_endpoint.ts`), and the encapsulation decides which way it takes; addresses that answer are never dialled.
 *
 *     seek ──> datagram ─────────────────────────────> answered: nothing more
 *         └──> unanswered, 0.5 s ──> dial ──> open ──> this one, and those that follow while there is no answer
 *                                      └──> failed, or nobody spoke: again after 5 s, 10, 20 … 5 min
 *
 * Rejected: to dial for all that is sent without an answer. Notes and keepalives have answers of which this does not know, and
 * in a data path of its own answers do not come by here at all.
 */
import { errorCode } from "../contracts/errors.ts";
import type { Clock, Logger, Timer } from "../contracts/host.ts";
import type { Datagrams, StreamDatagrams } from "../contracts/transport.ts";
import type { Endpoint, Millis } from "../contracts/values.ts";
import { formatEndpoint } from "../wire/endpoint.ts";
import { isStreamEndpoint, streamedTo, streamEndpoint } from "../wire/stream_endpoint.ts";

export interface FallbackParts {
  readonly direct: Datagrams;
  readonly streams: StreamDatagrams;
  readonly clock: Clock;
  readonly log: Logger;
}

export const fallbackLimits = {
  /**
   * Without an answer for so long an address is dialled: two attempts of a handshake, and most round trips. RFC 8305 §5 starts
   * the second of two ways after 250 ms; here each answer takes both hosts some milliseconds of arithmetic, and a second
   * connection is worth avoiding.
   */
  silentMillis: 500,
  /** Between dials of one address; the wait doubles. */
  againMillis: { first: 5_000, longest: 300_000 },
  /** What waits for a connection is sent then, unless it is older: a handshake has begun anew by then. */
  freshMillis: 2_000,
  /** Addresses that were sought and have not answered, the last ones. */
  sought: 256,
  /** Dials under way. */
  dials: 16,
} as const;

/** An address that was sought and has not answered since. */
interface Sought {
  readonly endpoint: Endpoint;
  readonly since: Millis;
  /** The last datagram that found no connection. */
  waiting: { readonly datagram: Uint8Array; readonly at: Millis } | undefined;
  state: "silent" | "dialling" | "open";
  /** Dials since somebody spoke there. */
  dials: number;
  notBefore: Millis;
  timer: Timer | undefined;
}

export class FallbackDatagrams implements Datagrams {
  readonly #parts: FallbackParts;
  /** By address and port, the one sought last at the end. */
  readonly #sought = new Map<string, Sought>();
  #dialling = 0;
  #opened: (to: Endpoint) => void = () => {};
  #isClosed = false;

  constructor(parts: FallbackParts) {
    this.#parts = parts;
  }

  localEndpoints(): readonly Endpoint[] {
    return this.#parts.direct.localEndpoints();
  }

  send(datagram: Uint8Array, to: Endpoint): boolean {
    return isStreamEndpoint(to) ? this.#sendInStream(datagram, to) : this.#parts.direct.send(datagram, to);
  }

  seek(datagram: Uint8Array, to: Endpoint): boolean {
    if (isStreamEndpoint(to)) return this.#sendInStream(datagram, to);
    const isSent = this.#parts.direct.send(datagram, to);
    return this.#seekInStream(this.#soughtAt(to), datagram) || isSent;
  }

  refuse(datagram: Uint8Array, to: Endpoint): boolean {
    const { streams } = this.#parts;
    if (!isStreamEndpoint(to) || streams.refuse === undefined) return this.send(datagram, to);
    return streams.refuse(datagram, to);
  }

  receive(handler: (datagram: Uint8Array, from: Endpoint) => void): void {
    this.#parts.direct.receive((datagram, from) => {
      if (this.#sought.size > 0) this.#forget(keyOf(from));
      handler(datagram, from);
    });
    this.#parts.streams.receive((datagram, from) => {
      const sought = this.#sought.get(keyOf(streamedTo(from)!));
      if (sought !== undefined) sought.dials = 0;
      handler(datagram, from);
    });
  }

  opened(handler: (to: Endpoint) => void): void {
    this.#opened = handler;
  }

  /** Nothing is dialled any more. */
  close(): void {
    this.#isClosed = true;
    for (const { timer } of this.#sought.values()) timer?.cancel();
    this.#sought.clear();
  }

  #soughtAt(endpoint: Endpoint): Sought {
    const key = keyOf(endpoint);
    const known = this.#sought.get(key);
    this.#sought.delete(key);
    const since = this.#parts.clock.now();
    const sought = known ??
      { endpoint, since, waiting: undefined, state: "silent", dials: 0, notBefore: 0, timer: undefined };
    if (this.#sought.size >= fallbackLimits.sought) this.#forget(this.#leastWorth());
    this.#sought.set(key, sought);
    if (known === undefined) this.#lookLater(sought, since + fallbackLimits.silentMillis);
    return sought;
  }

  /**
   * The oldest that no connection leads to: one that carries a session is not sought, and must be dialled again when it is
   * cut. But half of the room is for those that none leads to: else they would push each other out before they are dialled.
   */
  #leastWorth(): string {
    const keys = [...this.#sought.keys()];
    const silent = keys.filter((key) => this.#sought.get(key)!.state === "silent");
    const isCrowded = silent.length < fallbackLimits.sought / 2;
    return (isCrowded ? keys.find((key) => this.#sought.get(key)!.state === "open") : silent[0]) ?? keys[0]!;
  }

  #forget(key: string): void {
    this.#sought.get(key)?.timer?.cancel();
    this.#sought.delete(key);
  }

  /** True when it is on its way. Else it waits, and is sent when there is a connection. */
  #seekInStream(sought: Sought, datagram: Uint8Array): boolean {
    if (sought.state === "open") {
      if (this.#parts.streams.send(datagram, streamEndpoint(sought.endpoint))) {
        sought.waiting = undefined; // what comes later goes in its place
        return true;
      }
      sought.state = "silent";
    }
    this.#wait(sought, datagram);
    return false;
  }

  #wait(sought: Sought, datagram: Uint8Array): void {
    sought.waiting = { datagram: datagram.slice(), at: this.#parts.clock.now() };
    this.#look(sought);
  }

  /** A place whose connection is over is dialled again if this node has dialled it before. */
  #sendInStream(datagram: Uint8Array, to: Endpoint): boolean {
    if (this.#parts.streams.send(datagram, to)) return true;
    const sought = this.#sought.get(keyOf(streamedTo(to)!));
    if (sought?.state === "open") sought.state = "silent";
    if (sought !== undefined) this.#wait(sought, datagram);
    return false;
  }

  #lookLater(sought: Sought, at: Millis): void {
    sought.timer?.cancel();
    sought.timer = this.#parts.clock.timer(at, () => this.#look(sought));
  }

  #look(sought: Sought): void {
    const now = this.#parts.clock.now();
    if (this.#isClosed || this.#dialling >= fallbackLimits.dials) return;
    if (isDue(sought, now)) void this.#dial(sought, now);
  }

  /**
   * Its turn has who was dialled least, else who was sought last, as that may still be sent: were those that found no room to
   * wait until they are sought again, a few addresses that take connections and say nothing would hold up all others.
   */
  #lookForNext(): void {
    const now = this.#parts.clock.now();
    let next: Sought | undefined;
    for (const sought of this.#sought.values()) {
      if (isDue(sought, now) && (next === undefined || comesBefore(sought, next))) next = sought;
    }
    if (next !== undefined) this.#look(next);
  }

  /** Counts as in vain until somebody speaks there: what takes connections may be anything. */
  async #dial(sought: Sought, now: Millis): Promise<void> {
    const { streams, clock, log } = this.#parts;
    const { first, longest } = fallbackLimits.againMillis;
    const endpoint = formatEndpoint(sought.endpoint);
    sought.state = "dialling";
    sought.notBefore = now + Math.min(longest, first * 2 ** sought.dials++);
    this.#dialling++;
    try {
      await streams.open(streamEndpoint(sought.endpoint));
      sought.state = "open";
      log.log("info", "No answer by datagrams; they go through a connection", { endpoint });
      if (this.#isClosed) return;
      this.#opened(sought.endpoint);
      const { waiting } = sought;
      sought.waiting = undefined;
      if (waiting === undefined || clock.now() - waiting.at > fallbackLimits.freshMillis) return;
      if (!streams.send(waiting.datagram, streamEndpoint(sought.endpoint))) sought.state = "silent";
    } catch (error) {
      sought.state = "silent";
      log.log("debug", "No connection for datagrams", { endpoint, code: errorCode(error) });
    } finally {
      this.#dialling--;
      this.#lookForNext();
    }
  }
}

function isDue({ state, waiting, since, notBefore }: Sought, now: Millis): boolean {
  return state === "silent" && waiting !== undefined &&
    now >= Math.max(since + fallbackLimits.silentMillis, notBefore);
}

function comesBefore(one: Sought, other: Sought): boolean {
  return one.dials !== other.dials ? one.dials < other.dials : one.waiting!.at > other.waiting!.at;
}

/** The text of an address that a transport reports is canonical, as is that of an endpoint that is sent to. */
function keyOf({ host, port }: Endpoint): string {
  return `${host} ${port}`;
}
