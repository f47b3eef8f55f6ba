/**
 * What the admitting member hands over at the end of a join, inside the handshake's encryption:
 *
 *     CBOR map { v: 1, k: [network key 32, …] current first, e: epoch of the current key, f: founding record,
 *                a: the joiner's admission, r: [admission or revocation, …], p: [announcement, …],
 *                s: password key 32, absent without a password }
 *
 * It opens the door, no more: of records and announcements as many go in as fit, and the rest comes by the ordinary
 * exchange between members. So the caller sorts them by use, see `Trust.recordsFor`.
 */
import { MeshError } from "../contracts/errors.ts";
import type { NetworkKey } from "../contracts/membership.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { blob, exactBytes, type Fields, malformed, maxCounter, readMap } from "./fields.ts";
import { networkKeyBytes, networkKeyOf } from "./network_key.ts";
import { Secret } from "./secret.ts";
import { maxRecordBytes } from "./signed.ts";

export interface Welcome {
  /** The current key first; 1 to 4. */
  readonly networkKeys: readonly NetworkKey[];
  /** Epoch of the current key, 1 to 2^32 − 1. */
  readonly keyEpoch: number;
  readonly founding: Uint8Array;
  /** The joiner's own admission record. */
  readonly admission: Uint8Array;
  /** Admissions and revocations, the most useful first. */
  readonly records: readonly Uint8Array[];
  /** Of members that the joiner may call, the most useful first. */
  readonly announcements: readonly Uint8Array[];
  readonly passwordKey?: Secret;
}

export const maxWelcomeBytes = 30_000;
export const maxWelcomeAnnouncements = 64;

const version = 1;
const maxNetworkKeys = 4;
/** All that is not a list of records: keys, two records of full length, and the map around them. */
const fixedBytes = maxNetworkKeys * 34 + 2 * (maxRecordBytes + 3) + 34 + 32;
/** Records come before announcements, but leave them a third. */
const recordsBudget = 20_000 - fixedBytes;
/** A byte string's header, at most. */
const headerBytes = 3;

/** At most {@link maxWelcomeBytes}: what does not fit is left out, from the end of the lists. */
export function encodeWelcome(welcome: Welcome): Uint8Array {
  const { networkKeys, founding, admission, passwordKey } = welcome;
  if (networkKeys.length === 0 || networkKeys.length > maxNetworkKeys) {
    throw new MeshError("INTERNAL", `Cannot welcome a node with ${networkKeys.length} network keys`);
  }
  const records = takeWithin(recordsBudget, welcome.records);
  const left = maxWelcomeBytes - fixedBytes -
    records.reduce((sum, record) => sum + record.length + headerBytes, 0);
  const announcements = takeWithin(left, welcome.announcements.slice(0, maxWelcomeAnnouncements));
  return encodeCbor({
    v: version,
    k: networkKeys.map((key) => key.secret),
    e: welcome.keyEpoch,
    f: founding,
    a: admission,
    r: records,
    p: announcements,
    ...(passwordKey && { s: passwordKey.reveal() }),
  });
}

function takeWithin(budget: number, records: readonly Uint8Array[]): readonly Uint8Array[] {
  let left = budget;
  const overflow = records.findIndex((record) => (left -= record.length + headerBytes) < 0);
  return overflow < 0 ? records : records.slice(0, overflow);
}

/** The parts, their signatures unchecked; undefined for what no {@link encodeWelcome} makes. */
export function decodeWelcome(bytes: Uint8Array): Welcome | undefined {
  return readMap(bytes, maxWelcomeBytes, readWelcome);
}

function readWelcome(fields: Fields): Welcome {
  fields.version("v", version);
  const record = (item: unknown) => blob(item, maxRecordBytes);
  const networkKeys = fields.list(
    "k",
    maxNetworkKeys,
    (item) => networkKeyOf(exactBytes(item, networkKeyBytes)),
  );
  if (networkKeys.length === 0) throw malformed("the network key");
  return {
    networkKeys,
    keyEpoch: fields.integer("e", 1, maxCounter),
    founding: fields.blob("f", maxRecordBytes),
    admission: fields.blob("a", maxRecordBytes),
    records: fields.list("r", maxWelcomeBytes, record),
    announcements: fields.list("p", maxWelcomeAnnouncements, record),
    ...(fields.has("s") && { passwordKey: new Secret(fields.bytes("s", networkKeyBytes)) }),
  };
}
