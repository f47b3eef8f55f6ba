/** A configuration file as settings with line numbers. */
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
import { MeshError } from "../../core/contracts/errors.ts";
import type { Setting } from "./origin.ts";

/** Longer files are refused unread: thousands of seeds fit, and the parser's time stays out of sight. */
const maxCharacters = 65_536;
/** Maps within maps and lists. No setting is deeper than five. */
const maxDepth = 16;
/** Brackets of flow style that are open at a time; the parser calls itself for each, and far more end its stack. */
const maxBrackets = 200;
/** A parser that has lost its way finds a fault in every line after the first. */
const shownProblems = 20;

/** Throws `CONFIG_INVALID` naming file and line for text that is no YAML map, too long or too deep, or has aliases. */
export function yamlLayer(file: string, text: string): Setting[] {
  if (text.length > maxCharacters) {
    throw invalid(`${file}: it has ${text.length} characters, at most ${maxCharacters} are read`);
  }
  if (openBrackets(text) > maxBrackets) {
    throw invalid(`${file}: more than ${maxBrackets} brackets are open at once`);
  }
  const lines = new LineCounter();
  // Pretty errors would quote the line, for each error anew.
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false });
  const lineAt = (offset: number) => lines.linePos(offset).line;
  const { errors } = document;
  if (errors.length > 0) {
    const shown = errors.slice(0, shownProblems).map(({ pos, message }) =>
      `${file}:${lineAt(pos[0])}: ${message}`
    );
    const rest = errors.length - shown.length;
    throw invalid([...shown, ...rest > 0 ? [`${file}: and ${rest} more`] : []].join("\n"));
  }
  const root = document.contents;
  if (root === null) return [];
  if (!isMap(root)) throw invalid(`${file}:1: expected a map of settings`);
  const walk: Walk = { file, lineOf: (node) => lineAt((node as Node | null)?.range?.[0] ?? 0) };
  return [...settingsOf(root, { path: [], line: 1 }, walk)]
    .map(({ path, value, line }) => ({ path, value, origin: { from: "file", file, line } }));
}

/** The most that are open at a time. Those in comments and quoted texts count too: nobody has two hundred of them. */
function openBrackets(text: string): number {
  let open = 0;
  let most = 0;
  for (const bracket of text.match(/[[\]{}]/g) ?? []) {
    open = bracket === "[" || bracket === "{" ? open + 1 : Math.max(0, open - 1);
    most = Math.max(most, open);
  }
  return most;
}

interface Walk {
  readonly file: string;
  lineOf(node: unknown): number;
}

interface Place {
  readonly path: readonly string[];
  readonly line: number;
}

/** Maps and lists of maps are walked into; everything else is a value. */
function* settingsOf(
  node: unknown,
  place: Place,
  walk: Walk,
): Generator<Place & { readonly value: unknown }> {
  const { path, line } = place;
  if (path.length > maxDepth) throw invalid(`${walk.file}:${line}: nested deeper than ${maxDepth}`);
  if (isMap(node) && node.items.length > 0) {
    for (const { key, value } of node.items) {
      const step = String(isScalar(key) ? key.value : key);
      yield* settingsOf(value, { path: [...path, step], line: walk.lineOf(key) }, walk);
    }
  } else if (isSeq(node) && node.items.length > 0 && node.items.every((item) => isMap(item))) {
    for (const [index, item] of node.items.entries()) {
      yield* settingsOf(item, { path: [...path, String(index)], line: walk.lineOf(item) }, walk);
    }
  } else {
    yield { ...place, value: plainValue(node, path.length, walk) };
  }
}

/** The value of a node by our own walk: the library's would follow aliases, which a few bytes can make endless. */
function plainValue(node: unknown, depth: number, walk: Walk): unknown {
  if (isScalar(node)) return node.value;
  if (node === null) return null;
  const place = `${walk.file}:${walk.lineOf(node)}`;
  if (isAlias(node)) {
    throw invalid(`${place}: *${node.source} stands for another value; write the value itself`);
  }
  if (depth > maxDepth) throw invalid(`${place}: nested deeper than ${maxDepth}`);
  if (isSeq(node)) return node.items.map((item) => plainValue(item, depth + 1, walk));
  if (!isMap(node)) return null;
  const entries = node.items.map(({ key, value }) =>
    [String(isScalar(key) ? key.value : key), plainValue(value, depth + 1, walk)] as const
  );
  // Defines, never assigns: a key `__proto__` is a key like any other.
  return Object.fromEntries(entries);
}

function invalid(message: string): MeshError {
  return new MeshError("CONFIG_INVALID", message);
}
