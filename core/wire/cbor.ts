/**
 * The one door to CBOR (RFC 8949): plain objects with text keys, arrays, texts, byte strings, numbers, 64-bit
 * integers, booleans, null and undefined. Nothing else leaves, nothing else comes in.
 *
 * cbor-x does the work behind two guards. Before it, {@link scanCbor} has refused every construct we do not use, so
 * its tags, records, shared references and packed values are out of reach whatever options say. That matters because
 * `addExtension` and `setSizeLimits` of cbor-x change tables of the whole process: this module calls neither, which
 * would bind every other user of the package, and depends on neither, for a plugin may call both. After it, integers
 * are made plain and duplicate keys found. What an extension registered elsewhere for Uint8Array would do to our
 * output, the receiver's scan refuses.
 *
 * The entry without `eval` and without the native add-on is imported: the add-on can end a Deno process. The encoding
 * is not canonical: a signature covers the bytes that were received, never a value encoded again. Decoded values are
 * untyped: callers validate them.
 */
import { Encoder } from "cbor-x/index-no-eval";
import { MeshError } from "../contracts/errors.ts";
import { type CborShape, scanCbor } from "./cbor_scan.ts";

export interface CborLimits {
  /** Longer inputs are refused unseen; 65,536 if absent. */
  readonly maxBytes?: number | undefined;
  /** Arrays and maps within each other; 32 if absent. */
  readonly maxDepth?: number | undefined;
}

const defaultMaxBytes = 65_536;
const defaultMaxDepth = 32;
const protoKey = "__proto__";
const integerBound = 2n ** 64n;

const codec = new Encoder({
  useRecords: false,
  mapsAsObjects: true,
  variableMapSize: true,
  tagUint8Array: false,
  structuredClone: false,
  copyBuffers: true,
});

/**
 * `value` in CBOR, in memory of its own. Numbers that are integers of up to 32 bits and all bigints are written as
 * integers, other numbers as floats; -0 becomes 0. Throws INVALID_ARGUMENT, naming the place, for what the format of
 * our messages does not have: other classes, Map and Set, functions, symbols, bigints beyond 64 bits, strings with
 * lone surrogates or a leading byte order mark, a `__proto__` key, nesting deeper than 32 (a cycle, for one).
 */
export function encodeCbor(value: unknown): Uint8Array<ArrayBuffer> {
  assertEncodable(value, "value", 0);
  return new Uint8Array(codec.encode(value));
}

function assertEncodable(value: unknown, path: string, depth: number): void {
  if (typeof value === "string") return assertText(value, path);
  if (typeof value === "bigint") return assertInteger(value, path);
  if (isScalar(value) || value instanceof Uint8Array) return;
  if (depth >= defaultMaxDepth) {
    throw unfit(path, `is nested deeper than ${defaultMaxDepth} or contains itself`);
  }
  if (isPlainArray(value)) {
    for (const [i, item] of value.entries()) assertEncodable(item, `${path}[${i}]`, depth + 1);
    return;
  }
  if (!isPlainObject(value)) throw unfit(path, "is neither a plain value nor bytes");
  for (const [key, entry] of Object.entries(value)) {
    if (key === protoKey) throw unfit(path, `has the key ${protoKey}`);
    assertText(key, `a key of ${path}`);
    assertEncodable(entry, `${path}.${key}`, depth + 1);
  }
}

function assertText(text: string, path: string): void {
  if (!text.isWellFormed()) throw unfit(path, "is a string with a lone surrogate");
  if (text.startsWith("\uFEFF")) throw unfit(path, "starts with a byte order mark");
}

function assertInteger(value: bigint, path: string): void {
  // CBOR has room for -2^64 too, but cbor-x writes that one as a tagged bignum.
  if (value >= integerBound || value <= -integerBound) throw unfit(path, "is an integer beyond 64 bits");
}

function isScalar(value: unknown): boolean {
  return value === null || value === undefined || typeof value === "number" || typeof value === "boolean";
}

/** A subclass would be written with an indefinite length. */
function isPlainArray(value: unknown): value is unknown[] {
  return Array.isArray(value) && Object.getPrototypeOf(value) === Array.prototype;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function unfit(path: string, problem: string): MeshError {
  return new MeshError("INVALID_ARGUMENT", `Cannot encode CBOR: ${path} ${problem}`);
}

/**
 * The value in `bytes`, which shares no memory with them or with itself. Integers come back as Number where that is
 * exact and as bigint elsewhere. Throws MALFORMED, and nothing else, for what is over a limit, not well-formed, or
 * outside the subset above; `bytes` are left as they are.
 */
export function decodeCbor(bytes: Uint8Array, limits: CborLimits = {}): unknown {
  const maxBytes = limits.maxBytes ?? defaultMaxBytes;
  if (bytes.length > maxBytes) {
    throw new MeshError("MALFORMED", `Cannot decode CBOR: ${bytes.length} bytes, ${maxBytes} are allowed`);
  }
  // A copy, because cbor-x hangs a DataView on the array it reads, and because the owner of shared memory could
  // change it between the scan and the decoding.
  const copy = new Uint8Array(bytes);
  const shape = scanCbor(copy, limits.maxDepth ?? defaultMaxDepth);
  if (typeof shape === "string") throw new MeshError("MALFORMED", `Cannot decode CBOR: ${shape}`);
  return settle(decodeScanned(copy), shape);
}

function decodeScanned(bytes: Uint8Array): unknown {
  try {
    return codec.decode(bytes);
  } catch (cause) {
    throw new MeshError("MALFORMED", "Cannot decode CBOR: the decoder refused it", { cause });
  }
}

/** Makes 8-byte integers plain numbers where they are safe, and refuses a map that named one key twice. */
function settle(decoded: unknown, shape: CborShape): unknown {
  if (shape.entries === 0 && !shape.hasWideIntegers) return decoded;
  let entries = 0;
  const visit = (value: unknown): unknown => {
    if (typeof value === "bigint") return narrow(value);
    if (Array.isArray(value)) return value.map(visit);
    if (!isPlainObject(value)) return value;
    for (const [key, entry] of Object.entries(value)) {
      entries++;
      value[key] = visit(entry);
    }
    return value;
  };
  const settled = visit(decoded);
  if (entries !== shape.entries) {
    throw new MeshError("MALFORMED", "Cannot decode CBOR: a map names a key twice");
  }
  return settled;
}

/** CBOR has room for −2^64, the one integer that {@link encodeCbor} cannot write: what decodes can be encoded again. */
function narrow(value: bigint): number | bigint {
  if (value <= -integerBound) {
    throw new MeshError("MALFORMED", "Cannot decode CBOR: an integer is beyond 64 bits");
  }
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}
