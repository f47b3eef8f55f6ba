/**
 * Reading the CBOR maps of records and messages that strangers wrote. A reader states what each field must be; the
 * first one that is something else makes the whole map undefined. Fields that no reader asks for are left alone: a
 * newer version may have added them.
 *
 * Keys are one letter. They are text because the codec knows only text keys; an integer would save one byte a field.
 */
import { isMeshError, MeshError } from "../contracts/errors.ts";
import type { Endpoint } from "../contracts/values.ts";
import { decodeCbor } from "../wire/cbor.ts";
import { endpointFromBytes } from "./endpoint_bytes.ts";

/** The result of `read` on the map in `bytes`; undefined when it is no map, over `maxBytes`, or a field is amiss. */
export function readMap<T>(bytes: Uint8Array, maxBytes: number, read: (fields: Fields) => T): T | undefined {
  try {
    return read(new Fields(decodeCbor(bytes, { maxBytes })));
  } catch (error) {
    if (isMeshError(error)) return undefined;
    throw error;
  }
}

/** The fields of one map. Every method throws MALFORMED, which {@link readMap} turns into undefined. */
export class Fields {
  readonly #map: Readonly<Record<string, unknown>>;

  constructor(value: unknown) {
    if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof Uint8Array) {
      throw malformed("map");
    }
    this.#map = value as Record<string, unknown>;
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#map, key);
  }

  bytes(key: string, length: number): Uint8Array {
    return exactBytes(this.#take(key), length);
  }

  /** A byte string of any length up to `max`. */
  blob(key: string, max: number): Uint8Array {
    return blob(this.#take(key), max);
  }

  text(key: string, isValid: (text: string) => boolean): string {
    const value = this.#take(key);
    if (typeof value !== "string" || !isValid(value)) throw malformed(key);
    return value;
  }

  /** A whole number from `min` to `max`, both included. */
  integer(key: string, min: number, max: number): number {
    const value = this.#take(key);
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < min || value > max) {
      throw malformed(key);
    }
    return value;
  }

  list<T>(key: string, max: number, readItem: (item: unknown) => T): readonly T[] {
    const value = this.#take(key);
    if (!Array.isArray(value) || value.length > max) throw malformed(key);
    return value.map(readItem);
  }

  endpoints(key: string, max: number): readonly Endpoint[] {
    return this.list(key, max, (item) => {
      const endpoint = item instanceof Uint8Array ? endpointFromBytes(item) : undefined;
      if (endpoint === undefined) throw malformed(key);
      return endpoint;
    });
  }

  /** Refuses a map of another version than the one this code writes. */
  version(key: string, expected: number): void {
    this.integer(key, expected, expected);
  }

  #take(key: string): unknown {
    if (!this.has(key)) throw malformed(key);
    return this.#map[key];
  }
}

/** `value` if it is a byte string of this length. Throws MALFORMED. */
export function exactBytes(value: unknown, length: number): Uint8Array {
  if (!(value instanceof Uint8Array) || value.length !== length) throw malformed("bytes");
  return value;
}

/** `value` if it is a byte string of up to `max` bytes. Throws MALFORMED. */
export function blob(value: unknown, max: number): Uint8Array {
  if (!(value instanceof Uint8Array) || value.length > max) throw malformed("bytes");
  return value;
}

/** What a reader throws for a value that is well-formed but makes no sense. */
export function malformed(what: string): MeshError {
  return new MeshError("MALFORMED", `Cannot read a record: ${what} is missing or not what it must be`);
}

/** For the encoder: numbers beyond 32 bits would leave as floats, and a signed time should be an integer. */
export function wholeNumber(value: number): number | bigint {
  return value > 0xffff_ffff ? BigInt(value) : value;
}

/** The largest epoch, binding number and other small counters: 32 bits. */
export const maxCounter = 0xffff_ffff;
/** The last instant a Date can hold, in milliseconds since the Unix epoch (ECMA-262 §21.4.1.1). */
export const maxWallMillis = 8.64e15;
