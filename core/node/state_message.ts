/**
 * What nodes say to each other on the channel `state`. A message is a CBOR array [version, kind, content]:
 *
 *     [1, "records", [record bytes, …]]                      signed records of any kinds, in pieces that fit one datagram
 *     [1, "digests", [[kind, digest 16 bytes], …], flags]    of all records of a kind that the sender holds; a question
 *     [1, "differ", [[kind, digest 16 bytes], …], flags]     the answer, of those kinds of which the answerer holds others.
 *                                                            Each side tells all that it holds of them, and answers no
 *                                                            answer. To those who know no trees
 *     [1, "roots", [[kind, digest 16 bytes], …], flags]      as "digests", to those who know trees, and with the roots of
 *                                                            them: see `record_tree.ts`
 *     [1, "tree", [kind, [[prefix, is list, bytes], …]]]     parts of the sender's tree: digests of the 16 branches below a
 *                                                            prefix, or ids of all records there
 *     [1, "want", [kind, ids]]                               records that the sender would like to have
 *
 * Flags are 1 for who knows trees and 2 for whom rumours reach; who says none knows neither. "roots" of nothing say them.
 *
 * States have no names here. A record says its kind under its own signature; a name beside it could be changed by whoever
 * passes it on, to fill the places that nodes keep for the signer with copies under other names.
 */
import { maxChannelMessage } from "../contracts/host.ts";
import { isRecordKind } from "../identity/signed.ts";
import { concatBytes } from "../wire/bytes.ts";
import { decodeCbor, encodeCbor } from "../wire/cbor.ts";
import { branches, digestBytes, longestPrefix } from "./record_tree.ts";
import type { TreePart } from "./tree_comparison.ts";

export type StateMessage =
  | { readonly kind: "records"; readonly records: readonly Uint8Array[] }
  | DigestMessage
  | { readonly kind: "tree"; readonly of: string; readonly parts: readonly TreePart[] }
  | { readonly kind: "want"; readonly of: string; readonly ids: Uint8Array };

export interface DigestMessage {
  readonly kind: "digests" | "differ" | "roots";
  readonly digests: readonly KindDigest[];
  /** Of {@link Flag}. */
  readonly flags: number;
}

export const Flag = { trees: 1, rumours: 2 } as const;

export type KindDigest = readonly [kind: string, digest: Uint8Array];

const version = 1;
const prefixForm = new RegExp(`^[0-9a-f]{0,${longestPrefix}}$`);
/** Room for the CBOR around the content of one message. */
const pieceBytes = maxChannelMessage - 64;
/** Of CBOR around one record, and around a kind of up to 32 letters with its digest. */
const recordHeader = 4;
const digestEntryBytes = 32 + 16 + 5;
/** Of CBOR around one part of a tree, and around the kind of all of them. */
const partHeader = 16;
const kindHeader = 40;

export function encodeRecords(records: readonly Uint8Array[]): Uint8Array {
  return encodeCbor([version, "records", records]);
}

/** In as few messages as hold them. Without flags it is what a node says that knows none. */
export function encodeDigests(
  kind: DigestMessage["kind"],
  digests: readonly KindDigest[],
  flags = 0,
): readonly Uint8Array[] {
  const perMessage = Math.floor(pieceBytes / digestEntryBytes);
  const count = Math.ceil(digests.length / perMessage);
  const parts = Array.from({ length: count }, (_, i) => digests.slice(i * perMessage, (i + 1) * perMessage));
  return parts.map((part) => encodeCbor(flags === 0 ? [version, kind, part] : [version, kind, part, flags]));
}

/** What the sender says of itself, and no question: roots of nothing. */
export function encodeFlags(flags: number): Uint8Array {
  return encodeCbor([version, "roots", [], flags]);
}

/** In as few messages as hold them, in order. */
export function encodeParts(of: string, parts: readonly TreePart[]): readonly Uint8Array[] {
  const messages: Uint8Array[] = [];
  for (let start = 0; start < parts.length;) {
    let end = start;
    let room = pieceBytes - kindHeader;
    while (end < parts.length && (room -= parts[end]!.content.length + partHeader) >= 0) end++;
    end = Math.max(start + 1, end);
    const entries = parts.slice(start, end).map(({ prefix, isList, content }) => [prefix, isList, content]);
    messages.push(encodeCbor([version, "tree", [of, entries]]));
    start = end;
  }
  return messages;
}

