/**
 * Join answers are large (what a new member must know of the network), datagrams are small. An answer travels in
 * numbered parts; the joiner asks again for those it misses, so that the member that answers keeps no timers.
 *
 *    part:     | Number (2) | Count (2) | Bytes, 1,100 but for the last part |      sealed, join answer
 *    missing:  | Number (2) | … up to 8 of them; none: the answer is complete      sealed, join missing
 */
import { concatBytes, copyBytes } from "../../core/wire/bytes.ts";
import { readU16, writeU16 } from "../../core/wire/field.ts";
import { protocol } from "./constants.ts";

const partHeader = 4;

/** The parts of an answer; undefined when it is larger than a join can carry (70,400 bytes). */
export function splitAnswer(answer: Uint8Array): readonly Uint8Array[] | undefined {
  const count = Math.max(1, Math.ceil(answer.length / protocol.joinPartLength));
  if (count > protocol.joinPartLimit) return undefined;
  return Array.from({ length: count }, (_, number) => {
    const bytes = answer.subarray(number * protocol.joinPartLength, (number + 1) * protocol.joinPartLength);
    const header = new Uint8Array(partHeader);
    writeU16(header, 0, number);
    writeU16(header, 2, count);
    return concatBytes(header, bytes);
  });
}

/** What is sent without being asked for. */
export const firstWindow: readonly number[] = Array.from(
  { length: protocol.joinWindow },
  (_, number) => number,
);

/** Collects parts in any order, each any number of times. */
export class PartCollector {
  #count: number | undefined;
  readonly #parts = new Map<number, Uint8Array>();

  /** False for what is no part, or contradicts the first one. */
  add(part: Uint8Array): boolean {
    const number = readU16(part, 0);
    const count = readU16(part, 2);
    if (part.length < partHeader || part.length > partHeader + protocol.joinPartLength) return false;
    if (count > protocol.joinPartLimit || number >= count || count !== (this.#count ?? count)) return false;
    this.#count = count;
    if (!this.#parts.has(number)) this.#parts.set(number, copyBytes(part, partHeader));
    return true;
  }

  /** True once a part has come. */
  get hasBegun(): boolean {
    return this.#count !== undefined;
  }

  /** True for a part of the answer that has not come; false before the first one. */
  lacks(number: number): boolean {
    return number < (this.#count ?? 0) && !this.#parts.has(number);
  }

  /** The first parts that are missing, at most a window of them. */
  missing(): number[] {
    const all = Array.from({ length: this.#count ?? 0 }, (_, number) => number);
    return all.filter((number) => this.lacks(number)).slice(0, protocol.joinWindow);
  }

  /** The answer, once no part is missing. */
  complete(): Uint8Array | undefined {
    if (this.#count === undefined || this.#parts.size < this.#count) return undefined;
    return concatBytes(...Array.from({ length: this.#count }, (_, number) => this.#parts.get(number)!));
  }
}

export function encodeMissing(numbers: readonly number[]): Uint8Array {
  const message = new Uint8Array(2 * numbers.length);
  numbers.forEach((number, i) => writeU16(message, 2 * i, number));
  return message;
}

export function decodeMissing(message: Uint8Array): number[] | undefined {
  if (message.length % 2 !== 0 || message.length > 2 * protocol.joinWindow) return undefined;
  return Array.from({ length: message.length / 2 }, (_, i) => readU16(message, 2 * i));
}
