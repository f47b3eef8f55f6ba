/**
 * What Ethernet asks and what is answered: the terms in which frames are decided upon. Pure, as `forward.ts` is.
 *
 * Endpoints with interfaces are on one bridge, and this node is one more port of it. The bridge carries frames between
 * local interfaces by itself; what this node sees is meant for others, or for all.
 *
 *     from a local interface (`link_from_port.ts`)      from the mesh (`link_from_mesh.ts`)
 *       source is a local interface's?  no  badSource     source MAC is a local interface's?     yes loop
 *         one that came from the mesh       loop
 *       ARP, ND                         answer, handled   ARP, ND, IGMP, MLD                     unsupported
 *       source address is its own?      no  badSource     source address is the sending peer's?  no  badSource
 *       broadcast, multicast            everyone          broadcast, multicast                   links
 *       both MACs are its addresses'    ip                destination MAC held here?             links
 *       destination MAC's owner?        none noRoute      else                                   notOurs
 *         a peer                        peer
 *
 * An address that is elsewhere has a MAC derived from it (`mac.ts`), and every node answers for it with that, so that
 * neither ARP nor neighbour solicitations cross the mesh and no node has to learn where a MAC is. As the MAC can be made
 * again from the packet, an IP packet travels without its Ethernet header; the far node writes the MAC that the interface
 * really has.
 *
 * A device behind a joined bridge that this node has learned counts as a local interface. One that another node has
 * learned is known by its real MAC, with which this node answers for its address.
 */
import type { Drop } from "../contracts/drop.ts";
import type { OverlayPacket } from "../contracts/encapsulation.ts";
import type { Address, PeerId } from "../contracts/values.ts";
import type { ForwardingView } from "./forward.ts";
import type { Neighbours } from "./neighbours.ts";

/** Where an address or a MAC of this node is: the 6-byte MAC of the interface, or inside the process. */
export type LinkHolder = Uint8Array | "inside";

/** What decisions about frames look at. `LinkTable` answers the questions; `holds` is `linkOf` that is not undefined. */
export interface LinkView extends ForwardingView {
  /** Who holds an address on this node. */
  linkOf(address: Address): LinkHolder | undefined;
  /** True for the MAC that a local interface really has. */
  localMac(mac: Uint8Array): boolean;
  /** Whom a frame to `mac` reaches on this node: by the MAC of an interface, or by one derived from an address held here. */
  holderOf(mac: Uint8Array): LinkHolder | undefined;
  /** The MAC of the device with this address that is behind a bridge somewhere; other addresses have derived ones. */
  deviceMac(address: Address): Uint8Array | undefined;
  /** The member behind whose bridge the device with this MAC is, which may be this node. */
  deviceOwner(mac: Uint8Array): PeerId | undefined;
  /** True for the source of frames that this node has just written to its links. */
  isEcho(mac: Uint8Array): boolean;
  /** Remembers for which addresses elsewhere this node has answered. Kept by the caller, changed by decisions. */
  readonly neighbours: Neighbours;
}

/** What becomes of a frame that a local interface sent. Frames and packets may be views of what was given. */
export type LinkDecision =
  /** An IP packet like any other of a port: `forward.ts` decides, policy judges. Without padding, not yet parsed. */
  | { readonly to: "ip"; readonly packet: OverlayPacket }
  /** To be written back to the port: an answer to who asked. */
  | { readonly to: "answer"; readonly frame: Uint8Array }
  /** To this peer as 0x6558. */
  | { readonly to: "peer"; readonly peer: PeerId; readonly frame: Uint8Array }
  /** Along this node's tree, see `broadcast_tree.ts`; the bridge has given it to the local interfaces. */
  | { readonly to: "everyone"; readonly frame: Uint8Array }
  /** Nothing is left to do and nothing is lost: the bridge has done it, or it is of no use beyond this link. */
  | { readonly to: "handled" }
  | { readonly to: "nowhere"; readonly drop: Drop };

/** What becomes of a frame that came from the mesh, as 0x6558 or along a tree. */
export type MeshFrameDecision =
  /** To be written to the port of links; the bridge finds the interface, or all of them. */
  | { readonly to: "links"; readonly frame: Uint8Array }
  | { readonly to: "nowhere"; readonly drop: Drop };
