/**
 * What nodes say to each other on the channel `state`. A message is a CBOR array [version, kind, content]:
 *
 *     [1, "records", [record bytes, …]]              signed records of any kinds, in pieces that fit one datagram
 *     [1, "digests", [[kind, digest 16 bytes], …]]   of all records of a kind that the sender holds
 *     [1, "differ", [[kind, digest 16 bytes], …]]    the answer, of those kinds of which the answerer holds others. Each
 *                                                    side tells all that it holds of them, and answers no answer
 *
 * States have no names here. A record says its kind under its own signature; a name beside it could be changed by whoever
 * passes it on, to fill the places that nodes keep for the signer with copies under other names.
 */
import { maxChannelMessage } from "../contracts/host.ts";
import { isRecordKind } from "../identity/signed.ts";
import { decodeCbor, encodeCbor } from "../wire/cbor.ts";

export type StateMessage =
  | { readonly kind: "records"; readonly records: readonly Uint8Array[] }
  | { readonly kind: "digests" | "differ"; readonly digests: readonly KindDigest[] };

export type KindDigest = readonly [kind: string, digest: Uint8Array];

const version = 1;
/** Room for the CBOR around the content of one message. */
const pieceBytes = maxChannelMessage - 64;
/** Of CBOR around one record, and around a kind of up to 32 letters with its digest. */
const recordHeader = 4;
const digestEntryBytes = 32 + 16 + 5;

export function encodeRecords(records: readonly Uint8Array[]): Uint8Array {
  return encodeCbor([version, "records", records]);
}

/** In as few messages as hold them. */
export function encodeDigests(
  kind: "digests" | "differ",
  digests: readonly KindDigest[],
): readonly Uint8Array[] {
  const perMessage = Math.floor(pieceBytes / digestEntryBytes);
  const count = Math.ceil(digests.length / perMessage);
  const parts = Array.from({ length: count }, (_, i) => digests.slice(i * perMessage, (i + 1) * perMessage));
  return parts.map((part) => encodeCbor([version, kind, part]));
}

/** Undefined for what comes from a newer node, or from a liar; of a list all that can be read. */
export function decodeStateMessage(bytes: Uint8Array): StateMessage | undefined {
  const [writtenBy, kind, content] = arrayIn(bytes);
  if (writtenBy !== version || !Array.isArray(content)) return undefined;
  if (kind === "records") {
    return { kind, records: content.filter((item) => item instanceof Uint8Array) };
  }
  if (kind !== "digests" && kind !== "differ") return undefined;
  return { kind, digests: content.filter(isKindDigest) };
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
