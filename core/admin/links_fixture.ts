/** What a node made of constants knows of peers and their links. */
import type { PeerStatus } from "../contracts/node.ts";
import type { PeerLinksStatus } from "../contracts/topology.ts";
import type { PeerId } from "../contracts/values.ts";

export function peersOf(self: PeerId): readonly PeerStatus[] {
  return [
    {
      peer: self,
      name: "web-1",
      self: true,
      state: "up",
      liveness: null,
      endpoints: ["192.0.2.1:6783"],
      ranges: ["10.32.0.0/13"],
      addresses: ["10.32.0.1"],
      rttMillis: null,
      way: { way: "self", via: [], hops: 0, rttMillis: 0, reason: "this node" },
    },
  ];
}

export function linksOf(self: PeerId, other: PeerId): readonly PeerLinksStatus[] {
  const link = { endpoint: "198.51.100.7:6783", state: "established", rttMillis: 1.25 } as const;
  return [
    {
      peer: self,
      name: "web-1",
      self: true,
      relay: "willing",
      links: [{ ...link, direction: "->", peer: other, name: "web-2" }],
    },
    {
      peer: other,
      name: "web-2",
      self: false,
      relay: "never",
      links: [{ ...link, direction: "<-", peer: self, name: "web-1", endpoint: "192.0.2.1:6783" }],
    },
  ];
}
