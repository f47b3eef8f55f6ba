/**
 * When a node tells anew whom it is linked to. Every record goes to all members, so what changes often is told seldom:
 *
 * - A lost link is told at once: others still send along it.
 * - A new one when it has stood for a second, so a link that flaps faster is never told.
 * - A round trip when the smoothed one (RFC 6298 §2, weight 1/8) differs by more than a quarter and a millisecond from
 *   what was told, at most every 10 s for each link. Who has more than 16 links tells it when it has doubled or halved, by
 *   more than 10 ms, and once a minute: there are other ways then, about as good, and as many more who would have to hear of it.
 * - No more than four records at once, and one every 2 s in the long run. Waiting changes are told together.
 * - Who has more than 16 links leaves a new one until as many eighths of a second have passed since its last record, and a
 *   round trip, the first one too, until 10 s have. All members check the record of each: while many join, everybody's links
 *   change, and so many records would come of it that nobody got done with them. Whoever is busy measures other round
 *   trips, and would have still more to tell. A newcomer's first links are told without that pause.
 *
 * Of more links than a record holds, those to nodes that tell of few links come first, for they have no other way, then
 * the nearer ones. A machine: it is told what happens, and gives what is to be signed.
 */
import type { RelayWillingness } from "../contracts/topology.ts";
import type { Millis } from "../contracts/values.ts";
import type { GraphNode } from "./link_graph.ts";
import { type LinkFacts, maxToldLinks, outboundFlag, type ToldLink } from "./link_record.ts";
import { compareTags, type LinkTag } from "./link_tag.ts";
import { microsOf, rttClassOf, unmeasured } from "./rtt_class.ts";

export interface OwnLinksOptions {
  readonly willingness: RelayWillingness;
  /** The number of the first record: the wall clock in milliseconds is a good one. */
  readonly firstSequence: number;
  /** How many links the last record of another node has; undefined without one. */
  degreeOf?(tag: LinkTag): number | undefined;
}

interface OwnLink {
  readonly tag: LinkTag;
  readonly flags: number;
  /** From then on it is told of. */
  readonly toldFrom: Millis;
  /** Smoothed. */
  rtt: Millis | undefined;
}

interface Told {
  readonly rttClass: number;
  /** When this class was told for the first time. */
  readonly since: Millis;
}

export const ownLinkTimes = {
  /** How long a new link must stand. */
  standing: 1000 as Millis,
  /** Between two round trips told of one link, of few and of many. */
  roundTrips: 10_000 as Millis,
  roundTripsOfMany: 60_000 as Millis,
  /** Between two records, in the long run. */
  records: 2000 as Millis,
  burst: 4,
  /** With many links, for each of them: a new one waits so long after the last record. */
  pausePerLink: 125 as Millis,
} as const;

/** A told round trip is changed when the measured one is over 5/4 of it, or under 4/5; twice and half of it with many links. */
const changeFactors = { few: 1.25, many: 2 } as const;
/** And by more than this, µs: a relay's burden, and with many links what a path in one town may take or not. */
const changeFloors = { few: 1000, many: 10_000 } as const;
/** With more links than this a node has many. */
const mostOfFew = 16;
const smoothing = 1 / 8;
/** Who tells of no more links than this depends on each of them. */
const fewLinks = 2;

export class OwnLinks {
  readonly #options: OwnLinksOptions;
  readonly #links = new Map<LinkTag, OwnLink>();
  /** By the last record. */
  #told = new Map<LinkTag, Told>();
  readonly #willingness: RelayWillingness;
  #isSilent = false;
  #toldWillingness: RelayWillingness | undefined;
  #sequence: number;
  /** Told again though nothing is new: another record of ours is about. */
  #isOutranked = false;
  /** When the next record would be on time at the long-run rate; records may be `burst` intervals ahead of it. */
  #paid: Millis = Number.NEGATIVE_INFINITY;
  /** Of the last record. */
  #toldAt: Millis = Number.NEGATIVE_INFINITY;
  #now: Millis = 0;

  constructor(options: OwnLinksOptions) {
    this.#options = options;
    this.#willingness = options.willingness;
    this.#sequence = options.firstSequence - 1;
  }

