/**
 * The tree of a mesh in which nobody knows all links, after Plumtree (Leitão, Pereira, Rodrigues: "Epidemic Broadcast
 * Trees", SRDS 2007). Whole frames go along some links, which are eager; along all of them goes which frames there are.
 * Whoever is brought a frame again makes that link lazy, at both ends, and so a tree is left; whoever hears of a frame
 * that does not come asks for it, and the link that it comes by is part of the tree from then on.
 *
 * - There is one tree for all origins. One for each, which would be shorter, needs state for every origin at every node,
 *   and has every link carry the first frame of each: in a network of thousands, where most say something now and then, no
 *   tree would ever be done.
 * - A new link is eager, so that trees follow the quickest ways; one through a relay is lazy until it is needed.
 * - Digests go to eager neighbours as well: datagrams are lost, and a leaf has nobody else to hear of its loss from. It
 *   asks an eager neighbour first, where asking changes no link. Of many lazy ones a few hear of each frame, in turn.
 * - A neighbour can do harm on its own link alone: it can send too little, or ask for too much, within the bounds of
 *   `kept_frames.ts` and `missing_frames.ts`. What it holds back others have.
 *
 * A machine: it is told of neighbours, frames and messages, says where a frame goes on, and gives messages to be sent.
 */
import type { Millis, PeerId } from "../contracts/values.ts";
import { type FrameId, type GossipMessage, maxFrameIds } from "./gossip_message.ts";
import { type KeptFrameLimits, keptFrameLimits, KeptFrames } from "./kept_frames.ts";
import { MissingFrames } from "./missing_frames.ts";

export interface GossipTreesOptions {
  /** Whether this frame was here before, or is too old to be of use. */
  isKnown(id: FrameId): boolean;
  /** A number from 0 up to 1, another one each time. */
  chance(): number;
  readonly limits?: KeptFrameLimits;
}

/** A message for a neighbour. */
export interface GossipNote {
  readonly to: PeerId;
  readonly message: GossipMessage;
}

export interface GossipNeighbour {
  readonly peer: PeerId;
  /** Through a relay. */
  readonly isRelayed: boolean;
}

export const gossipTimes = {
  /** Frames of this long are told of together. */
  digest: 50 as Millis,
  /** Between two wishes for less to one neighbour: what comes in between is under way already. */
  less: 100 as Millis,
} as const;

/**
 * How many lazy neighbours are told of the same frames, in turn. A node has sessions with 64 and more, and word of a small
 * frame to all of them would cost about what the frame itself would; so many from each side reach all but a few nodes,
 * and who hangs below a broken place needs but one that hears.
 */
export const mostLazyTold = 6;

interface Link {
  isEager: boolean;
  /** When it was told to send less, last. */
  toldAt: Millis;
}

export class GossipTrees {
  readonly #isKnown: (id: FrameId) => boolean;
  readonly #links = new Map<PeerId, Link>();
  readonly #kept: KeptFrames;
  readonly #missing: MissingFrames;
  /** Frames that neighbours have not been told of. */
  #untold: FrameId[] = [];
  #tellAt: Millis = Number.POSITIVE_INFINITY;
  #notes: GossipNote[] = [];
  #turn = 0;

  constructor({ isKnown, chance, limits = keptFrameLimits }: GossipTreesOptions) {
    this.#isKnown = isKnown;
    this.#missing = new MissingFrames(chance);
    this.#kept = new KeptFrames(limits);
  }

