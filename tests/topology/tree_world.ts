/**
 * Nodes that flood link records and hand frames along their trees, over links with a delay of their own. Records and
 * frames on a link that stands are not lost, so whatever does not arrive was sent the wrong way.
 */
import { BroadcastTrees } from "../../core/topology/broadcast_trees.ts";
import { type GraphNode, linkGraphOf } from "../../core/topology/link_graph.ts";
import type { ToldLink } from "../../core/topology/link_record.ts";
import { compareTags, type LinkTag } from "../../core/topology/link_tag.ts";
import type { SimRandom } from "../sim/random.ts";
import { tagAt, type TestLink } from "./mesh_fixture.ts";

interface Told {
  readonly node: GraphNode;
  readonly sequence: number;
}

interface Member {
  readonly tag: LinkTag;
  readonly trees: BroadcastTrees;
  /** Newest record of every node, its own included. */
  readonly told: Map<LinkTag, Told>;
  /** By neighbour, what is told of the link. */
  readonly links: Map<LinkTag, ToldLink>;
  /** Frames delivered here. */
  readonly seen: Set<number>;
}

export interface Frame {
  readonly number: number;
  readonly source: LinkTag;
  readonly sent: number;
  /** How often it has crossed a link. */
  crossings: number;
}

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

export class TreeWorld {
  readonly members: readonly Member[];
  readonly frames: Frame[] = [];
  now = 0;
  readonly #random: SimRandom;
  /** Milliseconds one way, by both tags, of links that stand. */
  readonly #delays = new Map<string, number>();
  readonly #events: Event[] = [];
  #order = 0;

  /** All know all from the start. */
  constructor(random: SimRandom, count: number, links: readonly TestLink[]) {
    this.#random = random;
    this.members = Array.from({ length: count }, (_, i) => ({
      tag: tagAt(i),
      trees: new BroadcastTrees({ self: tagAt(i) }),
      told: new Map(),
      links: new Map(),
      seen: new Set(),
    }));
    for (const { from, to, rttClass = 40 } of links) {
      this.#stand(this.members[from]!, this.members[to]!, rttClass);
    }
    const told = this.members.map((member) => ({ node: nodeOf(member), sequence: 1 }));
    for (const member of this.members) {
      for (const each of told) member.told.set(each.node.tag, each);
      this.#update(member);
    }
  }

  /** Runs what is due up to then. */
  advance(until: number): void {
    while (this.#events.length > 0 && this.#events.at(-1)!.at <= until) {
      const { at, run } = this.#events.pop()!;
      this.now = at;
      run();
    }
    this.now = until;
  }

  at(when: number, run: () => void): void {
    const event = { at: when, order: this.#order++, run };
    let low = 0;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isLater(this.#events[middle]!, event)) low = middle + 1;
      else high = middle;
    }
    this.#events.splice(low, 0, event);
  }

  /** A frame of this node; for `crossings` and who has seen it look later. */
  broadcast(from: number): Frame {
    const frame = { number: this.frames.length, source: tagAt(from), sent: this.now, crossings: 0 };
    this.frames.push(frame);
    this.#receive(this.members[from]!, frame, undefined);
    return frame;
  }

  /** How many nodes have not seen it. */
  missing({ number }: Frame): number {
    return this.members.filter(({ seen }) => !seen.has(number)).length;
  }

  isLinked(from: number, to: number): boolean {
    return this.#delays.has(keyOf(tagAt(from), tagAt(to)));
  }

  /** Both ends tell anew how far the link is. */
  retell(from: number, to: number, rttClass: number): void {
    for (const [one, other] of this.#endsOf(from, to)) {
      if (one.links.has(other.tag)) one.links.set(other.tag, { tag: other.tag, rttClass, flags: 0 });
      this.#tell(one);
    }
  }

  /** A link that was not there; each end tells of it within 100 ms. */
  connect(from: number, to: number, rttClass: number): void {
    const ends = this.#endsOf(from, to);
    this.#stand(ends[0][0], ends[0][1], rttClass);
    for (const [one] of ends) this.at(this.now + this.#random.below(100), () => this.#tell(one));
  }

  /** From now on nothing crosses it; both ends notice at once, as those of a session that is closed. */
  cut(from: number, to: number): void {
    this.#delays.delete(keyOf(tagAt(from), tagAt(to)));
    for (const [one, other] of this.#endsOf(from, to)) {
      one.links.delete(other.tag);
      this.#tell(one);
    }
  }

  #endsOf(from: number, to: number): readonly [readonly [Member, Member], readonly [Member, Member]] {
    const [one, other] = [this.members[from]!, this.members[to]!];
    return [[one, other], [other, one]];
  }

  #stand(one: Member, other: Member, rttClass: number): void {
    this.#delays.set(keyOf(one.tag, other.tag), 5 + this.#random.below(45));
    one.links.set(other.tag, { tag: other.tag, rttClass, flags: 0 });
    other.links.set(one.tag, { tag: one.tag, rttClass, flags: 0 });
  }

  #tell(member: Member): void {
    const { sequence } = member.told.get(member.tag)!;
    this.#learn(member, { node: nodeOf(member), sequence: sequence + 1 });
  }

  #learn(member: Member, told: Told): void {
    const held = member.told.get(told.node.tag)!;
    if (told.sequence <= held.sequence) return;
    member.told.set(told.node.tag, told);
    this.#update(member);
    for (const tag of member.links.keys()) this.#send(member, tag, (to) => this.#learn(to, told));
  }

  #update(member: Member): void {
    const nodes = [...member.told.values()].map(({ node }) =>
      node.tag === member.tag ? nodeOf(member) : node
    );
    member.trees.update(linkGraphOf(nodes), [...member.links.keys()], this.now);
  }

  #receive(member: Member, frame: Frame, from: LinkTag | undefined): void {
    if (member.seen.has(frame.number)) return;
    if (from !== undefined && !member.trees.mayBring(frame.source, from, this.now)) return;
    member.seen.add(frame.number);
    for (const child of member.trees.children(frame.source, this.now)) {
      if (child === from) continue;
      this.#send(member, child, (to) => {
        frame.crossings++;
        this.#receive(to, frame, member.tag);
      });
    }
  }

  #send(from: Member, to: LinkTag, deliver: (to: Member) => void): void {
    const key = keyOf(from.tag, to);
    const delay = this.#delays.get(key);
    if (delay === undefined) return;
    this.at(this.now + delay, () => {
      if (this.#delays.has(key)) deliver(this.members[parseInt(to, 16)]!);
    });
  }
}

/** Later ones first, so that the next is taken from the end. */
function isLater(event: Event, than: Event): boolean {
  return event.at > than.at || (event.at === than.at && event.order > than.order);
}

function nodeOf({ tag, links }: Member): GraphNode {
  const sorted = [...links.values()].sort((left, right) => compareTags(left.tag, right.tag));
  return { tag, willingness: "willing", links: sorted };
}

function keyOf(one: LinkTag, other: LinkTag): string {
  return one < other ? `${one} ${other}` : `${other} ${one}`;
}
