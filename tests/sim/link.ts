/**
 * One way between two hosts: what it does to datagrams, and what it remembers between them. Faults are data and may
 * change at any moment; the memory (a burst under way, bytes that wait) stays.
 */
import type { Millis } from "../../core/contracts/values.ts";
import type { SimRandom } from "./random.ts";

/** What a link does to datagrams. Probabilities are 0 to 1, per datagram. */
export interface LinkFaults {
  readonly loss: number;
  /** Loss that comes in runs, beside `loss`. */
  readonly burst: Burst | undefined;
  /** One way, for every datagram. */
  readonly delay: Millis;
  /** Up to this much more, evenly spread: enough of it makes later datagrams overtake earlier ones. */
  readonly jitter: Millis;
  /** Held back until others have surely overtaken it. */
  readonly reorder: number;
  /** Arrives twice, the copy with a jitter of its own. */
  readonly duplicate: number;
  /** One bit is wrong. */
  readonly flip: number;
  /** Its end is missing: anything from nothing to all but one byte is left. */
  readonly truncate: number;
  /** Bytes of the largest IP packet; larger ones vanish, and nobody is told, as behind a filter that eats ICMP. */
  readonly mtu: number;
  /** Bytes of IP packets per millisecond; what comes faster waits. */
  readonly bandwidth: number;
  /** Bytes that may wait for the bandwidth; what comes on top is lost. */
  readonly queue: number;
}

/**
 * Gilbert's model of a link with two states (Gilbert 1960, Elliott 1963). Each datagram first moves the state: from good
 * to bad with probability `enter`, back with `leave`, so a run lasts 1 / `leave` datagrams on average and the link is
 * bad for `enter` / (`enter` + `leave`) of them.
 */
export interface Burst {
  readonly enter: number;
  readonly leave: number;
  /** In the bad state; the good state has none of its own. */
  readonly loss: number;
}

export const perfectLink: LinkFaults = {
  loss: 0,
  burst: undefined,
  delay: 1,
  jitter: 0,
  reorder: 0,
  duplicate: 0,
  flip: 0,
  truncate: 0,
  mtu: Number.POSITIVE_INFINITY,
  bandwidth: Number.POSITIVE_INFINITY,
  queue: Number.POSITIVE_INFINITY,
};

/** How long a datagram is held back that is to be overtaken, beside delay and jitter. */
const reorderDelay: Millis = 20;
const headers = { 4: 28, 6: 48 } as const;

/** Bytes of a datagram with its UDP and IP headers. */
export function packetBytes(datagram: Uint8Array, host: string): number {
  return datagram.length + headers[host.includes(":") ? 6 : 4];
}

export type Fate = "passes" | "lost" | "oversize" | "overrun";

/** What a link remembers. */
export class Link {
  #isBad = false;
  #busyUntil: Millis = 0;

  /** Decides over one IP packet of so many bytes. Draws the same number of times whatever the faults are. */
  admit(bytes: number, faults: LinkFaults, random: SimRandom, now: Millis): Fate {
    const isLost = random.chance(faults.loss);
    const isLostInBurst = this.#burst(faults.burst, random);
    if (bytes > faults.mtu) return "oversize";
    if (isLost || isLostInBurst) return "lost";
    return this.#enqueue(bytes, faults, now) ? "passes" : "overrun";
  }

  /** Milliseconds until a packet that was admitted just now has left. */
  backlog(now: Millis): Millis {
    return Math.max(0, this.#busyUntil - now);
  }

  #burst(burst: Burst | undefined, random: SimRandom): boolean {
    const [move, loss] = [random.float(), random.float()];
    if (burst === undefined) {
      this.#isBad = false;
      return false;
    }
    this.#isBad = this.#isBad ? move >= burst.leave : move < burst.enter;
    return this.#isBad && loss < burst.loss;
  }

  #enqueue(bytes: number, { bandwidth, queue }: LinkFaults, now: Millis): boolean {
    if (bandwidth === Number.POSITIVE_INFINITY) return true;
    if (this.backlog(now) * bandwidth + bytes > queue) return false;
    this.#busyUntil = now + this.backlog(now) + bytes / bandwidth;
    return true;
  }
}

/** How a datagram comes out at the other end: the same memory, or a damaged copy. */
export interface Damage {
  readonly datagram: Uint8Array;
  readonly what: readonly ("flipped" | "truncated")[];
}

export function damage(datagram: Uint8Array, faults: LinkFaults, random: SimRandom): Damage {
  const [flips, truncates, where] = [
    random.chance(faults.flip),
    random.chance(faults.truncate),
    random.float(),
  ];
  if (datagram.length === 0 || !(flips || truncates)) return { datagram, what: [] };
  const copy = new Uint8Array(datagram);
  const bit = Math.floor(where * copy.length * 8);
  if (flips) copy[bit >> 3]! ^= 1 << (bit & 7);
  const what = [...(flips ? ["flipped" as const] : []), ...(truncates ? ["truncated" as const] : [])];
  return { datagram: truncates ? copy.subarray(0, Math.floor(where * copy.length)) : copy, what };
}

/** How long one copy is under way, and whether it is one that others overtake. */
export function transit(
  faults: LinkFaults,
  random: SimRandom,
): { readonly millis: Millis; readonly isHeld: boolean } {
  const isHeld = random.chance(faults.reorder);
  const extra = random.float() * faults.jitter + (isHeld ? faults.jitter + reorderDelay : 0);
  return { millis: faults.delay + extra, isHeld };
}
