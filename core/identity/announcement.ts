/**
 * Announcement: what a peer says of itself, so that others can open a session to it. Kind `peer`, signed by the peer:
 *
 *     { k: X25519 key 32, n: binding number, h: name, e: [endpoint, 6 or 18 bytes, …], q: sequence number,
 *       a: [overlay address, 4 or 16 bytes, …], absent for none, r: relays, 8 bytes each, nearest first, absent for none }
 *
 * Of two announcements of one peer the higher sequence number is the later one. Its owner keeps the number on disk and
 * raises it before it signs. The name is a claim: the admission is what names a member.
 */
import { MeshError } from "../contracts/errors.ts";
import type { Self } from "../contracts/host.ts";
import type { PeerIdentity } from "../contracts/membership.ts";
import type { Address, Endpoint } from "../contracts/values.ts";
import { addressFromBytes } from "../wire/address.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { endpointToBytes } from "./endpoint_bytes.ts";
import { type Fields, malformed, maxCounter, wholeNumber } from "./fields.ts";
import { peerIdOf } from "./identity.ts";
import { isNodeName } from "./node_name.ts";
import { openBody, readBody, reopenRecord, signRecord } from "./signed.ts";

export interface AnnouncementFacts {
  readonly bindingNumber: number;
  /** Best first, at most {@link maxAnnouncedEndpoints}. */
  readonly endpoints: readonly Endpoint[];
  /** Overlay addresses the peer itself answers at, at most {@link maxAnnouncedAddresses}: for names, never for routes. */
  readonly addresses?: readonly Address[];
  /** Members behind whom the peer can be reached, nearest first: of each the first 8 bytes of its id, at most {@link maxAnnouncedRelays}. */
  readonly relays?: Uint8Array;
  /** 0 to 2^53 − 1. */
  readonly sequence: number;
}

export interface Announcement {
  readonly peer: PeerIdentity;
  readonly addresses: readonly Address[];
  /** 8 bytes each. */
  readonly relays: Uint8Array;
  readonly sequence: number;
}

export const maxAnnouncedEndpoints = 8;
export const maxAnnouncedAddresses = 8;
export const maxAnnouncedRelays = 3;
const relayBytes = 8;
const noRelays = new Uint8Array();

export const announcementKind = "peer";

/** Throws INVALID_ARGUMENT for more than eight endpoints, or one that is no IP literal and port. */
export function signAnnouncement(self: Self, facts: AnnouncementFacts): Uint8Array {
  const { bindingNumber, endpoints, addresses = [], relays = noRelays, sequence } = facts;
  requireFewEndpoints(endpoints);
  const body = encodeCbor({
    k: self.noise.publicKey,
    n: bindingNumber,
    h: self.name,
    e: endpoints.map(endpointToBytes),
    q: wholeNumber(sequence),
    ...(addresses.length > 0 && { a: addresses.slice(0, maxAnnouncedAddresses).map(({ bytes }) => bytes) }),
    ...(relays.length > 0 && { r: relays }),
  });
  return signRecord(self, announcementKind, body);
}

/** Throws INVALID_ARGUMENT for more than {@link maxAnnouncedEndpoints}. */
export function requireFewEndpoints(endpoints: readonly Endpoint[]): void {
  if (endpoints.length <= maxAnnouncedEndpoints) return;
  throw new MeshError(
    "INVALID_ARGUMENT",
    `Cannot announce ${endpoints.length} endpoints: ${maxAnnouncedEndpoints} fit; leave the less useful out`,
  );
}

/** Undefined for anything but a well-signed announcement. */
export function openAnnouncement(bytes: Uint8Array): Announcement | undefined {
  return openBody(bytes, announcementKind, readAnnouncement);
}

/** The same of bytes that it has taken before, for a hundredth of the price: the signature is not looked at again. */
export function reopenAnnouncement(bytes: Uint8Array): Announcement {
  return readBody(reopenRecord(bytes), readAnnouncement)!;
}

function readAnnouncement(fields: Fields, publicKey: Uint8Array): Announcement {
  const peer: PeerIdentity = {
    id: peerIdOf(publicKey),
    name: fields.text("h", isNodeName),
    publicKey,
    noiseKey: fields.bytes("k", 32),
    bindingNumber: fields.integer("n", 1, maxCounter),
    endpoints: fields.endpoints("e", maxAnnouncedEndpoints),
  };
  const addresses = fields.has("a") ? fields.list("a", maxAnnouncedAddresses, readAddress) : [];
  const relays = fields.has("r") ? readRelays(fields) : noRelays;
  return { peer, addresses, relays, sequence: fields.integer("q", 0, Number.MAX_SAFE_INTEGER) };
}

function readRelays(fields: Fields): Uint8Array {
  const relays = fields.blob("r", maxAnnouncedRelays * relayBytes);
  if (relays.length % relayBytes !== 0) throw malformed("a relay");
  return relays;
}

function readAddress(item: unknown): Address {
  const address = item instanceof Uint8Array ? addressFromBytes(item) : undefined;
  if (address === undefined) throw malformed("an address");
  return address;
}
