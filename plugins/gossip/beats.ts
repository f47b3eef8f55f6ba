/**
 * Heartbeats on links. Each side sends one in every interval, in a rhythm that nothing shifts, and the other expects it:
 * half the packets of asking and answering, and mappings of NATs stay open in both directions. A beat that is late is
 * not a death, but the reason for a check.
 *
 * The interval is the neighbour's, measured: a clock may run a tenth too slow without being accused for it.
 */
import type { Checks } from "./checks.ts";
import type { Commons } from "./commons.ts";
import { never } from "./commons.ts";
import type { Reconciler } from "./reconciler.ts";
import type { Spread } from "./spread.ts";
import type { Neighbour } from "./view.ts";
import { BeatFlag, Kind, type MessageReader } from "./wire.ts";

/** Units in which patience is told, and the longest. */
const patienceUnit = 100;
const patienceMost = 15_000;
const patienceFirst = 1_000;
const patienceMore = 3_000;
const startMillis = 30_000;
const hurryPause = 1_000;
/** A node that has not stood still for so long needs no patience any more. */
const patienceMemory = 600_000;

export class Beats {
  readonly #commons: Commons;
  readonly #spread: Spread;
  readonly #checks: Checks;
  readonly #reconciler: Reconciler;
  #patience = 0;
  #pausedAt = Number.NEGATIVE_INFINITY;
  #startedAt = 0;
  #hurriedAt = Number.NEGATIVE_INFINITY;
  /** There is more to show than was shown last. */
  #isHurried = false;

  constructor(commons: Commons, spread: Spread, checks: Checks, reconciler: Reconciler) {
    this.#commons = commons;
    this.#spread = spread;
    this.#checks = checks;
    this.#reconciler = reconciler;
  }

  start(now: number): void {
    this.#startedAt = now;
  }

  timeout(now: number): number {
    const margin = this.#margin(now);
    let first = this.#isHurried ? this.#hurriedAt + hurryPause : never;
    for (const { peer, beatAt, expectedAt } of this.#commons.view.neighbours) {
      if (beatAt < first) first = beatAt;
      if (expectedAt + margin < first && !this.#checks.has(peer)) first = expectedAt + margin;
    }
    return first;
  }

  run(now: number): void {
    if (this.#isHurried) this.hurry(now);
    const margin = this.#margin(now);
    for (const neighbour of this.#commons.view.neighbours) {
      if (neighbour.beatAt <= now) this.#beat(neighbour, now);
      if (neighbour.expectedAt + margin <= now && !this.#checks.has(neighbour.peer)) {
        this.#late(neighbour, now);
      }
    }
  }

  handle(neighbour: Neighbour, reader: MessageReader, now: number): void {
    const number = reader.u8(1);
    const isNext = number === ((neighbour.theirNumber + 1) & 0xff);
    const isEarly = (reader.u8(0) & BeatFlag.early) !== 0;
    if (isNext && !isEarly && neighbour.theirBeatAt > 0) {
      this.#measure(neighbour, now - neighbour.theirBeatAt);
    }
    neighbour.theirNumber = number;
    // The first one is a greeting, outside of the rhythm.
    neighbour.theirBeatAt = number === 0 ? 0 : now;
    neighbour.expectedAt = now + neighbour.interval;
    this.#spread.beaten(neighbour, reader.u8(0), isNext, now);
  }

  patience(neighbour: Neighbour, reader: MessageReader): void {
    neighbour.patience = Math.min(reader.u8(0) * patienceUnit, patienceMost);
  }

  /** This node stood still for so long: nobody is late before another interval has passed. */
  forgive(length: number, now: number): void {
    this.#patience = Math.min(Math.max(this.#patience, 1.2 * length), patienceMost);
    this.#pausedAt = now;
    for (const neighbour of this.#commons.view.neighbours) {
      neighbour.expectedAt = now + neighbour.interval;
      // What they wrote meanwhile waits in a buffer, and comes all at once: no rhythm is to be learnt from it.
      neighbour.theirBeatAt = 0;
      while (neighbour.beatAt < now - this.#commons.options.beat) {
        neighbour.beatAt += this.#commons.options.beat;
      }
    }
  }

  /** This node was buried alive: who watches it is to wait longer, each time it happens. */
  misjudged(now: number): void {
    // Who has just started was gone indeed.
    if (now - this.#startedAt > startMillis) {
      this.#patience = Math.min(Math.max(this.#patience, patienceFirst) + patienceMore, patienceMost);
      this.#pausedAt = now;
    }
    // Its neighbours have given up their side of the links, and say so when they are beaten at.
    for (const neighbour of this.#commons.view.neighbours) {
      neighbour.beatAt = now;
      neighbour.isEarly = true;
    }
  }

  /** The first beat on a link goes out at once: it says who the neighbours are, what is new, and how patient to be. */
  greet(neighbour: Neighbour, now: number): void {
    this.#reconciler.state(neighbour.peer);
    this.#write(neighbour, 0, now);
  }

  /** All neighbours are shown this node's digest over its records, in a beat that comes early: at once, or in a second. */
  hurry(now: number): void {
    this.#isHurried = now - this.#hurriedAt < hurryPause;
    if (this.#isHurried) return;
    this.#hurriedAt = now;
    for (const neighbour of this.#commons.view.neighbours) {
      this.#reconciler.state(neighbour.peer);
      neighbour.isEarly = true;
      this.#beat(neighbour, now);
    }
  }

  #beat(neighbour: Neighbour, now: number): void {
    const { options } = this.#commons;
    const flags = neighbour.isEarly ? BeatFlag.early : 0;
    if (neighbour.isEarly) neighbour.beatAt = now + options.beat;
    else while (neighbour.beatAt <= now) neighbour.beatAt += options.beat;
    neighbour.isEarly = false;
    this.#write(neighbour, flags, now);
  }

  #write(neighbour: Neighbour, flags: number, now: number): void {
    const { outbox } = this.#commons;
    const { peer } = neighbour;
    if (neighbour.tellView > 0) this.#tellView(neighbour);
    if (now - this.#pausedAt < patienceMemory) {
      outbox.section(peer, Kind.patience, 1).u8(Math.ceil(this.#patience / patienceUnit));
    }
    this.#reconciler.ride(peer, now);
    const isCut = this.#spread.list(neighbour, now);
    outbox.section(peer, Kind.beat, 2).u8(isCut ? flags | BeatFlag.cutList : flags).u8(neighbour.beatNumber);
    neighbour.beatNumber = (neighbour.beatNumber + 1) & 0xff;
  }

  #tellView(neighbour: Neighbour): void {
    const { view, outbox } = this.#commons;
    neighbour.tellView--;
    outbox.section(neighbour.peer, Kind.view, 8 * view.degree);
    for (const { peer } of view.neighbours) outbox.tag(peer);
  }

  #late(neighbour: Neighbour, now: number): void {
    const wasHeard = this.#commons.evidence.at(neighbour.peer) >= neighbour.expectedAt;
    while (neighbour.expectedAt + this.#margin(now) <= now) neighbour.expectedAt += neighbour.interval;
    if (!wasHeard) this.#checks.begin(neighbour.peer, now);
  }

  #measure(neighbour: Neighbour, interval: number): void {
    const { beat } = this.#commons.options;
    if (interval < beat / 2 || interval > 1.5 * beat) return;
    neighbour.interval += (interval - neighbour.interval) / 4;
  }

  #margin(now: number): number {
    const { health, options } = this.#commons;
    return options.margin * health.factor(now);
  }
}
