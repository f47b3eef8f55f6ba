/** Parts of a mesh that are made of what a node shares, and what the mesh looks for in an encapsulation. */
import type { Discovery, LivenessReport } from "../contracts/discovery.ts";
import type { Encapsulation, PathMeasuring, RelayWilling } from "../contracts/encapsulation.ts";
import type { RelayWillingness } from "../contracts/topology.ts";
import type { PeerId } from "../contracts/values.ts";
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

export function willingnessOf(encapsulation: Encapsulation): RelayWillingness {
  return "willingness" in encapsulation
    ? (encapsulation as Encapsulation & RelayWilling).willingness
    : "never";
}

/** Whether any of them holds the member for dead, or for one that has left; nobody does where none can tell. */
export function isHeldForDead(discovery: readonly Discovery[], peer: PeerId): boolean {
  return discovery.some((plugin) => {
    const liveness = "liveness" in plugin ? (plugin as Discovery & LivenessReport).liveness(peer) : undefined;
    return liveness === "dead" || liveness === "left";
  });
}
