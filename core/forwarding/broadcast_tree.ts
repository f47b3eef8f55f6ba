/** Along which links a frame to all goes, by the node that sent it first. */
import type { PeerId } from "../contracts/values.ts";
import type { BroadcastHeader } from "../wire/broadcast_header.ts";

/**
 * The trees of one node: for every origin its own, in which this node has a parent and children. Answers may differ from
 * one moment to the next and from node to node; numbers and hops keep the harm of that small.
 */
export interface BroadcastTree {
  /**
   * Peers that a frame of `origin` goes to from here. `from` has brought it, and is this node itself where the frame
   * begins; it may be among those named, and gets nothing.
   */
  children(origin: PeerId, from: PeerId): Iterable<PeerId>;
  /**
   * Whether `from` may bring frames of `origin`. What is refused is a loss while two nodes see the tree differently; what
   * is let in is what `from` may say in the name of another.
   */
  mayBring(origin: PeerId, from: PeerId): boolean;
  /** Links that a frame of `origin` may cross from here; 31 if absent, and 255 at most. */
  hops?(origin: PeerId): number;
  /** A frame is new here, or begins here, whether it has children or not. */
  took?(frame: TravellingFrame): void;
  /** A frame has come that was here before. */
  repeated?(frame: Pick<TravellingFrame, "origin" | "header" | "by">): void;
}

/** A frame to all, as it goes on from here. */
export interface TravellingFrame {
  readonly origin: PeerId;
  /** Who has brought it; undefined where it begins. */
  readonly by: PeerId | undefined;
  readonly header: BroadcastHeader;
  /** Without its header; to be copied by whoever keeps it. */
  readonly frame: Uint8Array;
}

/** The tree of one level: a frame goes from its origin to all with a session, and nobody hands it on. */
export function directTree(self: PeerId, peers: () => Iterable<PeerId>): BroadcastTree {
  return {
    children: (origin) => origin === self ? peers() : [],
    mayBring: (origin, from) => origin === from,
  };
}
