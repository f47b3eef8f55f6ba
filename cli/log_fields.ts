/** Fields of a log as what a line can hold: bounded, and never bytes, which may be keys. */
/** Beyond it a text is cut, a list is shortened, a nest is closed: a peer may have chosen what is logged. */
const longestText = 1000;
const mostEntries = 32;
const deepest = 4;

export function plainFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, plain(value, 0)]));
}

/** As it stands after `key=`: quoted where it would not read as one word, so that a peer's name cannot forge a line. */
export function plainText(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? String(value);
  return /^[\w.:/@[\]-]+$/.test(text) ? text : JSON.stringify(text);
}

function plain(value: unknown, depth: number): unknown {
  if (typeof value === "string") return cut(value);
  if (typeof value === "bigint" || typeof value === "symbol") return String(value);
  if (typeof value === "function") return "(a function)";
  if (typeof value !== "object" || value === null) return value;
  return plainObject(value, depth);
}

function plainObject(value: object, depth: number): unknown {
  // Its stack and its causes belong to a debugger: they may quote arguments.
  if (value instanceof Error) return cut(value.message);
  if (ArrayBuffer.isView(value)) return `(${value.byteLength} bytes)`;
  if (value instanceof ArrayBuffer) return `(${value.byteLength} bytes)`;
  const own = (value as { toJSON?: unknown }).toJSON;
  if (typeof own === "function") return written(value);
  if (depth === deepest) return "…";
  if (Array.isArray(value) || value instanceof Set) {
    return [...value].slice(0, mostEntries).map((item) => plain(item, depth + 1));
  }
  const entries = (value instanceof Map ? [...value] : Object.entries(value)).slice(0, mostEntries);
  return Object.fromEntries(entries.map(([key, item]) => [cut(String(key)), plain(item, depth + 1)]));
}

/** A secret says what stands for it; a date is its time; what cannot say anything costs no line. */
function written(value: object): unknown {
  try {
    return JSON.parse(JSON.stringify(value));
  } catch {
    return "…";
  }
}

function cut(text: string): string {
  return text.length <= longestText ? text : `${text.slice(0, longestText)}…`;
}
