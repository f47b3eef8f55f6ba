/**
 * A forced list of voters, for a network whose majority is gone for good. Kind `recovery`, signed by a member, the node
 * of the operator who knows that it is gone:
 *
 *     { i: network id 16, f: recovery number, e: epoch, r: root that it follows 32, s: last slot that counts,
 *       l: voters' keys, 32 bytes each, in a row, w: wall time in ms }
 *
 * It ends the epoch of the root that it names as if those voters had decided it, with the epoch after. Nobody can prove
 * that a majority is gone. If it is not, it goes on deciding, and what it decided after slot s is void for everybody who
 * sees this record: a range that it gave away may then be given away again. That is the risk an operator takes.
 *
 * Of two histories the one with more forced lists counts (see chain.ts), so the number is one above that of the root. A
 * number of one's own choice was rejected: the highest would win for ever.
 */
import type { WallMillis } from "../contracts/values.ts";
import { copyBytes } from "../wire/bytes.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { encodeHex } from "../wire/hex.ts";
import { domainHash } from "../identity/domain.ts";
import { type Fields, malformed, maxCounter, maxWallMillis, wholeNumber } from "../identity/fields.ts";
import { openRecord, readBody, recordId, type Signer, signRecord } from "../identity/signed.ts";
import { hashBytes } from "./motion.ts";
import { decodeVoterList, encodeVoterList, type VoterList } from "./voter_list.ts";

export interface Recovery {
  /** 16 bytes. */
  readonly networkId: Uint8Array;
  /** One more than the forced lists before it. */
  readonly recovery: number;
  /** One more than that of the list it replaces. */
  readonly epoch: number;
  /** Id of what made the list that it replaces, 32 bytes. */
  readonly follows: Uint8Array;
  /** Of that list's decisions those up to this slot count. */
  readonly slot: number;
  readonly voters: VoterList;
  readonly wall: WallMillis;
}

export interface RecoveryRecord extends Recovery {
  /** Ed25519 public key of the node that forced it, 32 bytes. */
  readonly signer: Uint8Array;
  /** What it makes is rooted here: 32 bytes of BLAKE2s over signer and body. */
  readonly root: Uint8Array;
  readonly bytes: Uint8Array;
  /** Hex of `recordId`. */
  readonly id: string;
}

export const recoveryKind = "recovery";

/** Throws INVALID_ARGUMENT for a list of voters that is none. */
export function signRecovery(self: Signer, facts: Recovery): Uint8Array {
  const { networkId, recovery, epoch, follows, slot, voters, wall } = facts;
  const list = encodeVoterList(voters);
  const body = { i: networkId, f: recovery, e: epoch, r: follows, s: slot, l: list, w: wholeNumber(wall) };
  return signRecord(self, recoveryKind, encodeCbor(body));
}

/** Undefined for anything but a well-signed forced list. Whether its signer is a member is asked elsewhere. */
export function openRecovery(bytes: Uint8Array): RecoveryRecord | undefined {
  const record = openRecord(bytes, (kind) => kind === recoveryKind);
  const facts = record && readBody(record, readRecovery);
  if (record === undefined || facts === undefined) return undefined;
  const { signer, body } = record;
  const own = copyBytes(bytes);
  const root = domainHash("recovery 1", hashBytes, signer, body);
  return { ...facts, signer, root, bytes: own, id: encodeHex(recordId(own)) };
}

function readRecovery(fields: Fields): Recovery {
  const voters = decodeVoterList(fields.blob("l", 1024));
  if (voters === undefined) throw malformed("a list of voters");
  return {
    networkId: fields.bytes("i", 16),
    recovery: fields.integer("f", 1, maxCounter),
    epoch: fields.integer("e", 2, maxCounter),
    follows: fields.bytes("r", hashBytes),
    slot: fields.integer("s", 0, maxCounter),
    voters,
    wall: fields.integer("w", 0, maxWallMillis),
  };
}