  /** All that have a session with this node now, and follow these trees. */
  neighbours(neighbours: readonly GossipNeighbour[]): void {
    const peers = new Set(neighbours.map(({ peer }) => peer));
    for (const peer of this.#links.keys()) if (!peers.has(peer)) this.#links.delete(peer);
    for (const { peer, isRelayed } of neighbours) {
      if (!this.#links.has(peer)) {
        this.#links.set(peer, { isEager: !isRelayed, toldAt: Number.NEGATIVE_INFINITY });
      }
    }
  }

  /** Neighbours that get whole frames. */
  eager(): readonly PeerId[] {
    return [...this.#links].filter(([, { isEager }]) => isEager).map(([peer]) => peer);
  }

  /** How many neighbours there are. */
  get degree(): number {
    return this.#links.size;
  }

  /** What waits, for tests of bounds. */
  get held(): { readonly kept: number; readonly missing: number } {
    return { kept: this.#kept.size, missing: this.#missing.size };
  }

  /** A frame is new here, or begins here; `payload` is what goes on, and belongs to this machine from now on. */
  took(id: FrameId, payload: Uint8Array, by: PeerId | undefined, now: Millis): void {
    const link = by && this.#links.get(by);
    if (link !== undefined) link.isEager = true;
    this.#kept.expire(now);
    const kept = this.#kept.keep(id, payload, by, now);
    for (const peer of this.#missing.found(id)) kept.holders.add(peer);
    this.#untold.push(id);
    const isFull = this.#untold.length >= maxFrameIds;
    this.#tellAt = isFull ? now : Math.min(this.#tellAt, now + gossipTimes.digest);
  }

  /** A frame came again: one of the two ways is too many. Twice by the same way is the network's doing. */
  repeated(id: FrameId, by: PeerId, now: Millis): void {
    const kept = this.#kept.of(id);
    const link = this.#links.get(by);
    if (kept === undefined || link === undefined) return;
    kept.holders.add(by);
    if (kept.by === by) return;
    link.isEager = false;
    if (now < link.toldAt + gossipTimes.less) return;
    link.toldAt = now;
    this.#notes.push({ to: by, message: { kind: "less", ids: [] } });
  }

  /** What is to be sent to `from` at once: frames, as they were kept. Who is no neighbour gets nothing. */
  receive(from: PeerId, { kind, ids }: GossipMessage, now: Millis): readonly Uint8Array[] {
    const link = this.#links.get(from);
    if (link === undefined) return [];
    if (kind === "have") {
      for (const id of ids) this.#hear(id, from, now);
      return [];
    }
    link.isEager = kind === "want";
    return kind === "want" ? ids.flatMap((id) => this.#kept.answer(id, from) ?? []) : [];
  }

  handleTimeout(now: Millis): void {
    this.#kept.expire(now);
    if (now >= this.#tellAt) this.#tell();
    if ((this.#missing.next ?? Number.POSITIVE_INFINITY) <= now) this.#ask(now);
  }

  /** Undefined while nothing waits. */
  pollTimeout(): Millis | undefined {
    const { next = Number.POSITIVE_INFINITY } = this.#missing;
    const at = Math.min(this.#tellAt, next, this.#kept.next ?? Number.POSITIVE_INFINITY);
    return at === Number.POSITIVE_INFINITY ? undefined : at;
  }

  /** What is to be sent now. */
  poll(): readonly GossipNote[] {
    const notes = this.#notes;
    this.#notes = [];
    return notes;
  }

  #hear(id: FrameId, from: PeerId, now: Millis): void {
    const kept = this.#kept.of(id);
    if (kept !== undefined) kept.holders.add(from);
    else if (!this.#isKnown(id)) this.#missing.named(id, from, now);
  }

  /** To each neighbour what it has not shown that it has; what is kept no longer nobody could ask for. */
  #tell(): void {
    const kept = this.#untold.flatMap((id) => this.#kept.of(id) ?? []);
    this.#untold = [];
    this.#tellAt = Number.POSITIVE_INFINITY;
    for (const to of [...this.eager(), ...this.#nextLazy()]) {
      const ids = kept.filter(({ holders }) => !holders.has(to)).map(({ id }) => id);
      this.#note(to, "have", ids);
    }
  }

  /** Those whose turn it is. */
  #nextLazy(): readonly PeerId[] {
    const lazy = [...this.#links].filter(([, { isEager }]) => !isEager).map(([peer]) => peer);
    if (lazy.length <= mostLazyTold) return lazy;
    const from = this.#turn % lazy.length;
    this.#turn += mostLazyTold;
    return [...lazy.slice(from), ...lazy.slice(0, from)].slice(0, mostLazyTold);
  }

  #ask(now: Millis): void {
    const links = {
      has: (peer: PeerId) => this.#links.has(peer),
      isEager: (peer: PeerId) => this.#links.get(peer)?.isEager === true,
    };
    for (const [to, ids] of this.#missing.due(now, links)) {
      this.#links.get(to)!.isEager = true;
      this.#note(to, "want", ids);
    }
  }

  #note(to: PeerId, kind: GossipMessage["kind"], ids: readonly FrameId[]): void {
    for (let at = 0; at < ids.length; at += maxFrameIds) {
      this.#notes.push({ to, message: { kind, ids: ids.slice(at, at + maxFrameIds) } });
    }
  }
}
