/** Parts of a mesh that are made of what a node shares, and what the mesh looks for in an encapsulation. */
import type { PathMeasuring } from "../contracts/encapsulation.ts";
import { broadcastFeature } from "../wire/broadcast_header.ts";
import { Broadcasts } from "./broadcasts.ts";
import { Introductions } from "./introductions.ts";
import type { NodeContext } from "./node_context.ts";

export function broadcastsOf({ platform, state, connections, drops, tags }: NodeContext): Broadcasts {
  return new Broadcasts({
    self: state.self.id,
    clock: platform.clock,
    drops,
    peers: () => connections.peers(),
    takesHeaders: (peer) => connections.connection(peer)?.features.includes(broadcastFeature) === true,
    memberOf: (tag) => tags.memberOf(tag),
  });
}

export function introductionsOf({ state, channels, replicator, platform }: NodeContext): Introductions {
  return new Introductions({
    self: state.self.id,
    channel: channels.open("mesh"),
    replicator,
    book: state,
    clock: platform.clock,
    log: platform.log.child("mesh"),
  });
}

export function measuresPaths(encapsulation: object): encapsulation is PathMeasuring {
  return "measurePaths" in encapsulation;
}
