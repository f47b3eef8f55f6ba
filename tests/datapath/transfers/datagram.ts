/**
 * A datagram that tells by itself whether it is right: its number in 4 bytes, big-endian, SHA-256 of the number and of
 * what follows in 32, then bytes of any kind.
 */
import { createHash } from "node:crypto";

export const headLength = 36;

export function encodeDatagram(number: number, rest: Uint8Array): Buffer {
  const datagram = Buffer.alloc(headLength + rest.length);
  datagram.writeUInt32BE(number, 0);
  datagram.set(rest, headLength);
  datagram.set(digestOf(datagram), 4);
  return datagram;
}

/** Its number; undefined when it is not what was sent. */
export function readDatagram(datagram: Buffer): number | undefined {
  if (datagram.length < headLength) return undefined;
  return digestOf(datagram).equals(datagram.subarray(4, headLength)) ? datagram.readUInt32BE(0) : undefined;
}

function digestOf(datagram: Buffer): Buffer {
  return createHash("sha256").update(datagram.subarray(0, 4)).update(datagram.subarray(headLength)).digest();
}

/** What has come: every number once, or not at all. */
export class Arrivals {
  readonly #length: number;
  readonly #seen: Uint8Array;
  right = 0;
  /** Other bytes, another length, or a number that was never sent. */
  wrong = 0;
  again = 0;
  /** Highest number; −1 before the first. */
  newest = -1;

  /** `count` datagrams of `length` bytes are to come. */
  constructor(count: number, length: number) {
    this.#length = length;
    this.#seen = new Uint8Array(count);
  }

  take(datagram: Buffer): void {
    const number = datagram.length === this.#length ? readDatagram(datagram) : undefined;
    if (number === undefined || number >= this.#seen.length) this.wrong++;
    else if (this.#seen[number] === 1) this.again++;
    else this.#note(number);
  }

  #note(number: number): void {
    this.#seen[number] = 1;
    this.right++;
    this.newest = Math.max(this.newest, number);
  }
}