  /** Neighbours with a session now. */
  neighbours(): readonly LinkTag[] {
    return [...this.#links.keys()];
  }

  /** The same with their round trips, told of or not: for what nobody else has to agree on. */
  live(): readonly ToldLink[] {
    return [...this.#links.values()].map(({ tag, flags, rtt }) => ({
      tag,
      flags,
      rttClass: rttClassOf(rtt),
    }));
  }

  /** This node for its own graph: what all others know of it, without what is lost since. */
  told(self: LinkTag): GraphNode {
    const links = [...this.#told].filter(([tag]) => this.#links.has(tag))
      .map(([tag, { rttClass }]) => ({ tag, rttClass, flags: this.#links.get(tag)!.flags }))
      .sort((left, right) => compareTags(left.tag, right.tag));
    return { tag: self, willingness: this.#willingness, links };
  }

  /** A direct session is established; one over a relay is no link. */
  up(tag: LinkTag, isOutbound: boolean, now: Millis): void {
    this.#now = now;
    const held = this.#links.get(tag);
    const toldFrom = held?.toldFrom ?? now + ownLinkTimes.standing;
    this.#links.set(tag, { tag, flags: isOutbound ? outboundFlag : 0, toldFrom, rtt: held?.rtt });
  }

  down(tag: LinkTag, now: Millis): void {
    this.#now = now;
    this.#links.delete(tag);
  }

  roundTrip(tag: LinkTag, rtt: Millis, now: Millis): void {
    this.#now = now;
    const link = this.#links.get(tag);
    if (link === undefined || !(rtt >= 0)) return;
    link.rtt = link.rtt === undefined ? rtt : link.rtt + (rtt - link.rtt) * smoothing;
  }

  /**
   * Whether this node is to tell of no link at all. What it has told before is taken back first: others would go on sending
   * along it, and nobody passes on what comes there.
   */
  silence(isSilent: boolean, now: Millis): void {
    this.#now = now;
    this.#isSilent = isSilent;
  }

  /** A record of this node is about that it has not signed, or not in this life. */
  outranked(sequence: number, now: Millis): void {
    this.#now = now;
    if (sequence < this.#sequence) return;
    this.#sequence = sequence;
    this.#isOutranked = true;
  }

  handleTimeout(now: Millis): void {
    this.#now = now;
  }

  /** When there is something to tell, now at the earliest; undefined while nothing waits. */
  pollTimeout(): Millis | undefined {
    const due = this.#due();
    return due === undefined ? undefined : Math.max(due, this.#allowed(), this.#now);
  }

  /** What is to be signed and spread now; undefined when nothing is. */
  poll(): LinkFacts | undefined {
    const due = this.#due();
    if (due === undefined || due > this.#now || this.#allowed() > this.#now) return undefined;
    const links = this.#choose();
    this.#told = new Map(links.map((link) => [link.tag, this.#toldNow(link)]));
    this.#toldWillingness = this.#willingness;
    this.#isOutranked = false;
    this.#sequence++;
    this.#paid = Math.max(this.#paid, this.#now) + ownLinkTimes.records;
    this.#toldAt = this.#now;
    return { links, willingness: this.#willingness, sequence: this.#sequence };
  }

  #allowed(): Millis {
    return this.#paid - (ownLinkTimes.burst - 1) * ownLinkTimes.records;
  }

  #due(): Millis | undefined {
    // A sequence that cannot grow is one that somebody with our key has signed; there is nothing left to say above it.
    if (this.#sequence >= Number.MAX_SAFE_INTEGER) return undefined;
    if (this.#isOutranked || this.#toldWillingness !== this.#willingness) return this.#now;
    for (const tag of this.#told.keys()) if (this.#isSilent || !this.#links.has(tag)) return this.#now;
    if (this.#isSilent) return undefined;
    let due = Number.POSITIVE_INFINITY;
    const hasRoom = this.#told.size < maxToldLinks;
    const calm = this.#hasMany ? this.#toldAt + ownLinkTimes.roundTrips : Number.NEGATIVE_INFINITY;
    for (const link of this.#links.values()) {
      const told = this.#told.get(link.tag);
      // With a full record, who is left out comes in when another goes, or at once if it has no other way.
      if (told === undefined) due = hasRoom || this.#displaces(link.tag) ? Math.min(due, link.toldFrom) : due;
      else if (this.#isOther(link, told)) due = Math.min(due, Math.max(told.since + this.#interval, calm));
    }
    return due === Number.POSITIVE_INFINITY ? undefined : Math.max(due, this.#toldAt + this.#pause);
  }

  get #pause(): Millis {
    // Who has told of no links yet is a newcomer, and nobody knows a way to it.
    if (!this.#hasMany || this.#told.size === 0) return 0;
    return Math.min(this.#links.size, maxToldLinks) * ownLinkTimes.pausePerLink;
  }

  #choose(): readonly ToldLink[] {
    if (this.#isSilent) return [];
    const standing = [...this.#links.values()].filter(({ toldFrom }) => toldFrom <= this.#now);
    return standing
      .map((link) => ({ tag: link.tag, flags: link.flags, rttClass: this.#classToTell(link) }))
      .sort((left, right) => this.#rank(left) - this.#rank(right) || compareTags(left.tag, right.tag))
      .slice(0, maxToldLinks);
  }

  #rank({ tag, rttClass }: ToldLink): number {
    return this.#depends(tag) ? rttClass - 256 : rttClass;
  }

  #displaces(tag: LinkTag): boolean {
    return this.#depends(tag) && [...this.#told.keys()].some((told) => !this.#depends(told));
  }

  #depends(tag: LinkTag): boolean {
    return (this.#options.degreeOf?.(tag) ?? Number.POSITIVE_INFINITY) <= fewLinks;
  }

  #classToTell(link: OwnLink): number {
    const told = this.#told.get(link.tag);
    const isHeld = told !== undefined &&
      (!this.#isOther(link, told) || this.#now < told.since + this.#interval);
    return isHeld ? told.rttClass : rttClassOf(link.rtt);
  }

  get #hasMany(): boolean {
    return this.#links.size > mostOfFew;
  }

  get #interval(): Millis {
    return this.#hasMany ? ownLinkTimes.roundTripsOfMany : ownLinkTimes.roundTrips;
  }

  #isOther(link: OwnLink, told: Told): boolean {
    if (link.rtt === undefined) return false;
    const before = microsOf(told.rttClass);
    if (before === undefined) return true;
    // Classes are coarse: what would be told with the same byte is no change.
    if (rttClassOf(link.rtt) === told.rttClass) return false;
    const micros = link.rtt * 1000;
    const count = this.#hasMany ? "many" : "few";
    const factor = changeFactors[count];
    const isFar = micros > before * factor || micros * factor < before;
    return isFar && Math.abs(micros - before) > changeFloors[count];
  }

  #toldNow({ tag, rttClass }: ToldLink): Told {
    const told = this.#told.get(tag);
    if (told?.rttClass === rttClass) return told;
    // The first measurement of a link is worth telling as soon as it is there.
    return { rttClass, since: rttClass === unmeasured ? Number.NEGATIVE_INFINITY : this.#now };
  }
}
