/**
 * The link record: a node's word about whom it has an established session with. A signed record of kind `links` whose
 * body is the CBOR map
 *
 *     { i: network id 16, q: sequence number, w: willingness to relay, l: links }
 *
 *     l    0 to 64 entries of 10 bytes, ascending by tag, none twice:
 *          tag of the neighbour 8 | class of the round trip 1 | flags 1
 *     w    0 never, 1 willing, 2 always; what a newer version may add is read as never
 *     flags    1 the signer has set out for the neighbour; the others are zero, and passed over when read
 *
 * A full record has 640 bytes of links in some 800: it fits one datagram with room for fields to come. Of two records of
 * one signer the higher sequence number counts, and of two with the same the greater bytes. The number is not kept on
 * disk: whoever meets a record of its own that it does not remember signs one above it (as RFC 2328 §13.4 for
 * self-originated advertisements), and starts from its wall clock, so that this is rare.
 */
import { MeshError } from "../contracts/errors.ts";
import type { RelayWillingness } from "../contracts/topology.ts";
import type { PeerId } from "../contracts/values.ts";
import { type Fields, malformed, wholeNumber } from "../identity/fields.ts";
import { peerIdOf } from "../identity/identity.ts";
import { openBody, type Signer, signRecord } from "../identity/signed.ts";
import { equalBytes } from "../wire/bytes.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { compareTags, type LinkTag, tagBytes, tagFromBytes, tagOf, tagToBytes } from "./link_tag.ts";

export interface ToldLink {
  readonly tag: LinkTag;
  /** See `rtt_class.ts`. */
  readonly rttClass: number;
  readonly flags: number;
}

export interface LinkFacts {
  /** In any order, at most {@link maxToldLinks}, none of the signer itself and no tag twice. */
  readonly links: readonly ToldLink[];
  readonly willingness: RelayWillingness;
  /** 0 to 2^53 − 1. */
  readonly sequence: number;
}

export interface LinkRecord extends LinkFacts {
  readonly peer: PeerId;
  readonly tag: LinkTag;
}

export const linksKind = "links";
export const maxToldLinks = 64;
/** The signer has set out for the neighbour, and not the other way round. */
export const outboundFlag = 1;

const entryBytes = tagBytes + 2;
const willingnesses: readonly RelayWillingness[] = ["never", "willing", "always"];

/** Throws INVALID_ARGUMENT for more links than a record holds. */
export function signLinks(self: Signer, networkId: Uint8Array, facts: LinkFacts): Uint8Array {
  if (facts.links.length > maxToldLinks) {
    throw new MeshError(
      "INVALID_ARGUMENT",
      `Cannot tell of ${facts.links.length} links: ${maxToldLinks} fit a record; leave the farther ones out`,
    );
  }
  const body = encodeCbor({
    i: networkId,
    q: wholeNumber(facts.sequence),
    w: willingnesses.indexOf(facts.willingness),
    l: linksToBytes(facts.links),
  });
  return signRecord(self, linksKind, body);
}

/** The facts in `record` if it is one of this network and its signature holds; undefined for anything else. */
export function openLinks(record: Uint8Array, networkId: Uint8Array): LinkRecord | undefined {
  return openBody(record, linksKind, (fields, signer) => {
    if (!equalBytes(fields.bytes("i", 16), networkId)) throw malformed("network");
    return readLinks(fields, signer);
  });
}

/** The body of a record, whatever network it is of. Throws MALFORMED, which `readBody` turns into undefined. */
export function readLinks(fields: Fields, publicKey: Uint8Array): LinkRecord {
  const peer = peerIdOf(publicKey);
  const tag = tagOf(peer);
  const links = linksFromBytes(fields.blob("l", maxToldLinks * entryBytes));
  if (links === undefined || links.some((link) => link.tag === tag)) throw malformed("links");
  return {
    peer,
    tag,
    sequence: fields.integer("q", 0, Number.MAX_SAFE_INTEGER),
    willingness: willingnesses[fields.integer("w", 0, 255)] ?? "never",
    links,
  };
}

/** 10 bytes per link, ascending by tag: the form in which links and relays are told. */
export function linksToBytes(links: readonly ToldLink[]): Uint8Array {
  const sorted = [...links].sort((left, right) => compareTags(left.tag, right.tag));
  const bytes = new Uint8Array(sorted.length * entryBytes);
  for (const [index, { tag, rttClass, flags }] of sorted.entries()) {
    bytes.set(tagToBytes(tag), index * entryBytes);
    bytes.set([rttClass, flags], index * entryBytes + tagBytes);
  }
  return bytes;
}

/** Undefined for another length, and for tags out of order: one set of links has one form. */
export function linksFromBytes(bytes: Uint8Array): readonly ToldLink[] | undefined {
  if (bytes.length % entryBytes !== 0) return undefined;
  const links: ToldLink[] = [];
  for (let at = 0; at < bytes.length; at += entryBytes) {
    const tag = tagFromBytes(bytes, at);
    if (links.length > 0 && compareTags(links.at(-1)!.tag, tag) >= 0) return undefined;
    links.push({ tag, rttClass: bytes[at + tagBytes]!, flags: bytes[at + tagBytes + 1]! });
  }
  return links;
}
