/**
 * How much each sender may leave to the main thread of what only a verdict is missing for, so that one that opens flows
 * without end fills no queue in front of the others. A lap is the time in which the main thread reads what lay in the ring
 * when the lap began; in each a sender has {@link share} packets. So what waits is at most twice that for each of those that send
 * so much, and a sender that asks little never finds the ring full of another's.
 *
 * A sender is an interface of this host, or an address behind a peer. As a peer may send from all the addresses of its
 * ranges, it has only so many shares for all of them.
 *
 * A rate in packets per second was rejected: it would be too low on a fast machine, too high on a slow one, and need a clock.
 */
import { datapathLimits } from "./datapath_limits.ts";
import type { RingProducer } from "./ring.ts";

/**
 * Packets, as each costs the main thread about the same: two super-frames in pieces, which is what one flow sends before its
 * verdict can be here.
 */
export const share = 128;
/** Shares of a peer for all who send behind it. */
export const sharesOfPeer = 4;
/** Powers of two. Whoever falls on one another's place shares a share; of those behind peers, only with others behind the same. */
const interfaces = 256;
const peers: number = datapathLimits.peers;
const sendersOfPeer = 16;
const firstPeer = interfaces;
const firstSender = firstPeer + peers;

export class PuntShares {
  readonly #ring: Pick<RingProducer, "mark" | "isReadUpTo">;
  /** Of each place: what was left in the lap beside it. */
  readonly #used = new Int32Array(firstSender + peers * sendersOfPeer);
  readonly #laps = new Int32Array(this.#used.length);
  #lap = 1;
  #lapEnd: number;

  constructor(ring: Pick<RingProducer, "mark" | "isReadUpTo">) {
    this.#ring = ring;
    this.#lapEnd = ring.mark;
  }

  /** Whether an interface, told by 32 bits of its MAC, may leave one more, which counts as left. */
  takeOfInterface(mac: number): boolean {
    this.#goOn();
    const place = spread(mac) & (interfaces - 1);
    return this.#usedAt(place) < share && this.#use(place);
  }

  /** The same for an address behind a peer: the slot of the one, 32 bits of the other. */
  takeOfPeer(slot: number, source: number): boolean {
    this.#goOn();
    const peer = slot & (peers - 1);
    const place = firstSender + peer * sendersOfPeer + (spread(source) & (sendersOfPeer - 1));
    if (this.#usedAt(place) >= share || this.#usedAt(firstPeer + peer) >= sharesOfPeer * share) return false;
    return this.#use(place) && this.#use(firstPeer + peer);
  }

  #goOn(): void {
    if (!this.#ring.isReadUpTo(this.#lapEnd)) return;
    this.#lapEnd = this.#ring.mark;
    this.#lap = (this.#lap + 1) | 0;
  }

  #use(place: number): true {
    this.#used[place]!++;
    return true;
  }

  #usedAt(place: number): number {
    if (this.#laps[place] !== this.#lap) {
      this.#laps[place] = this.#lap;
      this.#used[place] = 0;
    }
    return this.#used[place]!;
  }
}

function spread(word: number): number {
  return Math.imul(word, 0x9e37_79b1) >>> 24;
}
