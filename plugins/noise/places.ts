/** The places at which one peer is sought: addresses, and places behind relays. */
import type { Endpoint } from "../../core/contracts/values.ts";
import { mergeEndpoints, sameEndpoint } from "../../core/wire/endpoint.ts";
import { isRelayEndpoint } from "../../core/wire/relay_endpoint.ts";
import { limits } from "./constants.ts";

/** Each once; of too many addresses or places behind relays the first ones are forgotten. */
export function mergePlaces(known: readonly Endpoint[], more: readonly Endpoint[]): readonly Endpoint[] {
  const merged = mergeEndpoints(known, more);
  if (merged.length <= limits.relayPlacesPerPeer) return merged;
  const relayed = merged.filter(isRelayEndpoint).slice(-limits.relayPlacesPerPeer);
  const others = merged.filter((each) => !isRelayEndpoint(each)).slice(-limits.endpointsPerPeer);
  return merged.filter((each) => relayed.includes(each) || others.includes(each));
}

/** `place` where it is tried by the next attempt, of which there have been `attempts`; the others in their order. */
export function placedNext(
  places: readonly Endpoint[],
  place: Endpoint,
  attempts: number,
): readonly Endpoint[] {
  const others = places.filter((each) => !sameEndpoint(each, place));
  const turn = attempts % (others.length + 1);
  return [...others.slice(0, turn), place, ...others.slice(turn)];
}

/** Where another place behind a relay belongs, which is among the last: after the first place and those behind relays that follow. */
export function afterRelays(places: readonly Endpoint[]): number {
  const next = places.findIndex((place, index) => index > 0 && !isRelayEndpoint(place));
  return next === -1 ? places.length - 1 : next;
}
