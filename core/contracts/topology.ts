/** Who is linked to whom, and how packets cross: what `status peers` and `status connections` tell. Plain documents. */
import type { PeerId } from "./values.ts";

/** Whether a node passes on what others send to others: never, if nobody else does it better, or before all others. */
export type RelayWillingness = "never" | "willing" | "always";

/**
 * How frames to all travel: along trees that follow from the links that all tell, along the one that neighbours make
 * between themselves, or from their origin to all that it has a session with.
 */
export type BroadcastWay = "trees" | "gossip" | "direct";

/** Which way frames to all go from a node, in general: of an origin that no links are known of they go by gossip. */
export interface BroadcastStatus {
  readonly way: BroadcastWay;
  /** Peers that follow the tree of neighbours, and those of them that get whole frames and not only word of them. */
  readonly neighbours: number;
  readonly eager: number;
}

/** A peer with the links that it tells of. */
export interface PeerLinksStatus {
  readonly peer: PeerId;
  readonly name: string;
  readonly self: boolean;
  readonly relay: RelayWillingness;
  readonly links: readonly LinkStatus[];
}

export interface LinkStatus {
  /** `->` when the telling peer has set out for the other one. */
  readonly direction: "->" | "<-";
  /** Null for a node that is linked to but not known here. */
  readonly peer: PeerId | null;
  readonly name: string | null;
  /** Where the other one says that it can be reached; null when it says nothing. */
  readonly endpoint: string | null;
  /** `pending` until both ends tell of the link: such a link carries nothing for others. */
  readonly state: "established" | "pending";
  /** As the telling peer has measured it, to some 6 %. */
  readonly rttMillis: number | null;
}

export type WayKind = "self" | "direct" | "relayed" | "unreachable";

/** How packets for a peer leave this node. */
export interface WayStatus extends PeerWay {
  readonly peer: PeerId;
  readonly name: string;
}

/** The same of a peer that is named beside it. */
export interface PeerWay {
  readonly way: WayKind;
  /** The peers in between, nearest to this node first. */
  readonly via: readonly { readonly peer: PeerId | null; readonly name: string | null }[];
  /** Links that are crossed; 0 for this node itself and for what cannot be reached. */
  readonly hops: number;
  /** Sum over the links; null when it cannot be reached. */
  readonly rttMillis: number | null;
  /** Why this way and no better one. */
  readonly reason: string;
}
