/**
 * Records that are larger than the path: how they are cut, and how they become whole again.
 *
 * A record is what one message would have carried: the plaintext of transport data, or a handshake message, which on a
 * narrow path travels in the session that it renews, or in that with the relay which passes it on. Each part is a sealed message of its own, so every byte that is kept
 * here came from the peer, once, in this session or the one it renews. Senders make the parts of a record equally long, but
 * for the last.
 *
 *    +-------------------------------+-------+-------+-------+-------+
 *    |            Id (4)             | Index | Count | Type  | Flags |
 *    +-------------------------------+-------+-------+-------+-------+
 *    |  Bytes of the record                                          |
 *    +---------------------------------------------------------------+
 *
 * Id counts the records of a sender; Index is below Count, which is 2 to 255; Type and Flags are those that the record
 * would have had in a message of its own, so Type is 1, 2, 6 or 18.
 */
import { Drop } from "../../core/contracts/drop.ts";
import type { Millis } from "../../core/contracts/values.ts";
import { concatBytes } from "../../core/wire/bytes.ts";
import { readU32, writeU32 } from "../../core/wire/field.ts";
import { limits } from "./constants.ts";
import { forwardedFlag, MessageType } from "./wire.ts";

export const partHeaderLength = 8;
const mostParts = 255;
/** Nothing larger has ever fitted into a datagram. */
const longestRecord = 65_535;

/** What a record is, apart from its bytes. */
export interface RecordKind {
  readonly type: number;
  readonly flags: number;
}

export interface Part extends RecordKind {
  readonly id: number;
  readonly index: number;
  readonly count: number;
  readonly bytes: Uint8Array;
}

export interface CarriedRecord extends RecordKind {
  readonly bytes: Uint8Array;
}

/** Parts of at most `room` bytes each, their headers included; undefined if that takes more than 255 of them. */
export function splitRecord(
  { type, flags, bytes }: CarriedRecord,
  id: number,
  room: number,
): readonly Uint8Array[] | undefined {
  const count = Math.ceil(bytes.length / (room - partHeaderLength));
  if (!(count <= mostParts) || room <= partHeaderLength) return undefined;
  const length = Math.ceil(bytes.length / count);
  return Array.from({ length: count }, (_, index) => {
    const piece = bytes.subarray(index * length, (index + 1) * length);
    const part = new Uint8Array(partHeaderLength + piece.length);
    writeU32(part, 0, id);
    part.set([index, count, type, flags], 4);
    part.set(piece, partHeaderLength);
    return part;
  });
}

/** A view into `plaintext`; undefined for what is no part. */
export function decodePart(plaintext: Uint8Array): Part | undefined {
  if (plaintext.length <= partHeaderLength) return undefined;
  const [index, count, type, flags] = [plaintext[4]!, plaintext[5]!, plaintext[6]!, plaintext[7]!];
  if (count < 2 || index >= count || !mayHave(type, flags)) return undefined;
  return {
    id: readU32(plaintext, 0),
    index,
    count,
    type,
    flags,
    bytes: plaintext.subarray(partHeaderLength),
  };
}

function mayHave(type: number, flags: number): boolean {
  if (type === MessageType.data || type === MessageType.relay) return (flags & ~forwardedFlag) === 0;
  return flags === 0 && (type === MessageType.initiation || type === MessageType.response);
}

interface Incomplete extends RecordKind {
  readonly parts: (Uint8Array | undefined)[];
  readonly since: Millis;
  missing: number;
  /** Bytes of its parts, and what they count as. */
  length: number;
  kept: number;
}

/**
 * The incomplete records of one peer. Their number, their bytes and their time are bounded; whichever bound is met, the
 * oldest goes first, and `lost` hears of each.
 */
export class Reassembly {
  readonly #lost: () => void;
  readonly #records = new Map<number, Incomplete>();
  #bytes = 0;

  constructor(lost: () => void) {
    this.#lost = lost;
  }

  /** Bytes that wait for the rest of their records; of short parts more. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * The record that this part completes; `none` while parts of it are missing; malformed, and the end of the record, for a
   * part that contradicts the others. Keeps the part's bytes.
   */
  add(part: Part, now: Millis): CarriedRecord | Drop {
    this.expire(now);
    const record = this.#records.get(part.id) ?? this.#begin(part, now);
    const { type, flags, bytes, index } = part;
    const agrees = record.type === type && record.flags === flags && record.parts.length === part.count;
    if (!agrees || record.parts[index] !== undefined || record.length + bytes.length > longestRecord) {
      this.#forget(part.id);
      return Drop.malformed;
    }
    record.parts[index] = bytes;
    record.missing -= 1;
    record.length += bytes.length;
    const kept = Math.max(bytes.length, limits.partLeastBytes);
    record.kept += kept;
    this.#bytes += kept;
    if (record.missing > 0) {
      this.#makeRoom();
      return Drop.none;
    }
    this.#forget(part.id);
    return { type, flags, bytes: concatBytes(...record.parts as Uint8Array[]) };
  }

  /** When the oldest record is given up; undefined: there is none. */
  deadline(): Millis | undefined {
    const [oldest] = this.#records.values();
    return oldest && oldest.since + limits.partMillis;
  }

  expire(now: Millis): void {
    for (let at = this.deadline(); at !== undefined && at <= now; at = this.deadline()) this.#loseOldest();
  }

  clear(): void {
    this.#records.clear();
    this.#bytes = 0;
  }

  #begin({ id, type, flags, count }: Part, now: Millis): Incomplete {
    const parts = new Array<Uint8Array | undefined>(count).fill(undefined);
    const record = { type, flags, parts, since: now, missing: count, length: 0, kept: 0 };
    this.#records.set(id, record);
    return record;
  }

  #makeRoom(): void {
    while (this.#records.size > limits.partRecords || this.#bytes > limits.partBytes) this.#loseOldest();
  }

  #loseOldest(): void {
    const [id] = this.#records.keys();
    this.#forget(id!);
    this.#lost();
  }

  #forget(id: number): void {
    this.#bytes -= this.#records.get(id)!.kept;
    this.#records.delete(id);
  }
}
