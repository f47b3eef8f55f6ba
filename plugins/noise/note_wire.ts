/**
 * Layout of a note, a message between two members without a session. All before the ciphertext is the associated data.
 *
 *     0                   1                   2                   3
 *     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *    |   Type = 19   |  Version = 1  |   Key hint    | Reserved = 0  |
 *    +---------------------------------------------------------------+
 *    |  Tag of the sender: the first 8 bytes of its id               |
 *    +---------------------------------------------------------------+
 *    |  Counter (8)                                                  |
 *    +---------------------------------------------------------------+
 *    |  Ciphertext, tag (16)                                         |
 *    +---------------------------------------------------------------+
 *
 * The hint is the first byte of the network key's id. It stands where other messages have flags, of which a note has none.
 */
import { maxNoteLength } from "../../core/contracts/encapsulation.ts";
import { readU64, writeU64 } from "../../core/wire/field.ts";
import { headerLength, MessageType, tagLength, version } from "./wire.ts";

export const senderTagLength = 8;
export const noteHeaderLength = headerLength + senderTagLength + 8;
/** What a note has beside its body. */
export const noteOverhead: number = noteHeaderLength + tagLength;

export interface NoteHeader {
  readonly hint: number;
  /** 8 bytes. */
  readonly sender: Uint8Array;
  /** A whole number below 2^53. */
  readonly counter: number;
}

export interface Note extends NoteHeader {
  /** The header as it came. */
  readonly header: Uint8Array;
  readonly sealed: Uint8Array;
}

export function encodeNoteHeader({ hint, sender, counter }: NoteHeader): Uint8Array {
  const header = new Uint8Array(noteHeaderLength);
  header.set([MessageType.note, version, hint]);
  header.set(sender, headerLength);
  writeU64(header, headerLength + senderTagLength, counter);
  return header;
}

/** Views into the datagram, whose first four bytes have been looked at. */
export function decodeNote(datagram: Uint8Array): Note | undefined {
  if (datagram.length < noteOverhead || datagram.length > noteOverhead + maxNoteLength) return undefined;
  const counter = readU64(datagram, headerLength + senderTagLength);
  if (!Number.isSafeInteger(counter)) return undefined;
  return {
    hint: datagram[2]!,
    sender: datagram.subarray(headerLength, headerLength + senderTagLength),
    counter,
    header: datagram.subarray(0, noteHeaderLength),
    sealed: datagram.subarray(noteHeaderLength),
  };
}
