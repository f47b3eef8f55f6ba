/**
 * A motion: what is voted on, bound to the one place in the history of its network where it may be decided.
 *
 *     CBOR map { i: network id 16, f: recovery number, e: epoch, r: root 32, s: slot, p: what slot s − 1 decided 32,
 *                k: kind, b: payload }
 *
 * Its id, 32 bytes of BLAKE2s over these bytes, is what is signed. The root is the id of what made the list of voters
 * that decides: a motion can be carried to no other list, network or forced history. Bytes are voted on, not values: a
 * motion in another encoding is another motion.
 */
import { MeshError } from "../contracts/errors.ts";
import { copyBytes } from "../wire/bytes.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { domainHash } from "../identity/domain.ts";
import { type Fields, malformed, maxCounter, readMap } from "../identity/fields.ts";
import { isRecordKind } from "../identity/signed.ts";
import { decodeVoterList } from "./voter_list.ts";

/** Where the next decision of a history stands. */
export interface Position {
  /** How many forced lists lie behind it. */
  readonly recovery: number;
  /** Of the list that decides: 1 is the founding's. */
  readonly epoch: number;
  /** Id of what made that list, 32 bytes. */
  readonly root: Uint8Array;
  /** Decisions are numbered from 1 through all epochs. */
  readonly slot: number;
  /** Id of the motion that was decided before, 32 bytes; the root where the epoch begins. */
  readonly previous: Uint8Array;
}

/** What somebody wants decided. */
export interface Wish {
  /** A lower-case word: who reads the payload. {@link votersMotion} is this module's own. */
  readonly kind: string;
  /** At most {@link maxPayloadBytes}. */
  readonly payload: Uint8Array;
}

export interface Motion extends Position, Wish {
  /** 16 bytes. */
  readonly networkId: Uint8Array;
  /** 32 bytes. */
  readonly id: Uint8Array;
  readonly bytes: Uint8Array;
}

/** The kind whose payload is the next list of voters, see voter_list.ts: it ends its epoch. */
export const votersMotion = "voters";
/** With it a certificate fits a record, and also the body of another record that carries it. */
export const maxPayloadBytes = 256;
export const hashBytes = 32;
const maxMotionBytes = 420;

/** Throws INVALID_ARGUMENT for a kind that is no word, a payload over the limit, or a list of voters that is none. */
export function makeMotion(networkId: Uint8Array, position: Position, wish: Wish): Motion {
  const { recovery, epoch, root, slot, previous } = position;
  const { kind, payload } = wish;
  const bytes = encodeCbor({
    i: networkId,
    f: recovery,
    e: epoch,
    r: root,
    s: slot,
    p: previous,
    k: kind,
    b: payload,
  });
  const motion = openMotion(bytes);
  if (motion !== undefined) return motion;
  throw new MeshError(
    "INVALID_ARGUMENT",
    `Cannot make a motion of kind "${kind}" with ${payload.length} bytes: a lower-case word and up to ` +
      `${maxPayloadBytes} bytes are allowed, and of kind "${votersMotion}" a list of voters`,
  );
}

/** Undefined for anything but a motion. */
export function openMotion(bytes: Uint8Array): Motion | undefined {
  return readMap(bytes, maxMotionBytes, (fields) => readMotion(fields, copyBytes(bytes)));
}

function readMotion(fields: Fields, bytes: Uint8Array): Motion {
  const kind = fields.text("k", isRecordKind);
  const payload = fields.blob("b", maxPayloadBytes);
  if (kind === votersMotion && decodeVoterList(payload) === undefined) throw malformed("a list of voters");
  return {
    ...readPosition(fields),
    networkId: fields.bytes("i", 16),
    kind,
    payload,
    id: motionId(bytes),
    bytes,
  };
}

/** The fields f, e, r, s and p, which votes have too. Throws MALFORMED. */
export function readPosition(fields: Fields): Position {
  return {
    recovery: fields.integer("f", 0, maxCounter),
    epoch: fields.integer("e", 1, maxCounter),
    root: fields.bytes("r", hashBytes),
    slot: fields.integer("s", 1, maxCounter),
    previous: fields.bytes("p", hashBytes),
  };
}

function motionId(bytes: Uint8Array): Uint8Array {
  return domainHash("motion 1", hashBytes, bytes);
}
