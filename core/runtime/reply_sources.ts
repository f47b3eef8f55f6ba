/**
 * Which address of this host others have sent to: what goes to them leaves from it, for a firewall or a NAT on their side
 * passes no answer from another one. Senders are told apart by their `sockaddr`, in the form of the socket's family.
 *
 * What is not authentic decides about its own answer, and beyond that only until something authentic has come: whoever
 * forges the address of a peer changes nothing of what this host says of its own accord to a peer that it has a session
 * with. Where such datagrams name different addresses the system chooses, as if nothing had come: so he cannot choose the
 * source of a first call either, unless nothing else comes from there.
 */
import {
  addressFromBytes,
  isLimitedBroadcast,
  isLinkLocal,
  isMulticast,
  isUnspecified,
  unmapAddress,
} from "../wire/address.ts";
import { AF_INET } from "./socket_address.ts";

/** As many as there are peers in a data path; a datagram of each made its entry. */
const mostProved = 4_096;
/** Anybody can make entries here. */
const mostHeard = 1_024;
/** In place of an address: what came was sent to more than one. */
const several = new Uint8Array(0);

export class ReplySources {
  readonly #proved = new RecentEntries(mostProved);
  readonly #heard = new RecentEntries(mostHeard);
  #asker = "";
  #asked: Uint8Array | undefined;

  /**
   * A datagram that may be anybody's was sent from `from` to `local`: what `handle` sends there leaves from `local`. Later it
   * stands for what is not known better.
   */
  heard(from: Uint8Array, local: Uint8Array, handle: () => void): void {
    if (!isSource(local)) return handle();
    const key = keyOf(from);
    const before = this.#heard.get(key);
    this.#heard.set(key, before === undefined || isSame(before, local) ? local : several);
    [this.#asker, this.#asked] = [key, local];
    try {
      handle();
    } finally {
      [this.#asker, this.#asked] = ["", undefined];
    }
  }

  /** The newest authentic datagram from there was sent to `local`. True when that is another address than before. */
  proved(from: Uint8Array, local: Uint8Array): boolean {
    if (!isSource(local)) return false;
    const key = keyOf(from);
    const before = this.#proved.get(key);
    this.#proved.set(key, local);
    return before === undefined || !isSame(before, local);
  }

  /** Where packets to there are to leave from, 16 bytes; undefined when the system may choose. */
  of(to: Uint8Array): Uint8Array | undefined {
    const key = keyOf(to);
    if (key === this.#asker) return this.#asked;
    const source = this.#proved.get(key) ?? this.#heard.get(key);
    return source === several ? undefined : source;
  }

  /** This host has that address no more. */
  forget(to: Uint8Array): void {
    const key = keyOf(to);
    if (key === this.#asker) this.#asked = undefined;
    this.#proved.delete(key);
    this.#heard.delete(key);
  }

  clear(): void {
    this.#proved.clear();
    this.#heard.clear();
  }
}

/** With the one that was used least recently given up for a new one. */
class RecentEntries {
  readonly #most: number;
  readonly #entries = new Map<string, Uint8Array>();

  constructor(most: number) {
    this.#most = most;
  }

  get(key: string): Uint8Array | undefined {
    const value = this.#entries.get(key);
    if (value !== undefined) this.set(key, value);
    return value;
  }

  set(key: string, value: Uint8Array): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#most) return;
    for (const oldest of this.#entries.keys()) return void this.#entries.delete(oldest);
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
  }
}

/** Whether both are one endpoint. The flow label and scope of IPv6 do not count. */
export function isSameSockaddr(left: Uint8Array, right: Uint8Array): boolean {
  const [start, end] = placeOfAddress(left);
  if (left[2] !== right[2] || left[3] !== right[3] || placeOfAddress(right)[0] !== start) return false;
  for (let at = start; at < end; at++) if (left[at] !== right[at]) return false;
  return true;
}

/** Port and address. What is read from a ring has zeros behind the `sockaddr` of IPv4. */
function keyOf(sockaddr: Uint8Array): string {
  return String.fromCharCode(...sockaddr.subarray(2, 4), ...sockaddr.subarray(...placeOfAddress(sockaddr)));
}

const place4 = [4, 8] as const;
const place6 = [8, 24] as const;

function placeOfAddress(sockaddr: Uint8Array): typeof place4 | typeof place6 {
  return sockaddr[0] === AF_INET ? place4 : place6;
}

/**
 * Whether packets can leave from it. Not from a group, nor from one of a link: that would have to name its interface, and no
 * endpoint is one.
 */
function isSource(local: Uint8Array): boolean {
  const mapped = addressFromBytes(local);
  if (mapped === undefined) return false;
  const address = unmapAddress(mapped);
  return ![isUnspecified, isMulticast, isLimitedBroadcast, isLinkLocal].some((isSo) => isSo(address));
}

function isSame(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}
