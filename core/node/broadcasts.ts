/**
 * Frames to all, along trees. The node where one begins gives it a number and sends it to its children in its own tree;
 * each that gets it looks who the origin is, delivers it once, and hands it on to its own children in that tree.
 *
 * A peer that did not offer the feature gets the bare frame (0x6558), and only from its origin: whoever else brought it
 * would be asked for its own addresses, and refused. So such a peer is in no tree and is sent to beside it.
 */
import { Drop } from "../contracts/drop.ts";
import type { OverlayPacket } from "../contracts/encapsulation.ts";
import type { Clock, DropCounters } from "../contracts/host.ts";
import type { PeerId } from "../contracts/values.ts";
import { type BroadcastTree, directTree } from "../forwarding/broadcast_tree.ts";
import { BroadcastWindows } from "../forwarding/broadcast_windows.ts";
import { type LinkTag, tagFromBytes, tagOf, tagToBytes } from "../topology/link_tag.ts";
import {
  type BroadcastFrame,
  type BroadcastHeader,
  decodeBroadcast,
  encodeBroadcast,
  numberLimit,
} from "../wire/broadcast_header.ts";
import { GreProtocol } from "../wire/gre.ts";
import { isGroupMac } from "../wire/mac.ts";

export interface BroadcastParts {
  readonly self: PeerId;
  readonly clock: Pick<Clock, "now" | "wall">;
  readonly drops: DropCounters;
  /** Members with a session now. */
  peers(): readonly PeerId[];
  /** Whether this peer has a session, and has offered to take frames with a header. */
  takesHeaders(peer: PeerId): boolean;
  /** Who among the members has this tag. */
  memberOf(tag: LinkTag): PeerId | undefined;
}

/** A frame with the peer that it goes to. */
export interface BroadcastCopy {
  readonly peer: PeerId;
  readonly packet: OverlayPacket;
}

/** A frame whose origin is a member, brought by somebody who may bring it. Nothing of the frame is checked yet. */
export interface ArrivedBroadcast extends BroadcastFrame {
  readonly by: PeerId;
  readonly sender: PeerId;
}

/** Links that a frame crosses, less the first: more than any tree needs, so few that a ring of wrong trees soon ends. */
export const mostHops = 31;
/**
 * Numbers begin at the time of day in these parts of a millisecond, so that those of the next start are higher, as long as
 * no more than 64,000 frames a second were sent in this one. 48 bits last until the year 2109.
 */
const numbersPerMilli = 64;

export class Broadcasts {
  readonly #parts: BroadcastParts;
  readonly #windows = new BroadcastWindows();
  #tree: BroadcastTree;
  #next: number;

  constructor(parts: BroadcastParts) {
    this.#parts = parts;
    this.#tree = directTree(parts.self, () => parts.peers());
    this.#next = (Math.floor(parts.clock.wall()) * numbersPerMilli) % numberLimit;
  }

  /** From now on frames go along these trees; until then from their origin to all with a session, and no further. */
  follow(tree: BroadcastTree): void {
    this.#tree = tree;
  }

  /** What a frame of a local link becomes for each peer that it goes to. */
  begin(frame: Uint8Array): readonly BroadcastCopy[] {
    const { self } = this.#parts;
    const bare: OverlayPacket = { protocol: GreProtocol.ethernet, payload: frame, forwarded: false };
    const beside = new Set(this.#parts.peers().filter((peer) => !this.#parts.takesHeaders(peer)));
    const copies = [...beside].map((peer): BroadcastCopy => ({ peer, packet: bare }));
    const children = this.#children(self, self, beside);
    if (children.length === 0 && this.#tree.took === undefined) return copies;
    const hops = this.#hopsOf(self);
    const header = { origin: tagToBytes(tagOf(self)), number: this.#next, hops, flags: 0 };
    this.#next = (this.#next + 1) % numberLimit;
    this.#tree.took?.({ origin: self, by: undefined, header, frame });
    return [...copies, ...copiesFor(children, header, frame)];
  }

  /** Whether this frame of a member was here before, or is too old to be of use; this node's own are of none. */
  knows(origin: PeerId, number: number): boolean {
    return origin === this.#parts.self || this.#windows.has(origin, number, this.#parts.clock.now());
  }

  /**
   * What `from` has brought with a header. Unsupported from a peer that offered nothing, which a device never does; loop
   * for this node's own; notAdmitted when the origin is no member; badSource when `from` is not the one to bring it.
   */
  open(from: PeerId, { payload, forwarded }: OverlayPacket): ArrivedBroadcast | Drop {
    if (!this.#parts.takesHeaders(from)) return Drop.unsupported;
    const read = decodeBroadcast(payload);
    if (typeof read === "number") return read;
    if (forwarded || !isGroupMac(read.frame)) return Drop.malformed;
    const sender = this.#parts.memberOf(tagFromBytes(read.origin));
    if (sender === undefined) return Drop.notAdmitted;
    if (sender === this.#parts.self) return Drop.loop;
    return this.#tree.mayBring(sender, from) ? { ...read, sender, by: from } : Drop.badSource;
  }

  /**
   * To whom the frame goes on from here; replayed when it has been here before. To be asked once the frame is known to be
   * its sender's: a number is spent then, and nobody may spend those of others with frames that are none.
   */
  onward(arrived: ArrivedBroadcast): readonly BroadcastCopy[] | Drop {
    const { sender, by, number, frame } = arrived;
    const arrival = { now: this.#parts.clock.now(), isDirect: sender === by };
    const { origin, flags } = arrived;
    const hops = Math.min(arrived.hops, this.#hopsOf(sender)) - 1;
    const header = { origin, number, hops: Math.max(0, hops), flags };
    if (!this.#windows.accept(sender, number, arrival)) {
      this.#tree.repeated?.({ origin: sender, by, header });
      return Drop.replayed;
    }
    // What may go no further is not kept for others either.
    if (hops >= 0) this.#tree.took?.({ origin: sender, by, header, frame });
    const children = this.#children(sender, by);
    if (hops >= 0) return copiesFor(children, header, frame);
    this.#parts.drops.count(Drop.hopLimit, children.length);
    return [];
  }

  #hopsOf(sender: PeerId): number {
    return this.#tree.hops?.(sender) ?? mostHops;
  }

  /** Nobody is called for the sake of a frame to all: a child without a session is counted. */
  #children(sender: PeerId, by: PeerId, beside?: ReadonlySet<PeerId>): readonly PeerId[] {
    const others = [...this.#tree.children(sender, by)].filter((peer) =>
      peer !== sender && peer !== by && beside?.has(peer) !== true
    );
    const children = others.filter((peer) => this.#parts.takesHeaders(peer));
    this.#parts.drops.count(Drop.noSession, others.length - children.length);
    return children;
  }
}

/** The same bytes for all. */
function copiesFor(
  peers: readonly PeerId[],
  header: BroadcastHeader,
  frame: Uint8Array,
): readonly BroadcastCopy[] {
  if (peers.length === 0) return [];
  const payload = encodeBroadcast(header, frame);
  const packet: OverlayPacket = { protocol: GreProtocol.broadcast, payload, forwarded: false };
  return peers.map((peer) => ({ peer, packet }));
}
