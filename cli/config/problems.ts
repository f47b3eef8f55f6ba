/** What is wrong with a configuration, all of it at once, each with the place it was written at. */
import { MeshError } from "../../core/contracts/errors.ts";
import type { SchemaIssue } from "../../core/contracts/schema.ts";
import type { Merged } from "./merge.ts";
import { formatOrigin, formatPath, type Origin } from "./origin.ts";

type Step = string | number;

/** Further ones are only counted: a file that is no configuration at all has one in every line. */
const shownProblems = 50;

interface Problem {
  readonly path: readonly Step[];
  readonly origin: Origin;
  /** Made only for what is shown: looking for a similar word takes time, and a hostile file has thousands. */
  readonly message: () => string;
}

export class Problems {
  readonly #merged: Merged;
  readonly #found: Problem[] = [];

  constructor(merged: Merged) {
    this.#merged = merged;
  }

  add(path: readonly Step[], message: string | (() => string)): void {
    const origin = this.#merged.at(path)?.origin ?? { from: "default" };
    this.#found.push({ path, origin, message: typeof message === "string" ? () => message : message });
  }

  /** Issues of a schema that was run on what stands under `root`; `known` are the keys it would have taken there. */
  addIssues(root: readonly Step[], issues: readonly SchemaIssue[], known: readonly string[] = []): void {
    for (const issue of issues) {
      const path = [...root, ...(issue.path ?? []).map(stepOf)];
      const unknown = unknownKeys(issue);
      if (unknown.length === 0) this.add(path, issue.message);
      const words = path.length === root.length ? known : [];
      for (const key of unknown) this.add([...path, key], () => unknownSetting(key, words));
    }
  }

  /** Throws `CONFIG_INVALID` with a line per problem, if there is any: those of the file first, in its order. */
  throwIfAny(): void {
    if (this.#found.length === 0) return;
    const shown = this.#found.toSorted((a, b) => lineOf(a) - lineOf(b)).slice(0, shownProblems).map(
      problemText,
    );
    const more = this.#found.length - shown.length;
    const problems = [...shown, ...more > 0 ? [`and ${more} more problems`] : []];
    throw new MeshError("CONFIG_INVALID", problems.join("\n"), { details: { problems } });
  }
}

function lineOf({ origin }: Problem): number {
  return origin.from === "file" ? origin.line : Number.MAX_SAFE_INTEGER;
}

function problemText({ path, origin, message }: Problem): string {
  const place = origin.from === "default" ? "" : `${formatOrigin(origin)}: `;
  return `${place}${formatPath(path)}: ${message()}`;
}

function unknownSetting(key: string, known: readonly string[]): string {
  const close = closest(key, known);
  return `unknown setting${close === undefined ? "" : `; did you mean "${close}"?`}`;
}

function stepOf(step: PropertyKey | { readonly key: PropertyKey }): Step {
  const key = typeof step === "object" ? step.key : step;
  return typeof key === "number" ? key : String(key);
}

/** zod tells which keys it did not expect; other validators only say so in their message. */
function unknownKeys(issue: SchemaIssue): readonly string[] {
  const { code, keys } = issue as { code?: unknown; keys?: unknown };
  return code === "unrecognized_keys" && Array.isArray(keys) ? keys.map(String) : [];
}

/** The known word within two edits of a mistyped one. */
export function closest(word: string, known: readonly string[]): string | undefined {
  const ranked = known.filter((candidate) => Math.abs(candidate.length - word.length) <= 2)
    .map((candidate) => ({ candidate, edits: editDistance(word, candidate) }))
    .filter(({ edits }) => edits <= 2)
    .toSorted((a, b) => a.edits - b.edits);
  return ranked[0]?.candidate;
}

/** Levenshtein, case folded. */
function editDistance(left: string, right: string): number {
  const [a, b] = [left.toLowerCase(), right.toLowerCase()];
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
