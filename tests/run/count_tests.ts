/** How many tests a command ran and which failed, read from what it printed. */
import { stripVTControlCharacters } from "node:util";

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export const NONE: Counts = { passed: 0, failed: 0, skipped: 0 };

export function addCounts(a: Counts, b: Counts): Counts {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

/** undefined when the output holds no summary: nothing ran, or the run ended before its end. */
export function countTests(output: string): Counts | undefined {
  const plain = stripVTControlCharacters(output);
  return countDeno(plain) ?? countNode(plain);
}

/** `ok | 12 passed (3 steps) | 0 failed | 1 ignored (2s)` */
function countDeno(output: string): Counts | undefined {
  const summary = [...output.matchAll(/^(?:ok|FAILED) \| (.*)$/gm)].at(-1)?.[1];
  if (summary === undefined) return undefined;
  const number = (word: string) => Number(new RegExp(`(\\d+) ${word}`).exec(summary)?.[1] ?? 0);
  return { passed: number("passed"), failed: number("failed"), skipped: number("ignored") };
}

/** `ℹ pass 12`, a line for each kind. What ran out of time is cancelled, and so has failed. */
function countNode(output: string): Counts | undefined {
  const number = (word: string) => [...output.matchAll(new RegExp(`^ℹ ${word} (\\d+)$`, "gm"))].at(-1)?.[1];
  const [passed, failed, cancelled, skipped] = ["pass", "fail", "cancelled", "skipped"].map(number);
  if (passed === undefined) return undefined;
  return {
    passed: Number(passed),
    failed: Number(failed ?? 0) + Number(cancelled ?? 0),
    skipped: Number(skipped ?? 0),
  };
}

/** The names of what failed, as the runner tells them at its end. Where they stand is no help: all register in one place. */
export function failedTests(output: string): string[] {
  const plain = stripVTControlCharacters(output);
  return [...failedOnDeno(plain), ...failedOnNode(plain)];
}

/** ` FAILURES `, an empty line, then `name => ./file.ts:1:2` for each. */
function failedOnDeno(output: string): string[] {
  const sections = output.split(/^ FAILURES *$/m).slice(1);
  return sections.flatMap((section) =>
    [...section.matchAll(/^(?:(\S.*) => \S+:\d+:\d+|(\S+ \(uncaught error\)))$/gm)].map((match) =>
      match[1] ?? match[2]!
    )
  );
}

/** `✖ failing tests:`, then for each `test at file.ts:1:2` and `✖ name (12ms)`. */
function failedOnNode(output: string): string[] {
  const section = output.split(/^✖ failing tests:$/m)[1] ?? "";
  return [...section.matchAll(/^test at \S+\n✖ (.*) \([\d.]+ms\)$/gm)].map((match) => match[1]!);
}
