/** A configuration file as settings with line numbers. */
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
import { MeshError } from "../../core/contracts/errors.ts";
import type { Setting } from "./origin.ts";

/** Throws `CONFIG_INVALID` naming file and line for text that is no YAML map. */
export function yamlLayer(file: string, text: string): Setting[] {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, maxAliasCount: 16 } as object);
  const problems = [...document.errors].map((error) => {
    const { line } = lines.linePos(error.pos[0]);
    return `${file}:${line}: ${error.message.split("\n")[0]!.replace(/ at line \d+, column \d+:?$/, "")}`;
  });
  if (problems.length > 0) throw new MeshError("CONFIG_INVALID", problems.join("\n"));
  const root = document.contents;
  if (root === null) return [];
  if (!isMap(root)) throw new MeshError("CONFIG_INVALID", `${file}:1: expected a map of settings`);
  return [
    ...settingsOf(root, { path: [], line: 1 }, (node) => lines.linePos((node as Node).range?.[0] ?? 0).line),
  ]
    .map(({ path, value, line }) => ({ path, value, origin: { from: "file", file, line } }));
}

interface Place {
  readonly path: readonly string[];
  readonly line: number;
}

/** Maps and lists of maps are walked into; everything else is a value. */
function* settingsOf(
  node: unknown,
  place: Place,
  lineOf: (node: unknown) => number,
): Generator<Place & { readonly value: unknown }> {
  const { path } = place;
  if (isMap(node) && node.items.length > 0) {
    for (const { key, value } of node.items) {
      const step = String(isScalar(key) ? key.value : key);
      yield* settingsOf(value, { path: [...path, step], line: lineOf(key) }, lineOf);
    }
  } else if (isSeq(node) && node.items.length > 0 && node.items.every((item) => isMap(item))) {
    for (const [index, item] of node.items.entries()) {
      yield* settingsOf(item, { path: [...path, String(index)], line: lineOf(item) }, lineOf);
    }
  } else {
    yield { ...place, value: (node as Node | null)?.toJSON() ?? null };
  }
}
