/**
 * Where a packet goes. Pure: the packet's addresses and the tables go in, a decision comes out; the main-thread path and
 * the data path worker make the same one.
 *
 *     from a local port                               from the mesh
 *       source is a port's own?       no  badSource     source's owner sent it?              no  badSource
 *       destination held here?        yes local         destination held here?               yes local
 *       destination's owner?          none noRoute      destination's owner?                 none notOurs
 *         this node, not held   unreachable               this node, not held          unreachable
 *         a peer or device            peer                from or to a device                notOurs
 *                                                         a peer, not yet forwarded          peer, flagged
 *                                                         a peer, forwarded before           loop
 *
 * A device (a foreign router in this node's configuration) talks to endpoints of this node alone. Other members have no
 * route for it and could not tell a packet of it from a forged one.
 */
import { Drop } from "../contracts/drop.ts";
import type { Route } from "../contracts/ipam.ts";
import type { Address, PeerId } from "../contracts/values.ts";
import type { RangeTable } from "./range_table.ts";

export interface ForwardingView {
  readonly self: PeerId;
  readonly routes: RangeTable;
  /** True for an address that a local port holds. */
  holds(address: Address): boolean;
}

/** The part of a packet that decides. */
export interface Addresses {
  readonly source: Address;
  readonly destination: Address;
}

export type Decision =
  | { readonly to: "local" }
  | { readonly to: "peer"; readonly peer: PeerId; readonly forwarded: boolean }
  /** The range is this node's and nobody holds the address: the sender is told. */
  | { readonly to: "unreachable" }
  | { readonly to: "nowhere"; readonly drop: Drop };

const local: Decision = { to: "local" };
const unreachable: Decision = { to: "unreachable" };

/** A packet that a local port sends. */
export function forwardFromPort(packet: Addresses, view: ForwardingView): Decision {
  if (!view.holds(packet.source)) return nowhere(Drop.badSource);
  if (view.holds(packet.destination)) return local;
  const route = view.routes.lookup(packet.destination);
  if (route === undefined) return nowhere(Drop.noRoute);
  if (route.owner === view.self) return unreachable;
  return { to: "peer", peer: route.owner, forwarded: false };
}

/** A packet that arrived through the session with `from`; `forwarded` says that another node had it before. */
export function forwardFromMesh(
  packet: Addresses,
  from: PeerId,
  forwarded: boolean,
  view: ForwardingView,
): Decision {
  const origin = view.routes.lookup(packet.source);
  const route = view.routes.lookup(packet.destination);
  if (!mayHaveSent(from, forwarded, view.self, { origin, route })) return nowhere(Drop.badSource);
  if (view.holds(packet.destination)) return local;
  if (route === undefined) return nowhere(Drop.notOurs);
  if (route.owner === view.self) return unreachable;
  if (origin?.isDevice === true || route.isDevice === true) return nowhere(Drop.notOurs);
  if (forwarded || route.owner === from) return nowhere(Drop.loop);
  return { to: "peer", peer: route.owner, forwarded: true };
}

/** True for an address that a local port holds, and for a free one of this node's ranges. */
export function isOwnAddress(address: Address, view: ForwardingView): boolean {
  return view.holds(address) || view.routes.lookup(address)?.owner === view.self;
}

interface Way {
  /** Of the source. */
  readonly origin: Route | undefined;
  /** Of the destination. */
  readonly route: Route | undefined;
}

/**
 * A peer sends from its own ranges only. Passing on is believed of one peer alone: the one that granted us the
 * destination's range, because packets for it may still be on their way there. Believing the flag of any member would
 * let every member send as every other. Nobody passes on for a device.
 */
function mayHaveSent(from: PeerId, forwarded: boolean, self: PeerId, { origin, route }: Way): boolean {
  if (origin === undefined || origin.owner === self) return false;
  if (origin.owner === from) return true;
  return forwarded && origin.isDevice !== true && route?.grantedBy === from;
}

function nowhere(drop: Drop): Decision {
  return { to: "nowhere", drop };
}
