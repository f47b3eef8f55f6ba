/** Who is linked to whom, and how each member is reached, as plain documents. Reads only. */
import type { PeerLinksStatus, PeerWay, WayStatus } from "../contracts/topology.ts";
import type { Endpoint, PeerId } from "../contracts/values.ts";
import { namesByTag, peerLinks, ways } from "../topology/topology_views.ts";
import { formatEndpoint } from "../wire/endpoint.ts";
import { mostRelays, relayedPlace } from "../wire/relay_endpoint.ts";
import type { ConnectionTable } from "./connection_table.ts";
import type { MeshTopology } from "./mesh_topology.ts";
import type { NetworkState } from "./network_state.ts";

export interface TopologySources {
  readonly state: Pick<NetworkState, "self" | "peerName" | "knownPeers">;
  readonly connections: Pick<ConnectionTable, "connection">;
  readonly topology: Pick<MeshTopology, "graph" | "routes" | "links" | "isTold" | "broadcasts">;
  readonly datagrams: { localEndpoints(): readonly Endpoint[] };
}

/** One entry for each member that has said where it is, this node too, by name. */
export function linkStatuses(sources: TopologySources): readonly PeerLinksStatus[] {
  const { state, topology } = sources;
  return peerLinks(membersOf(sources), topology.links.members(), topology.graph, state.self.id);
}

/** How each member is reached, by peer; of one without a session it is what the records of all say, and null if they say nothing. */
export function waysOf(sources: TopologySources): (peer: PeerId) => PeerWay | null {
  const { state, topology, connections } = sources;
  const planned = new Map(ways(membersOf(sources), topology.routes()).map((way) => [way.peer, way]));
  return (peer) => {
    const connection = connections.connection(peer);
    const plan = planned.get(peer);
    if (peer === state.self.id) return plan === undefined ? null : wayOf(plan);
    if (connection === undefined) return plan === undefined || !topology.isTold ? null : wayOf(plan);
    const relays = relaysOf(connections, peer);
    const isPlanned = relays.length > 0 && plan !== undefined &&
      relays.every((relay, place) => plan.via[place]?.peer === relay);
    // A relay may reach the peer over others in turn, which no session of this node tells.
    const via = isPlanned
      ? plan.via
      : relays.map((relay) => ({ peer: relay, name: state.peerName(relay) ?? null }));
    return {
      way: via.length === 0 ? "direct" : "relayed",
      via,
      hops: via.length + 1,
      rttMillis: connection.rtt ?? null,
      reason: isPlanned ? plan.reason : via.length === 0 ? "linked" : "no link to it",
    };
  };
}

/** The relays that carry the session with a peer, nearest to this node first. */
export function relaysOf(connections: TopologySources["connections"], peer: PeerId): readonly PeerId[] {
  const relays: PeerId[] = [];
  let behind: PeerId | undefined = peer;
  while (behind !== undefined && relays.length < mostRelays) {
    const endpoint: Endpoint | undefined = connections.connection(behind)?.endpoint;
    behind = endpoint && relayedPlace(endpoint)?.relay;
    if (behind !== undefined) relays.unshift(behind);
  }
  return relays;
}

function wayOf({ peer: _, name: __, ...way }: WayStatus): PeerWay {
  return way;
}

function membersOf({ state, datagrams }: TopologySources) {
  const { id, name } = state.self;
  const others = state.knownPeers().map(({ id: peer, endpoints }) => ({
    peer,
    name: state.peerName(peer) ?? peer,
    endpoints: endpoints.map(formatEndpoint),
  }));
  const own = datagrams.localEndpoints().map(formatEndpoint);
  return namesByTag([{ peer: id, name, endpoints: own }, ...others]);
}
