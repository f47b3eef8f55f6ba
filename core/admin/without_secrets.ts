/**
 * A document without secrets, told by type and not by name: only plain data goes through. Bytes are keys until the
 * opposite is shown, and an object of a class is whatever its `toJSON` says, as a secret says its placeholder; one that
 * says nothing was never meant for a document. A list of names to leave out was rejected: it knows yesterday's names.
 */

/** What stands for a secret, as in every print of one. */
export const placeholder = "«redacted»";

/** No document of a node is nested so deep; one that leads back to itself would be endless. */
const deepest = 32;

/** A copy of `document` that is JSON and holds neither bytes nor objects of a class. Never throws for plain data. */
export function withoutSecrets<T>(document: T): T {
  return plain(document, 0) as T;
}

function plain(value: unknown, depth: number): unknown {
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return value;
  if (depth === deepest || isBytes(value)) return placeholder;
  // After the bytes: a Buffer has a `toJSON` too, which lists every one of them.
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === "function") return plain(toJSON.call(value), depth + 1);
  if (Array.isArray(value)) return value.map((item) => plain(item, depth + 1));
  if (!isPlain(value)) return placeholder;
  const entries = Object.entries(value).map(([key, inner]) => [key, plain(inner, depth + 1)] as const);
  return Object.fromEntries(entries);
}

function isBytes(value: object): boolean {
  return ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof SharedArrayBuffer;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}
