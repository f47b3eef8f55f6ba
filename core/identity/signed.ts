/**
 * The signed record: the one envelope around everything that members believe of each other.
 *
 *     CBOR array [ version 1, kind: text, body: bytes, signer: 32 bytes, signature: 64 bytes ]
 *     signature = Ed25519( "selvage record 1" 0x00 ‖ kind length, 1 byte ‖ kind ‖ body )
 *
 * The body is a byte string inside the array, so the signature covers the very bytes that were received, and fields
 * that this version does not know survive being stored and passed on. Signing a decoded and re-encoded map was rejected:
 * CBOR has many encodings of one value, and every reader would have to agree on one for ever. What an older version
 * could not judge is no new form of a kind, but a new kind: that it keeps and passes on unread.
 *
 * The envelope itself has one encoding only, the shortest (RFC 8949 §4.2.1); any other is refused. Else anybody could
 * turn a record into another one with the same content and a different hash.
 */
import type { Self } from "../contracts/host.ts";
import { isMeshError, MeshError } from "../contracts/errors.ts";
import { concatBytes, equalBytes } from "../wire/bytes.ts";
import { type CborLimits, decodeCbor, encodeCbor } from "../wire/cbor.ts";
import { domainBytes, domainHash } from "./domain.ts";
import { type Fields, readMap } from "./fields.ts";
import { verifySignature } from "./signature.ts";
import { VerifiedRecords } from "./verified_records.ts";

export interface SignedRecord {
  readonly kind: string;
  readonly body: Uint8Array;
  /** Ed25519 public key, 32 bytes. */
  readonly signer: Uint8Array;
}

interface Envelope extends SignedRecord {
  /** 64 bytes. */
  readonly signature: Uint8Array;
}

/** What may sign: the part of {@link Self} that it takes. */
export type Signer = Pick<Self, "publicKey" | "sign">;

/** Longest record, envelope included: any record fits one message between peers, and one datagram. */
export const maxRecordBytes = 1024;
/** Length of {@link recordId}. */
export const recordIdBytes = 16;

/**
 * Of the process, not of a node: whether bytes are well signed is the same for everybody, and nobody learns from it. Some
 * 100 bytes each; enough for what members tell each other of at one time, and for the announcements of a mesh.
 */
const verified = new VerifiedRecords(1024);

/** The last item of the array, with the two bytes before it that say how long it is; the signer stands right before. */
const signatureItem = 2 + 64;
const keyBytes = 32;

const version = 1;
const kindForm = /^[a-z][a-z0-9_]{0,31}$/;

/** A lower-case word of up to 32 letters, digits and underscores. */
export function isRecordKind(text: unknown): text is string {
  return typeof text === "string" && kindForm.test(text);
}

/** Throws INVALID_ARGUMENT for a kind that is no lower-case word of up to 32, or a record over the limit. */
export function signRecord(self: Signer, kind: string, body: Uint8Array): Uint8Array {
  if (!isRecordKind(kind)) {
    throw new MeshError("INVALID_ARGUMENT", `Cannot sign a record of kind "${kind}": use a lower-case word`);
  }
  const record = encodeCbor([version, kind, body, self.publicKey, self.sign(signedBytes(kind, body))]);
  if (record.length > maxRecordBytes) {
    throw new MeshError(
      "INVALID_ARGUMENT",
      `Cannot sign a record of kind "${kind}": ${record.length} bytes, ${maxRecordBytes} are allowed`,
    );
  }
  return record;
}

/**
 * The record in `bytes` if its signature holds. Undefined for anything else, whoever sent it. A record of a kind that is
 * not wanted costs no signature check.
 */
export function openRecord(
  bytes: Uint8Array,
  isWanted: (kind: string) => boolean = () => true,
): SignedRecord | undefined {
  const envelope = readEnvelope(bytes);
  if (envelope === undefined || !isWanted(envelope.kind)) return undefined;
  const { kind, body, signer } = envelope;
  return verified.isGood(bytes, () => isWellSigned(envelope, bytes)) ? { kind, body, signer } : undefined;
}

function isWellSigned({ kind, body, signer, signature }: Envelope, bytes: Uint8Array): boolean {
  return equalBytes(encodeCbor([version, kind, body, signer, signature]), bytes) &&
    verifySignature(signer, signedBytes(kind, body), signature);
}

/** What `read` makes of the body of a record of this kind; undefined as {@link openRecord} and for another kind. */
export function openBody<T>(
  bytes: Uint8Array,
  kind: string,
  read: (fields: Fields, signer: Uint8Array) => T,
): T | undefined {
  const record = openRecord(bytes, (other) => other === kind);
  return record && readBody(record, read);
}

/** What `read` makes of the body of an opened record; undefined when the body is not what `read` wants. */
export function readBody<T>(
  record: SignedRecord,
  read: (fields: Fields, signer: Uint8Array) => T,
): T | undefined {
  return readMap(record.body, maxRecordBytes, (fields) => read(fields, record.signer));
}

/** What {@link readBody} is given, of bytes that {@link openRecord} has taken before: without looking at the signature again. */
export function reopenRecord(bytes: Uint8Array): SignedRecord {
  const { kind, body, signer } = readEnvelope(bytes)!;
  return { kind, body, signer };
}

/** The signer of bytes that {@link openRecord} has taken: the envelope has one form, so a key lies always at one place. */
export function signerOf(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(-(signatureItem + keyBytes), -signatureItem);
}

/** What `bytes` claim to be, without the price of a signature check; undefined for what is no envelope of this version. */
export function claimedKind(bytes: Uint8Array): string | undefined {
  return readEnvelope(bytes)?.kind;
}

/** As {@link claimedKind}, with the key in whose name they are: anybody may write any there. */
export function claimedOrigin(bytes: Uint8Array): Pick<SignedRecord, "kind" | "signer"> | undefined {
  return readEnvelope(bytes);
}

/** Whether `bytes` are an envelope that a newer version wrote, of which this one can say nothing more. */
export function isNewerRecord(bytes: Uint8Array): boolean {
  const writtenBy = decodeArray(bytes, {})?.[0];
  return typeof writtenBy === "number" && Number.isSafeInteger(writtenBy) && writtenBy > version;
}

/** Names one record, signature and all: 16 bytes of BLAKE2s. */
export function recordId(bytes: Uint8Array): Uint8Array {
  return domainHash("record id 1", recordIdBytes, bytes);
}

function readEnvelope(bytes: Uint8Array): Envelope | undefined {
  const parts = decodeArray(bytes);
  if (parts?.length !== 5) return undefined;
  const [writtenBy, kind, body, signer, signature] = parts;
  if (writtenBy !== version || !isRecordKind(kind)) return undefined;
  if (!(body instanceof Uint8Array) || !(signer instanceof Uint8Array)) return undefined;
  return signature instanceof Uint8Array ? { kind, body, signer, signature } : undefined;
}

function decodeArray(
  bytes: Uint8Array,
  limits: CborLimits = { maxBytes: maxRecordBytes, maxDepth: 1 },
): readonly unknown[] | undefined {
  try {
    const value = decodeCbor(bytes, limits);
    return Array.isArray(value) ? value : undefined;
  } catch (error) {
    if (isMeshError(error)) return undefined;
    throw error;
  }
}

/** The kind goes with its length: else kind `a` with body `bc` would be signed by a signature for `ab` with `c`. */
function signedBytes(kind: string, body: Uint8Array): Uint8Array {
  const name = new TextEncoder().encode(kind);
  return concatBytes(domainBytes("record 1"), Uint8Array.of(name.length), name, body);
}
