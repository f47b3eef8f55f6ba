/**
 * Places behind a relay: a peer that is reached through another one. Such a place stands wherever an endpoint of the underlay
 * may stand, so that whoever dials, roams and measures need not tell them apart; only what sends datagrams and what counts
 * their bytes has to.
 *
 *     { host: "relay/<id of the relay>/<tag of the peer behind it>", port: 0 }
 *
 * The port is none that anybody has and the host no literal, so no text of a configuration and no address of a socket is ever
 * taken for one. A field of its own in `Endpoint` was rejected: all that compares endpoints, or keeps them by their text,
 * would have to know of it, and whoever forgot would take a relay for its peers.
 *
 * A tag is the first 8 bytes of a peer's id, which says enough among the peers of one relay: the messages inside are sealed
 * for their receiver, whoever it is.
 */
import type { Endpoint, PeerId } from "../contracts/values.ts";
import { decodeBase32, encodeBase32 } from "./base32.ts";

export const relayTagLength = 8;
/**
 * Relays one behind the other on the way to a peer, as far as a node knows. Each takes 40 bytes and a round through another host; a
 * mesh in which four are needed wants another session, not a longer way.
 */
export const mostRelays = 3;

export interface RelayedPlace {
  readonly relay: PeerId;
  /** 8 bytes. */
  readonly tag: Uint8Array;
}

const prefix = "relay/";
/** What the places that were made here say: each message to one asks, and most are made once for a whole flow. */
const made = new WeakMap<Endpoint, RelayedPlace>();

/** The tag of a peer; undefined for what is no id of one. */
export function relayTagOf(peer: PeerId): Uint8Array | undefined {
  const bytes = decodeBase32(peer);
  return bytes === undefined || bytes.length < relayTagLength ? undefined : bytes.slice(0, relayTagLength);
}

/** The place of whoever has `tag`, behind `relay`. */
export function relayEndpoint(relay: PeerId, tag: Uint8Array): Endpoint {
  const endpoint = { host: `${prefix}${relay}/${encodeBase32(tag)}`, port: 0 };
  made.set(endpoint, { relay, tag: tag.slice() });
  return endpoint;
}

/** The place of `peer` behind `relay`; undefined for what is no id of a peer, and for a relay to itself. */
export function relayEndpointTo(relay: PeerId, peer: PeerId): Endpoint | undefined {
  const tag = relayTagOf(peer);
  return tag === undefined || relay === peer ? undefined : relayEndpoint(relay, tag);
}

export function isRelayHost(host: string): boolean {
  return host.startsWith(prefix);
}

export function isRelayEndpoint({ host, port }: Endpoint): boolean {
  return port === 0 && isRelayHost(host);
}

/** What an endpoint behind a relay names; undefined for all others. */
export function relayedPlace(endpoint: Endpoint): RelayedPlace | undefined {
  if (!isRelayEndpoint(endpoint)) return undefined;
  const known = made.get(endpoint);
  if (known !== undefined) return known;
  const [, relay, text] = endpoint.host.split("/");
  const tag = decodeBase32(text ?? "");
  return relay === undefined || tag?.length !== relayTagLength ? undefined : { relay: relay as PeerId, tag };
}
