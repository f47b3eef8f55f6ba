/**
 * The active view: the few members with whom this node has a link, agreed by both. They hear its beats and it hears theirs,
 * rumours go from link to link, and who is on one is watched. A link has a slot, so that a rumour can note in eight bits
 * which neighbours have it.
 */
import type { Chance } from "./chance.ts";

export const slots = 8;

export class Neighbour {
  readonly peer: number;
  readonly slot: number;
  readonly since: number;
  /** When the next beat goes out, and its number. */
  beatAt: number;
  beatNumber = 0;
  /** The next beat acknowledges a record, out of the rhythm. */
  isEarly = false;
  /** When the next one of theirs is expected, how far apart they come by our clock, and the number of the last. */
  expectedAt: number;
  interval: number;
  theirBeatAt = 0;
  theirNumber = -1;
  /** Records go to it at once; else it is told their ids with the next beat. */
  isEager = true;
  /** Records in a row that it had to be asked for, or that it told unasked because we lacked them. */
  misses = 0;
  /** Times in a row that others heard it and we did not. */
  rescues = 0;
  /** Beats that are still to say who our neighbours are. */
  tellView = 2;
  theirView: readonly number[] = [];
  /** Pauses that it has had lately, so that nobody takes the next one for its death. */
  patience = 0;
  /** Bytes sent to it again in this round. */
  repairedAt = 0;
  repaired = 0;

  // deno-lint-ignore selvage/max-parameters -- what is fixed for a link, known to the view alone
  constructor(peer: number, slot: number, now: number, beatAt: number, interval: number) {
    this.peer = peer;
    this.slot = slot;
    this.since = now;
    this.beatAt = beatAt;
    this.interval = interval;
    this.expectedAt = now + interval;
  }

  /** The other side has begun anew: nothing that was known of it holds. */
  renew(now: number): void {
    this.theirNumber = -1;
    this.theirBeatAt = 0;
    this.beatNumber = 0;
    this.expectedAt = now + this.interval;
    this.tellView = 2;
    this.theirView = [];
    this.isEager = true;
  }
}

export class View {
  readonly neighbours: Neighbour[] = [];
  readonly #chance: Chance;
  readonly #beat: number;
  #taken = 0;

  constructor(chance: Chance, beat: number) {
    this.#chance = chance;
    this.#beat = beat;
  }

  get degree(): number {
    return this.neighbours.length;
  }

  of(peer: number): Neighbour | undefined {
    for (const neighbour of this.neighbours) if (neighbour.peer === peer) return neighbour;
    return undefined;
  }

  /** Undefined when there is no slot. The caller has made sure that `peer` is not in it. */
  add(peer: number, now: number): Neighbour | undefined {
    let slot = 0;
    while ((this.#taken >> slot & 1) === 1) slot++;
    if (slot >= slots) return undefined;
    this.#taken |= 1 << slot;
    const neighbour = new Neighbour(peer, slot, now, this.#freePhase(now), this.#beat);
    this.neighbours.push(neighbour);
    this.#changed();
    return neighbour;
  }

  remove(peer: number): Neighbour | undefined {
    const place = this.neighbours.findIndex((neighbour) => neighbour.peer === peer);
    const neighbour = this.neighbours[place];
    if (neighbour === undefined) return undefined;
    this.neighbours.splice(place, 1);
    this.#taken &= ~(1 << neighbour.slot);
    this.#changed();
    return neighbour;
  }

  #changed(): void {
    for (const neighbour of this.neighbours) neighbour.tellView = 2;
  }

  /**
   * In the middle of the largest gap between the beats to others: evenly spread, one of them misses a node that is gone
   * after half a gap, by chance it would take longer; and each beat shows one of them what this node lacks.
   */
  #freePhase(now: number): number {
    const phases = this.neighbours.map(({ beatAt }) => modulo(beatAt - now, this.#beat)).sort((a, b) =>
      a - b
    );
    if (phases.length === 0) return now + this.#chance.within(this.#beat);
    let [best, widest] = [0, -1];
    phases.forEach((phase, place) => {
      const next = place + 1 < phases.length ? phases[place + 1]! : phases[0]! + this.#beat;
      if (next - phase > widest) [best, widest] = [phase, next - phase];
    });
    const jitter = (this.#chance.within(1) - 0.5) * widest / 4;
    return now + modulo(best + widest / 2 + jitter, this.#beat);
  }
}

function modulo(value: number, base: number): number {
  return ((value % base) + base) % base;
}
