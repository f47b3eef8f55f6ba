/**
 * Agrees links with members drawn at random, so that each node has about as many as wanted and the whole stays connected
 * when half of it goes (HyParView: Leitão, Pereira, Rodrigues, 2007). All members are known, so the table is the passive
 * view: nothing is shuffled.
 *
 * A link is asked for and granted. Who beats on a link that the other side does not have is told so, which also mends
 * what a lost grant or a lost farewell leaves.
 */
import type { Allowance } from "./allowance.ts";
import type { Commons } from "./commons.ts";
import { never, randomOther } from "./commons.ts";
import type { Neighbour } from "./view.ts";
import { Kind } from "./wire.ts";

const asksAtOnce = 3;
const mixWindow = 10_000;
const askMillis = 1_000;
const retryLeast = 250;
const retryMost = 30_000;
/** How often links that both sides have too many of are looked for. */
const tidyMillis = 10_000;
/** Others heard it so often, and this node did not: the link is bad, whatever the member is. */
const rescuesMost = 2;

export interface LinkDuties {
  joined(neighbour: Neighbour, now: number): void;
  parted(neighbour: Neighbour, now: number): void;
}

export class Links {
  readonly #commons: Commons;
  readonly #duties: LinkDuties;
  readonly #farewells: Allowance;
  /** Who was asked, and until when it may answer. */
  readonly #asked = new Map<number, number>();
  #nextAt = never;
  #tidyAt = never;
  #mixAt = never;
  #retry = retryLeast;

  constructor(commons: Commons, duties: LinkDuties, farewells: Allowance) {
    this.#commons = commons;
    this.#duties = duties;
    this.#farewells = farewells;
  }

  start(now: number): void {
    const { chance, options } = this.#commons;
    this.#nextAt = now + chance.within(retryLeast);
    this.#tidyAt = now + chance.within(tidyMillis);
    this.#mixAt = now + options.mix * (0.5 + chance.within(1));
  }

  stop(): void {
    this.#nextAt = this.#tidyAt = this.#mixAt = never;
    this.#asked.clear();
  }

