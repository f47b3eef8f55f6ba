/** What a node names in its handshakes about relays: whether it takes what they bring, and whether it is one. */
import type { RelayWillingness } from "../contracts/topology.ts";

/** Takes messages that a relay has passed on. */
export const relayedFeature = "relayed";
/** Passes on messages of others. */
export const relayFeature = "relay";
/** The same with the wish to be asked first. */
export const relayAlwaysFeature = "relay_always";

/** What a peer with these features does for others. */
export function willingnessIn(features: readonly string[]): RelayWillingness {
  if (!features.includes(relayFeature)) return "never";
  return features.includes(relayAlwaysFeature) ? "always" : "willing";
}
