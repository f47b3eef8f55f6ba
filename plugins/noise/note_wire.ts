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
 *    |  Salt (3), counter (5)                                        |
 *    +---------------------------------------------------------------+
 *    |  Ciphertext, tag (16)                                         |
 *    +---------------------------------------------------------------+
 *
 * Salt and counter are the nonce as they stand here, behind 4 zero bytes. The counter has 40 bits: ticks of 16 ms since
 * 1970 need 37 of them, and fill them in the year 2527.
 *
 * The hint is the first byte of the network key's id. It stands where other messages have flags, of which a note has none.
 */
import { maxNoteLength } from "../../core/contracts/encapsulation.ts";
import { readU32, writeU32 } from "../../core/wire/field.ts";
import { headerLength, MessageType, tagLength, version } from "./wire.ts";

export const senderTagLength = 8;
export const saltLength = 3;
const counterLength = 5;
/** The largest counter. */
export const maxNoteCounter = 2 ** 40 - 1;
const saltAt = headerLength + senderTagLength;
const counterAt = saltAt + saltLength;
export const noteHeaderLength: number = counterAt + counterLength;
const nonceLength = 12;
/** What a note has beside its body. */
export const noteOverhead: number = noteHeaderLength + tagLength;

export interface NoteHeader {
  readonly hint: number;
  /** 8 bytes. */
  readonly sender: Uint8Array;
  /** 3 bytes. */
  readonly salt: Uint8Array;
  /** A whole number, {@link maxNoteCounter} at most. */
  readonly counter: number;
}

export interface Note extends NoteHeader {
  /** The header as it came. */
  readonly header: Uint8Array;
  readonly sealed: Uint8Array;
}

export function encodeNoteHeader({ hint, sender, salt, counter }: NoteHeader): Uint8Array {
  const header = new Uint8Array(noteHeaderLength);
  header.set([MessageType.note, version, hint]);
  header.set(sender, headerLength);
  header.set(salt, saltAt);
  header[counterAt] = Math.floor(counter / 2 ** 32);
  writeU32(header, counterAt + 1, counter % 2 ** 32);
  return header;
}

/** Views into the datagram, whose first four bytes have been looked at. */
export function decodeNote(datagram: Uint8Array): Note | undefined {
  if (datagram.length < noteOverhead || datagram.length > noteOverhead + maxNoteLength) return undefined;
  return {
    hint: datagram[2]!,
    sender: datagram.subarray(headerLength, saltAt),
    salt: datagram.subarray(saltAt, counterAt),
    counter: datagram[counterAt]! * 2 ** 32 + readU32(datagram, counterAt + 1),
    header: datagram.subarray(0, noteHeaderLength),
    sealed: datagram.subarray(noteHeaderLength),
  };
}

/** The nonce of ChaCha20-Poly1305 that a header names, 12 bytes. */
export function nonceOf(header: Uint8Array): Uint8Array {
  const nonce = new Uint8Array(nonceLength);
  nonce.set(header.subarray(saltAt, noteHeaderLength), nonceLength - saltLength - counterLength);
  return nonce;
}
