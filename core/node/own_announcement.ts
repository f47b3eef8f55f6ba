/** What this node says of itself, and whether it would say anything new. */
import type { Address, Endpoint } from "../contracts/values.ts";
import type { Announcement, AnnouncementFacts } from "../identity/announcement.ts";
import { formatAddress } from "../wire/address.ts";
import { equalBytes } from "../wire/bytes.ts";
import { formatEndpoint } from "../wire/endpoint.ts";

/** True when an announcement with these facts would say what `announcement` says. */
export function sameFacts(
  { peer, addresses, relays }: Announcement,
  facts: Omit<AnnouncementFacts, "sequence">,
): boolean {
  const text = (endpoints: readonly Endpoint[], held: readonly Address[] = []) =>
    [...endpoints.map(formatEndpoint), ...held.map(formatAddress)].join();
  return peer.bindingNumber === facts.bindingNumber &&
    equalBytes(relays, facts.relays ?? new Uint8Array()) &&
    text(peer.endpoints, addresses) === text(facts.endpoints, facts.addresses);
}
