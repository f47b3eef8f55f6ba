/** What is wrong with a configuration, all of it at once, each with the place it was written at. */
import { MeshError } from "../../core/contracts/errors.ts";
import type { SchemaIssue } from "../../core/contracts/schema.ts";
import type { Merged } from "./merge.ts";
import { formatOrigin, formatPath } from "./origin.ts";

type Step = string | number;

/** Further problems are only counted: a file that is no configuration at all has one in every line. */
const shownProblems = 50;

export class Problems {
  readonly #merged: Merged;
  readonly #lines: string[] = [];
  #more = 0;

  constructor(merged: Merged) {
    this.#merged = merged;
  }

  add(path: readonly Step[], message: string): void {
    if (this.#lines.length === shownProblems) return void this.#more++;
    const origin = this.#merged.at(path)?.origin ?? { from: "default" };
    const place = origin.from === "default" ? "" : `${formatOrigin(origin)}: `;
    this.#lines.push(`${place}${formatPath(path)}: ${message}`);
  }

  /** Issues of a schema that was run on what stands under `root`; `known` are the keys it would have taken there. */
  addIssues(root: readonly Step[], issues: readonly SchemaIssue[], known: readonly string[] = []): void {
    for (const issue of issues) {
      const path = [...root, ...(issue.path ?? []).map(stepOf)];
      const unknown = unknownKeys(issue);
      if (unknown.length === 0) this.add(path, issue.message);
      for (const key of unknown) {
        const isShown = this.#lines.length < shownProblems;
        const close = isShown && path.length === root.length ? closest(key, known) : undefined;
        this.add([...path, key], `unknown setting${close === undefined ? "" : `; did you mean "${close}"?`}`);
      }
    }
  }

  /** Throws `CONFIG_INVALID` with a line per problem, if there is any. */
  throwIfAny(): void {
    if (this.#lines.length === 0) return;
    const problems = [...this.#lines, ...this.#more > 0 ? [`and ${this.#more} more problems`] : []];
    throw new MeshError("CONFIG_INVALID", problems.join("\n"), { details: { problems } });
  }
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
