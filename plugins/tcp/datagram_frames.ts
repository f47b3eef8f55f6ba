/**
 * Datagrams in a connection: a preface of whoever has dialled, then frames both ways, network byte order.
 *
 *     preface  | magic (4) | version (1) | type 3 (1) |
 *     frame    | length (2), 1 to 65,507 | datagram |
 *
 * A listener says nothing of itself: as on a socket of datagrams, a stranger is not answered. What the frames hold is sealed by
 * the encapsulation; here it is bytes.
 */
import { readU16, writeU16, writeU32 } from "../../core/wire/field.ts";
import { protocol } from "./constants.ts";
import { type Fault, faults } from "./fault.ts";
import { Inbox } from "./inbox.ts";

const lengthBytes = 2;

export const datagramPreface = makePreface();

function makePreface(): Uint8Array {
  const bytes = new Uint8Array(6);
  writeU32(bytes, 0, protocol.magic);
  bytes[4] = protocol.version;
  bytes[5] = 3;
  return bytes;
}

/** A copy: `datagram` is free for reuse. */
export function encodeFrame(datagram: Uint8Array): Uint8Array {
  const frame = new Uint8Array(lengthBytes + datagram.length);
  writeU16(frame, 0, datagram.length);
  frame.set(datagram, lengthBytes);
  return frame;
}

export function fitsFrame(datagram: Uint8Array): boolean {
  return datagram.length > 0 && datagram.length <= protocol.datagramLength;
}

/** Finds datagrams in what has come, holding one that is not whole at most. */
export class DatagramReader {
  readonly #inbox = new Inbox();

  get buffered(): number {
    return this.#inbox.length;
  }

  /**
   * Hands over each datagram that is whole, in memory that is valid during the call, until `take` gives false. A fault for
   * bytes that are none: the rest means nothing any more.
   */
  receive(chunk: Uint8Array, take: (datagram: Uint8Array) => boolean): Fault | undefined {
    this.#inbox.append(chunk);
    for (let bytes = this.#inbox.bytes; bytes.length >= lengthBytes; bytes = this.#inbox.bytes) {
      const length = readU16(bytes, 0);
      if (length === 0 || length > protocol.datagramLength) return faults.badDatagram;
      const end = lengthBytes + length;
      if (bytes.length < end || !take(bytes.subarray(lengthBytes, end))) return undefined;
      this.#inbox.take(end);
    }
    return undefined;
  }
}
