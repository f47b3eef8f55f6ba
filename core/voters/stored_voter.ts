/**
 * What a voter keeps on disk, under one key: CBOR map
 *
 *     { v: 1, r: its last vote record, absent for none,
 *       d: absent without doubt, else the slot below which it sits out, o: in whose epoch 32, absent while nobody knows }
 *
 * One record is all: it says what was promised and voted in the latest slot, and in the slots before nothing is voted
 * any more.
 */
import { MeshError } from "../contracts/errors.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { type Fields, malformed, maxCounter, readMap } from "../identity/fields.ts";
import { maxRecordBytes } from "../identity/signed.ts";
import { hashBytes } from "./motion.ts";
import { openVote, type VoteRecord } from "./vote_record.ts";

/** This voter may have signed what its disk does not show: see {@link Voter}. */
export interface Doubt {
  /** In whose epoch others have told what they know; undefined while that is not so. */
  readonly root: Uint8Array | undefined;
  /** The first slot in which it is free again, once `root` is there. */
  readonly below: number;
}

export interface StoredVoter {
  readonly last: VoteRecord | undefined;
  readonly doubt: Doubt | undefined;
}

const version = 1;
const maxBytes = 2048;

export function encodeStoredVoter({ last, doubt }: StoredVoter): Uint8Array {
  const doubted = doubt && { d: doubt.below, ...(doubt.root && { o: doubt.root }) };
  return encodeCbor({ v: version, ...(last && { r: last.bytes }), ...doubted });
}

/**
 * Throws UNSUPPORTED for what a newer version wrote and STATE_CORRUPT for anything else it cannot read: to begin anew in
 * silence would be to forget what was promised.
 */
export function decodeStoredVoter(bytes: Uint8Array): StoredVoter {
  const writtenBy = readMap(bytes, maxBytes, (fields) => fields.integer("v", 1, maxCounter));
  if (writtenBy !== undefined && writtenBy > version) {
    throw new MeshError(
      "UNSUPPORTED",
      `Cannot read the votes of this node: they have format ${writtenBy}, this program knows ${version}; ` +
        "start the newer version",
    );
  }
  const stored = readMap(bytes, maxBytes, readStored);
  if (stored !== undefined) return stored;
  throw new MeshError(
    "STATE_CORRUPT",
    "Cannot read the votes of this node: the stored bytes are damaged; restore a backup and start with its votes in doubt",
  );
}

function readStored(fields: Fields): StoredVoter {
  fields.version("v", version);
  const last = fields.has("r") ? openVote(fields.blob("r", maxRecordBytes)) : undefined;
  if (fields.has("r") && last === undefined) throw malformed("the last vote");
  return { last, doubt: fields.has("d") ? readDoubt(fields) : undefined };
}

function readDoubt(fields: Fields): Doubt {
  const below = fields.integer("d", 0, Number.MAX_SAFE_INTEGER);
  return { root: fields.has("o") ? fields.bytes("o", hashBytes) : undefined, below };
}
