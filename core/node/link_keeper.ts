/**
 * This node's word about its links, and the words of all others: signs and spreads the one, holds the other. The machines
 * are `OwnLinks` and `LinkStates`; here is what they need of a node.
 *
 * It has its place among what nodes share from the beginning on, and answers with nothing before the node belongs to a
 * network: what comes too early is told again.
 */
import type { Clock, Logger, Self, Timer } from "../contracts/host.ts";
import type { ReplicatedState, Replication } from "../contracts/replicated_state.ts";
import type { RelayWillingness } from "../contracts/topology.ts";
import type { Millis, PeerId } from "../contracts/values.ts";
import type { GraphNode } from "../topology/link_graph.ts";
import { type LinkRecord, linksKind, signLinks, type ToldLink } from "../topology/link_record.ts";
import { LinkStates, type StandingOf } from "../topology/link_states.ts";
import { type LinkTag, tagOf } from "../topology/link_tag.ts";
import { OwnLinks } from "../topology/own_links.ts";

export interface LinkKeeperParts {
  /** Asked when the node belongs to a network: joining may give it another name. */
  self(): Self;
  /** 16 bytes; undefined before there is a network. */
  networkId(): Uint8Array | undefined;
  readonly standingOf: StandingOf;
  readonly willingness: RelayWillingness;
  readonly clock: Clock;
  readonly log: Logger;
  readonly replicate: (state: ReplicatedState) => Replication;
  /** Who among the members has this tag. */
  memberOf(tag: LinkTag): PeerId | undefined;
  /** Somebody's links are others now, this node's own too. */
  changed(): void;
}

interface Machines {
  readonly self: LinkTag;
  readonly networkId: Uint8Array;
  readonly states: LinkStates;
  readonly own: OwnLinks;
}

const nothing: readonly Uint8Array[] = [];

export class LinkKeeper implements ReplicatedState {
  readonly name = "links";
  readonly kinds: readonly string[] = [linksKind];
  readonly #parts: LinkKeeperParts;
  readonly #replication: Replication;
  #machines: Machines | undefined;
  #timer: Timer | undefined;
  #isSilent = false;

  constructor(parts: LinkKeeperParts) {
    this.#parts = parts;
    this.#replication = parts.replicate(this);
  }

  /** Once, on a node that has founded or joined. */
  begin(): void {
    const { self, networkId, standingOf, willingness, clock, memberOf } = this.#parts;
    const id = networkId();
    if (id === undefined || this.#machines !== undefined) return;
    const states = new LinkStates({ networkId: id, standingOf });
    const own = new OwnLinks({
      willingness,
      firstSequence: Math.max(0, Math.floor(clock.wall())),
      degreeOf: (tag) => {
        const peer = memberOf(tag);
        return peer && states.of(peer)?.links.length;
      },
    });
    own.silence(this.#isSilent, clock.now());
    this.#machines = { self: tagOf(self().id), networkId: id, states, own };
    this.#tell();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#machines = undefined;
  }

  records(): readonly Uint8Array[] {
    return this.#machines?.states.records() ?? nothing;
  }

  merge(records: readonly Uint8Array[]): readonly Uint8Array[] {
    if (this.#machines === undefined) return nothing;
    const { states, own, self } = this.#machines;
    const { fresh, changed } = states.learn(records);
    const claimed = changed.find(({ tag }) => tag === self);
    // Of this node's last life, or of its clone: either way this one has the last word.
    if (claimed !== undefined) own.outranked(claimed.sequence, this.#parts.clock.now());
    if (changed.length > 0) this.#changed();
    return fresh;
  }

  /** There is a session with this peer that no relay carries. */
  up(peer: PeerId, isOutbound: boolean): void {
    this.#own((own, now) => own.up(tagOf(peer), isOutbound, now));
  }

  /** There is none, or a relay carries it now. */
  down(peer: PeerId): void {
    this.#own((own, now) => own.down(tagOf(peer), now));
  }

  roundTrip(peer: PeerId, rtt: Millis): void {
    // Not through #own: a round trip changes no graph before it is told.
    this.#machines?.own.roundTrip(tagOf(peer), rtt, this.#parts.clock.now());
    this.#schedule();
  }

  /**
   * Members have come or gone. `isSilent`: there are too many of them for anybody to tell links to all, and what this node
   * has told it takes back.
   */
  membersChanged(isSilent: boolean): void {
    this.#isSilent = isSilent;
    this.#machines?.own.silence(isSilent, this.#parts.clock.now());
    this.#machines?.states.judge();
    this.#schedule();
  }

  /** Peers with a link now, told or not. */
  neighbours(): readonly LinkTag[] {
    return this.#machines?.own.neighbours() ?? [];
  }

  /** What goes into this node's own graph. */
  nodes(): readonly GraphNode[] {
    if (this.#machines === undefined || this.#isSilent) return [];
    const { states, own, self } = this.#machines;
    return [...states.members().filter(({ tag }) => tag !== self), own.told(self)];
  }

  /** This node's links, also those that have not stood for long enough to be told of. */
  liveLinks(): readonly ToldLink[] {
    return this.#machines?.own.live() ?? [];
  }

  /** Undefined for strangers, and for who has told nothing. */
  recordOf(peer: PeerId): LinkRecord | undefined {
    return this.#machines?.states.of(peer);
  }

  members(): readonly LinkRecord[] {
    return this.#machines?.states.members() ?? [];
  }

  #own(step: (own: OwnLinks, now: Millis) => void): void {
    if (this.#machines === undefined) return;
    step(this.#machines.own, this.#parts.clock.now());
    this.#changed();
  }

  #changed(): void {
    this.#parts.changed();
    this.#schedule();
  }

  #schedule(): void {
    this.#timer?.cancel();
    const at = this.#machines?.own.pollTimeout();
    this.#timer = at === undefined ? undefined : this.#parts.clock.timer(at, () => this.#tell());
  }

  #tell(): void {
    if (this.#machines === undefined) return;
    const { own, states, networkId } = this.#machines;
    own.handleTimeout(this.#parts.clock.now());
    const facts = own.poll();
    if (facts !== undefined) {
      const record = signLinks(this.#parts.self(), networkId, facts);
      // Before it is spread: whoever compares digests with this node must find it here.
      states.learn([record]);
      this.#replication.spread([record]);
      this.#parts.log.log("debug", "This node's links are told", { what: facts.links.length });
      this.#parts.changed();
    }
    this.#schedule();
  }
}
