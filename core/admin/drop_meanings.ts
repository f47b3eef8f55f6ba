import type { DropReason } from "../contracts/node.ts";

/** What each reason means to an operator, and where to look: in the OpenAPI document and in `docs/api.md`. */
export const dropMeanings: { readonly [R in DropReason]: string } = {
  malformed: "Cannot be parsed, or a length, version or flag is out of its range",
  unsupported: "A protocol version or type that this build does not speak",
  badMac: "A stranger's datagram, or one made with a wrong token or network key",
  unknownSession: "For a session that this node does not have, as after its restart",
  replayed: "Seen before, as a broadcast that came by two ways, or too old to tell",
  badTag: "Was changed on the way, or is forged",
  staleHandshake: "A handshake that is not newer than the last one: replayed, or the peer's clock went back",
  notAdmitted: "A handshake, or a broadcast, of somebody who is no member, or not any more",
  rateLimited:
    "More handshakes, answers, relayed messages, broadcast of a bridge or container, or records of one member, than is allowed in the time",
  noSession: "There is no session with the peer that holds the destination",
  noRoute: "Nobody holds the destination",
  badSource: "The sender does not hold the source address that it used",
  notOurs: "From the mesh, but for an address that is neither here nor at a peer",
  loop: "Had been forwarded once already, came back through a bridge, or would go in a circle over relays",
  denied:
    "The policy forbids it, or failed to judge it; or it was to be relayed, and this node relays nothing",
  tooBig: "Larger than the path or the port takes",
  queueFull: "A queue was full, or there is no room for one more device behind a joined bridge",
  hopLimit: "Had passed as many hops as it may",
  noListener: "Nobody listens at that port of this node, or answers for an address behind a device",
  badChecksum: "Its checksum is wrong",
  underlay: "The network below has no way there, or refused to send it",
  underLoad: "Under load, and the sender has still to prove its address: it was sent a cookie",
  incomplete: "Came in parts, as over a narrow path, and not all of them in time",
};

export const dropReasons: readonly DropReason[] = Object.keys(dropMeanings) as DropReason[];
