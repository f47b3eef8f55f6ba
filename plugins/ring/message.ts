/**
 * What ring plugins say to each other on the channel `ring`. CBOR maps, each with the version `v` and the kind `k`:
 *
 *     need     { v, k: 0, i: request number, w: prefix, h: count }   "give me space inside w; I hold h grants of yours there"
 *     none     { v, k: 1, i: request number }                        "I can spare nothing inside what you asked for"
 *     grants   { v, k: 2, g: [ signed grant, … ] }                   the answer to need, and what a node shows of itself
 *                                                                    in a handshake
 *
 * How everybody comes to know all grants is not said here: they are a shared state. A kind or a version that is not
 * known comes from a newer node and is passed over.
 */
import type { Prefix } from "../../core/contracts/values.ts";
import { blob, type Fields, maxCounter, readMap } from "../../core/identity/fields.ts";
import { encodeCbor } from "../../core/wire/cbor.ts";
import { maxGrantBytes, prefixFromBytes, prefixToBytes } from "./grant.ts";

export type Message =
  | { readonly kind: "need"; readonly request: number; readonly within: Prefix; readonly held: number }
  | { readonly kind: "none"; readonly request: number }
  | { readonly kind: "grants"; readonly records: readonly Uint8Array[] };

const version = 1;
const kinds = { need: 0, none: 1, grants: 2 } as const;

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
