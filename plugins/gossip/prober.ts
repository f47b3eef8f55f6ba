/**
 * What links do not show. Now and then a node pings a random member that is no neighbour, with a digest: it finds one all
 * of whose neighbours are gone, and tables that differ far away. After several deaths at once that is urgent, and happens
 * every second for a while. And it calls a random dead member, since a partition may have ended.
 */
import type { Checks } from "./checks.ts";
import type { Commons } from "./commons.ts";
import { never, randomOther } from "./commons.ts";
import type { Reconciler } from "./reconciler.ts";
import type { States } from "./states.ts";
import { Kind } from "./wire.ts";

/** So many deaths or returns within ten seconds, or one in twenty members, are no coincidence. */
const several = 3;
const severalShare = 0.05;
const burstWindow = 10_000;
const urgentMillis = 20_000;
const urgentProbe = 1_000;
/** Tombstones looked at in each turn. */
const sweep = 512;

/** Events within a window that begins with the first of them. */
class Burst {
  count = 0;
  #since = Number.NEGATIVE_INFINITY;

  add(now: number): void {
    if (now - this.#since > burstWindow) {
      this.#since = now;
      this.count = 0;
    }
    this.count++;
  }
}

export class Prober {
  readonly #commons: Commons;
  readonly #checks: Checks;
  readonly #reconciler: Reconciler;
  readonly #states: States;
  #probeAt = never;
  #contactAt = never;
  #urgentUntil = Number.NEGATIVE_INFINITY;
  readonly #deaths = new Burst();
  readonly #returns = new Burst();

  constructor(commons: Commons, checks: Checks, reconciler: Reconciler, states: States) {
    this.#commons = commons;
    this.#checks = checks;
    this.#reconciler = reconciler;
    this.#states = states;
  }

  start(now: number): void {
    const { chance, options } = this.#commons;
    this.#probeAt = now + chance.within(options.probe);
    this.#contactAt = now + chance.within(options.contact);
  }

  stop(): void {
    this.#probeAt = this.#contactAt = never;
  }

  timeout(): number {
    return Math.min(this.#probeAt, this.#contactAt);
  }

  run(now: number): void {
    if (this.#probeAt <= now) this.#probe(now);
    if (this.#contactAt <= now) this.#contact(now);
  }

  /** A member was found dead. */
  died(now: number): void {
    this.#deaths.add(now);
    const { chance } = this.#commons;
    if (this.#deaths.count < this.#several()) return;
    if (this.#urgentUntil < now) this.#probeAt = Math.min(this.#probeAt, now + chance.within(urgentProbe));
    this.#urgentUntil = now + urgentMillis;
  }

  /** A member came back; true when several did within a short time. */
  returned(now: number): boolean {
    this.#returns.add(now);
    return this.#returns.count >= this.#several();
  }

  #several(): number {
    return Math.max(several, severalShare * this.#commons.table.size);
  }

  #probe(now: number): void {
    const { chance, options, view, table } = this.#commons;
    const interval = now < this.#urgentUntil ? urgentProbe : options.probe;
    this.#probeAt = now + interval * (0.75 + chance.within(0.5));
    table.expire(now, options.tombstone, sweep);
    const peer = randomOther(this.#commons, view.neighbours.map((neighbour) => neighbour.peer));
    if (peer < 0 || this.#checks.has(peer)) return;
    if (!this.#checks.begin(peer, now)) return;
    this.#reconciler.digest(peer);
  }

  #contact(now: number): void {
    const { chance, options, table, outbox } = this.#commons;
    this.#contactAt = now + options.contact * (0.75 + chance.within(0.5));
    const peer = table.randomDead(chance);
    if (peer < 0) return;
    outbox.section(peer, Kind.ping, 2).u16(0);
    this.#states.notice(peer, now);
  }
}