  timeout(): number {
    return Math.min(this.#nextAt, this.#tidyAt, this.#mixAt);
  }

  run(now: number): void {
    if (this.#nextAt <= now) this.#seek(now);
    if (this.#tidyAt <= now) this.#tidy(now);
    if (this.#mixAt <= now) this.#mix(now);
  }

  /** Looks for links soon: one was lost, or there are new members. */
  hurry(now: number): void {
    this.#retry = retryLeast;
    if (this.#tidyAt === never || this.#nextAt <= now + retryLeast) return;
    this.#nextAt = now + this.#commons.chance.within(retryLeast);
  }

  /** Asks this member, although there may be enough: it is from a part of the mesh that was cut off. */
  bridge(peer: number, now: number): void {
    const { view, options } = this.#commons;
    if (view.of(peer) !== undefined || this.#asked.get(peer)! > now || view.degree >= options.degreeMost) {
      return;
    }
    this.#ask(peer, 0, now);
  }

  /** Many members came back at once: links have to lead to those, too, or the mesh stays in two halves. */
  mixSoon(now: number): void {
    if (this.#mixAt !== never) {
      this.#mixAt = Math.min(this.#mixAt, now + this.#commons.chance.within(mixWindow));
    }
  }

  /** `from` wants a link; it has `degree` of them. */
  asked(from: number, degree: number, now: number): void {
    const { view, outbox, options, table } = this.#commons;
    const had = view.of(from);
    // It has begun anew, or its grant was lost.
    if (had !== undefined) {
      had.renew(now);
      outbox.section(from, Kind.accept);
      return this.#duties.joined(had, now);
    }
    // First it has to know that it is held for gone, and say that it is not.
    if (table.isGone(from)) return void outbox.section(from, Kind.refuse);
    const isUrgent = degree < options.degreeLeast;
    const most = isUrgent ? options.degreeMost : options.degree;
    const didAsk = this.#asked.has(from);
    if (view.degree >= most && !didAsk) return void outbox.section(from, Kind.refuse);
    if (view.degree >= options.degreeMost) return void outbox.section(from, Kind.refuse);
    // Before the greeting, which is no stranger's then.
    outbox.section(from, Kind.accept);
    this.#join(from, now);
  }

  accepted(from: number, now: number): void {
    const { view } = this.#commons;
    const wasAsked = this.#asked.delete(from);
    if (view.of(from) !== undefined) return;
    if (!wasAsked || !this.#join(from, now)) this.farewell(from, now);
  }

  refused(from: number, now: number): void {
    if (!this.#asked.delete(from)) return;
    const { view, options } = this.#commons;
    const isShort = view.degree + this.#asked.size < options.degreeLeast;
    if (isShort) this.#nextAt = Math.min(this.#nextAt, now + this.#commons.chance.within(retryLeast));
  }

  /** The other side does not have this link. */
  disconnected(from: number, now: number): void {
    if (this.#commons.view.of(from) !== undefined) this.part(from, now, false);
  }

  /** Somebody beats who is no neighbour: it becomes one if it is welcome, else it hears that it is none. */
  strangerBeats(from: number, now: number): Neighbour | undefined {
    const { view, options } = this.#commons;
    if (view.degree < options.degree || this.#asked.delete(from)) {
      if (this.#join(from, now)) return view.of(from);
    }
    this.farewell(from, now);
    return undefined;
  }

  farewell(to: number, now: number): void {
    if (this.#farewells.take(to, now)) this.#commons.outbox.section(to, Kind.disconnect);
  }

  part(peer: number, now: number, says = true): void {
    const neighbour = this.#commons.view.remove(peer);
    if (neighbour === undefined) return;
    if (says) this.farewell(peer, now);
    this.#duties.parted(neighbour, now);
    this.hurry(now);
  }

  /** Only others heard this neighbour, once more. */
  rescued(neighbour: Neighbour, now: number): void {
    neighbour.rescues++;
    if (neighbour.rescues >= rescuesMost) this.part(neighbour.peer, now);
  }

  #seek(now: number): void {
    const { view, options, table } = this.#commons;
    for (const [peer, until] of this.#asked) if (until <= now) this.#asked.delete(peer);
    const missing = Math.min(options.degree, table.present - 1) - view.degree;
    if (missing <= 0) {
      this.#nextAt = never;
      this.#retry = retryLeast;
      return;
    }
    const isUrgent = view.degree < options.degreeLeast;
    const count = Math.min(missing, isUrgent ? asksAtOnce : 1) - this.#asked.size;
    for (let asks = 0; asks < count; asks++) this.#askAny(now);
    this.#retry = isUrgent ? Math.min(2 * this.#retry, askMillis) : Math.min(2 * this.#retry, retryMost);
    this.#nextAt = now + this.#retry * (0.5 + this.#commons.chance.within(1));
  }

  #askAny(now: number): void {
    const { view } = this.#commons;
    const except = [...view.neighbours.map(({ peer }) => peer), ...this.#asked.keys()];
    const peer = randomOther(this.#commons, except);
    if (peer >= 0) this.#ask(peer, view.degree, now);
  }

  #mix(now: number): void {
    const { view, options, chance } = this.#commons;
    this.#mixAt = now + options.mix * (0.5 + chance.within(1));
    const peer = randomOther(this.#commons, view.neighbours.map((neighbour) => neighbour.peer));
    if (peer >= 0) this.bridge(peer, now);
  }

  #ask(peer: number, degree: number, now: number): void {
    this.#asked.set(peer, now + askMillis);
    this.#commons.outbox.section(peer, Kind.ask, 1).u8(degree);
  }

  #join(peer: number, now: number): boolean {
    const { view, options } = this.#commons;
    this.#asked.delete(peer);
    if (view.degree >= options.degreeMost) return false;
    const neighbour = view.add(peer, now);
    if (neighbour === undefined) return false;
    this.#duties.joined(neighbour, now);
    return true;
  }

  /** A link that neither side needs costs both. */
  #tidy(now: number): void {
    const { view, options, chance } = this.#commons;
    this.#tidyAt = now + tidyMillis * (0.5 + chance.within(1));
    if (view.degree < options.degree) this.hurry(now);
    if (view.degree <= options.degree) return;
    // Not one that carries records: the tree would have to be mended.
    const spare = view.neighbours.find(({ theirView, isEager }) =>
      !isEager && theirView.length > options.degree
    );
    if (spare !== undefined) this.part(spare.peer, now);
  }
}