/** In as few messages as hold the ids, of 16 bytes each. */
export function encodeWants(of: string, ids: readonly Uint8Array[]): readonly Uint8Array[] {
  const perMessage = Math.floor((pieceBytes - kindHeader) / digestBytes);
  const count = Math.ceil(ids.length / perMessage);
  return Array.from({ length: count }, (_, i) => {
    const part = ids.slice(i * perMessage, (i + 1) * perMessage);
    return encodeCbor([version, "want", [of, concatBytes(...part)]]);
  });
}

/** Undefined for what comes from a newer node, or from a liar; of a list all that can be read. */
export function decodeStateMessage(bytes: Uint8Array): StateMessage | undefined {
  const [writtenBy, kind, content, flags] = arrayIn(bytes);
  if (writtenBy !== version || !Array.isArray(content)) return undefined;
  if (kind === "records") {
    return { kind, records: content.filter((item) => item instanceof Uint8Array) };
  }
  if (kind === "tree" || kind === "want") return readTreeMessage(kind, content);
  if (kind !== "digests" && kind !== "differ" && kind !== "roots") return undefined;
  return { kind, digests: content.filter(isKindDigest), flags: typeof flags === "number" ? flags : 0 };
}

function readTreeMessage(kind: "tree" | "want", [of, content]: readonly unknown[]): StateMessage | undefined {
  if (!isRecordKind(of)) return undefined;
  if (kind === "want") return content instanceof Uint8Array ? { kind, of, ids: content } : undefined;
  if (!Array.isArray(content)) return undefined;
  return { kind, of, parts: disjoint(content.map(readPart).filter((part) => part !== undefined)) };
}

/**
 * No honest node speaks of the same records twice in one message. Hundreds of parts fit, and to compare all that is held
 * with each of them would take seconds.
 */
function disjoint(parts: readonly TreePart[]): readonly TreePart[] {
  const taken: string[] = [];
  return parts.filter(({ prefix }) => {
    if (taken.some((other) => prefix.startsWith(other) || other.startsWith(prefix))) return false;
    taken.push(prefix);
    return true;
  });
}

function readPart(item: unknown): TreePart | undefined {
  if (!Array.isArray(item)) return undefined;
  const [prefix, isList, content] = item;
  if (typeof prefix !== "string" || !prefixForm.test(prefix)) return undefined;
  if (typeof isList !== "boolean" || !(content instanceof Uint8Array)) return undefined;
  if (isList ? content.length % digestBytes !== 0 : content.length !== branches * digestBytes) {
    return undefined;
  }
  return { prefix, isList, content };
}

function arrayIn(bytes: Uint8Array): readonly unknown[] {
  try {
    const decoded = decodeCbor(bytes, { maxBytes: maxChannelMessage });
    return Array.isArray(decoded) ? decoded : [];
  } catch {
    return [];
  }
}

function isKindDigest(item: unknown): item is KindDigest {
  if (!Array.isArray(item)) return false;
  const [kind, digest] = item;
  return isRecordKind(kind) && digest instanceof Uint8Array && digest.length === 16;
}

/** How many records from `start` on fit one message, at least one; what is over the limit of a record counts as one. */
export function countThatFits(records: readonly Uint8Array[], start: number): number {
  let room = pieceBytes;
  let end = start;
  while (end < records.length && (room -= records[end]!.length + recordHeader) >= 0) end++;
  return Math.max(1, end - start);
}

/** Records in as few messages as hold them, in order. */
export function* recordMessages(records: readonly Uint8Array[]): Iterable<Uint8Array> {
  const fitting = records.filter((record) => record.length + recordHeader <= pieceBytes);
  for (let start = 0; start < fitting.length;) {
    const count = countThatFits(fitting, start);
    yield encodeRecords(fitting.slice(start, start + count));
    start += count;
  }
}
