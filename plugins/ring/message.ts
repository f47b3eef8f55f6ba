/**
 * What ring plugins say to each other on the channel `ring`. CBOR maps, each with the version `v` and the kind `k`:
 *
 *     need     { v, k: 0, i: request number, w: prefix, h: count }   "give me space inside w; I hold h grants of yours there"
 *     none     { v, k: 1, i: request number }                        "I can spare nothing inside what you asked for"
 *     grants   { v, k: 2, g: [ signed grant, … ] }                   the answer to need, and what a node shows of itself
 *                                                                    in a handshake
 *
 *     leaving  { v, k: 3, h: heir 20 }                               "what I own is to be h's": asks for the votes of who
 *                                                                    hears it; with its own id as h it takes that back
 *     got      { v, k: 6 }                                           "what you have left to me is mine, and on my disk"
 *     mine     { v, k: 4, d: digest 16 }                             "of my grants I know these; do you?"
 *     same     { v, k: 5, d: digest 16 }                             "I know the same grants of yours"
 *
 * How everybody comes to know all grants is not said here: they are a shared state. A kind or a version that is not
 * known comes from a newer node and is passed over.
 */
import type { PeerId, Prefix } from "../../core/contracts/values.ts";
import { blob, type Fields, maxCounter, readMap } from "../../core/identity/fields.ts";
import { decodeBase32, encodeBase32 } from "../../core/wire/base32.ts";
import { encodeCbor } from "../../core/wire/cbor.ts";
import { maxGrantBytes, prefixFromBytes, prefixToBytes } from "./grant.ts";

export type Message =
  | { readonly kind: "need"; readonly request: number; readonly within: Prefix; readonly held: number }
  | { readonly kind: "none"; readonly request: number }
  | { readonly kind: "grants"; readonly records: readonly Uint8Array[] }
  | { readonly kind: "leaving"; readonly heir: PeerId }
  | { readonly kind: "got" }
  | { readonly kind: "mine" | "same"; readonly digest: Uint8Array };

const version = 1;
const kinds = { need: 0, none: 1, grants: 2, leaving: 3, mine: 4, same: 5, got: 6 } as const;

/** A piece of a list of grants stays below this, so that it fits one channel message. */
export const maxPieceBytes = 1000;
const maxMessageBytes = 1100;
const maxRecords = 16;

export function encodeMessage(message: Message): Uint8Array {
  const head = { v: version, k: kinds[message.kind] };
  switch (message.kind) {
    case "need":
      return encodeCbor({ ...head, i: message.request, w: prefixToBytes(message.within), h: message.held });
    case "none":
      return encodeCbor({ ...head, i: message.request });
    case "grants":
      return encodeCbor({ ...head, g: message.records });
    case "leaving":
      return encodeCbor({ ...head, h: decodeBase32(message.heir) });
    case "mine":
    case "same":
      return encodeCbor({ ...head, d: message.digest });
    case "got":
      return encodeCbor(head);
  }
}

/** Undefined for anything that is not a message of this version. */
export function decodeMessage(bytes: Uint8Array): Message | undefined {
  return readMap(bytes, maxMessageBytes, readMessage);
}

function readMessage(fields: Fields): Message | undefined {
  fields.version("v", version);
  switch (fields.integer("k", 0, maxCounter)) {
    case kinds.need:
      return {
        kind: "need",
        request: fields.integer("i", 0, maxCounter),
        within: prefixFromBytes(fields.blob("w", 17)),
        held: fields.integer("h", 0, maxCounter),
      };
    case kinds.none:
      return { kind: "none", request: fields.integer("i", 0, maxCounter) };
    case kinds.grants:
      return { kind: "grants", records: fields.list("g", maxRecords, (item) => blob(item, maxGrantBytes)) };
    case kinds.leaving:
      return { kind: "leaving", heir: encodeBase32(fields.bytes("h", 20)) as PeerId };
    case kinds.got:
      return { kind: "got" };
    case kinds.mine:
      return { kind: "mine", digest: fields.bytes("d", 16) };
    case kinds.same:
      return { kind: "same", digest: fields.bytes("d", 16) };
    default:
      return undefined;
  }
}

/** The records in as few lists as fit {@link maxPieceBytes} each, in order. */
export function pieces(
  records: readonly Uint8Array[],
  maxBytes: number = maxPieceBytes,
): readonly Uint8Array[][] {
  /** A byte string's header has up to three bytes; map, keys and array header are within the difference to 1,000. */
  const room = maxBytes - 20;
  const lists: Uint8Array[][] = [];
  let used = room;
  for (const record of records) {
    const size = record.length + 3;
    if (used + size > room || lists.at(-1)!.length === maxRecords) {
      lists.push([]);
      used = 0;
    }
    lists.at(-1)!.push(record);
    used += size;
  }
  return lists;
}
