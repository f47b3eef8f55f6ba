/**
 * Looks through a CBOR item (RFC 8949) before a decoder may build anything from it, and refuses what our messages
 * never contain: tags, indefinite lengths, map keys that are no text, invalid UTF-8, unknown simple values, trailing
 * bytes, deep nesting, and counts that the remaining bytes cannot hold.
 *
 * The decoder behind it would take more than we want to promise: tags run code (dates, regular expressions, shared
 * references, record definitions that later bytes refer to), and which tags it knows is a table of the whole process
 * that any other module may extend. Switching all that off by options is possible for some of it; not letting it
 * reach the decoder is possible for all.
 */
import { readU16, readU32 } from "./field.ts";

/** What a scan learned for the step after decoding. */
export interface CborShape {
  /** Entries of all maps together; fewer keys after decoding betray a duplicate. */
  readonly entries: number;
  /** Whether an integer was written in 8 bytes. */
  readonly hasWideIntegers: boolean;
}

const major = { unsigned: 0, negative: 1, bytes: 2, text: 3, array: 4, map: 5, tag: 6, simple: 7 } as const;
const utf8 = new TextDecoder("utf-8", { fatal: true });
const protoKey = "__proto__";
const tooShort = "it ends before its last item";

/** The shape of the one item in `bytes`, nested at most `maxDepth` deep; else, in words, the first fault found. */
export function scanCbor(bytes: Uint8Array, maxDepth: number): CborShape | string {
  return new CborScan(bytes, maxDepth).run();
}

/** An array or map that is not finished: how many items are missing, keys and values of a map counted each. */
interface Open {
  missing: number;
  readonly isMap: boolean;
}

class CborScan {
  readonly #bytes: Uint8Array;
  readonly #maxDepth: number;
  readonly #open: Open[] = [];
  #at = 0;
  #entries = 0;
  #hasWideIntegers = false;
  #fault: string | undefined;

  constructor(bytes: Uint8Array, maxDepth: number) {
    this.#bytes = bytes;
    this.#maxDepth = maxDepth;
  }

  run(): CborShape | string {
    do {
      this.#readItem(this.#expectsKey());
      while (this.#open.at(-1)?.missing === 0) this.#open.pop();
    } while (this.#open.length > 0 && this.#fault === undefined);
    if (this.#at !== this.#bytes.length) this.#fail("bytes follow the end of the item");
    return this.#fault ?? { entries: this.#entries, hasWideIntegers: this.#hasWideIntegers };
  }

  /** Notes the first fault; the scan ends after the item in hand, whose further reads find nothing. */
  #fail(fault: string): void {
    this.#fault ??= fault;
    this.#at = this.#bytes.length;
  }

  #expectsKey(): boolean {
    const open = this.#open.at(-1);
    return open !== undefined && open.isMap && open.missing % 2 === 0;
  }

  #readItem(isKey: boolean): void {
    const open = this.#open.at(-1);
    if (open !== undefined) open.missing--;
    const initial = this.#bytes[this.#take(1)]!;
    const type = initial >>> 5;
    if (isKey && type !== major.text) return this.#fail("a map key is not a text string");
    if (type === major.tag) return this.#fail("tags are not used here");
    if (type === major.simple) return this.#readSimple(initial & 31);
    const argument = this.#readArgument(initial & 31);
    if (type === major.bytes) this.#take(argument);
    if (type === major.text) this.#readText(argument, isKey);
    if (type === major.array) this.#enter(argument, false);
    if (type === major.map) this.#enter(2 * argument, true);
    if (type <= major.negative && (initial & 31) === 27) this.#hasWideIntegers = true;
  }

  /** The value or length after the initial byte (RFC 8949 §3); above 2^53 only its size still matters. */
  #readArgument(info: number): number {
    if (info < 24) return info;
    if (info > 27) {
      this.#fail(info === 31 ? "indefinite lengths are not used here" : "a reserved length code");
      return 0;
    }
    const at = this.#take(1 << (info - 24));
    if (info === 24) return this.#bytes[at]!;
    if (info === 25) return readU16(this.#bytes, at);
    const high = readU32(this.#bytes, at);
    return info === 26 ? high : high * 0x1_0000_0000 + readU32(this.#bytes, at + 4);
  }

  /** false, true, null, undefined and floats of 2, 4 and 8 bytes. */
  #readSimple(info: number): void {
    if (info >= 25 && info <= 27) this.#take(1 << (info - 24));
    else if (info < 20 || info > 23) this.#fail("an unknown simple value or a stray break");
  }

  #readText(length: number, isKey: boolean): void {
    const at = this.#take(length);
    const text = this.#bytes.subarray(at, at + length);
    // Decoders disagree on a leading byte order mark: some drop it, and then two keys would be one.
    if (text[0] === 0xef && text[1] === 0xbb && text[2] === 0xbf) {
      this.#fail("a byte order mark starts a text");
    }
    if (text.some((byte) => byte >= 0x80) && !isUtf8(text)) this.#fail("a text is not UTF-8");
    if (isKey && isProtoKey(text)) this.#fail(`a map key is ${protoKey}`);
  }

  #enter(missing: number, isMap: boolean): void {
    if (this.#open.length >= this.#maxDepth) return this.#fail(`nested deeper than ${this.#maxDepth}`);
    // Every item takes a byte or more, so a count beyond the rest is a lie; found here, it allocates nothing.
    if (missing > this.#bytes.length - this.#at) return this.#fail(tooShort);
    if (isMap) this.#entries += missing / 2;
    this.#open.push({ missing, isMap });
  }

  /** Moves over `length` bytes and returns where they start; if they are not there, the end of the input. */
  #take(length: number): number {
    const start = this.#at;
    if (length <= this.#bytes.length - start) this.#at += length;
    else this.#fail(tooShort);
    return this.#fault === undefined ? start : this.#at;
  }
}

function isUtf8(text: Uint8Array): boolean {
  try {
    utf8.decode(text);
    return true;
  } catch {
    return false;
  }
}

function isProtoKey(text: Uint8Array): boolean {
  return text.length === protoKey.length && text.every((byte, i) => byte === protoKey.charCodeAt(i));
}
