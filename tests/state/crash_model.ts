/** What must be in the store after a kill, from what the killed process had reported. Knows no node. */
import { crc32 } from "node:zlib";
import type { StoreChange } from "../../core/contracts/store.ts";
import { type CrashReport, tooMuchKey } from "./crash_parts.ts";

type Content = Map<string, number>;

/**
 * Undefined when the store holds the first n batches that were asked for, for an n that counts every acknowledged one; else
 * what is wrong. The batch that does not fit counts as empty. `before` is what was there at first.
 */
export function contentFault(
  reports: readonly CrashReport[],
  found: readonly StoreChange[],
  before: readonly StoreChange[] = [],
): string | undefined {
  const asked = reports.flatMap((report) => "asked" in report ? [report.asked] : []);
  const batches = asked.filter((batch) => !batch.some(([key]) => key === tooMuchKey));
  const acknowledged = reports.filter((report) => "acknowledged" in report).length;
  const content: Content = sums(before);
  const actual = sums(found);
  let nearest: string | undefined;
  for (let applied = 0; applied <= batches.length; applied++) {
    if (applied >= acknowledged) {
      const difference = differenceOf(content, actual);
      if (difference === undefined) return undefined;
      nearest ??= difference;
    }
    for (const [key, sum] of batches[applied] ?? []) {
      if (sum === null) content.delete(key);
      else content.set(key, sum);
    }
  }
  return `after ${acknowledged} acknowledged of ${batches.length} batches: ${nearest}`;
}

function sums(changes: readonly StoreChange[]): Content {
  return new Map(changes.map(({ key, value }) => [key, crc32(value!)]));
}

function differenceOf(expected: Content, actual: Content): string | undefined {
  for (const [key, sum] of expected) {
    if (!actual.has(key)) return `${key} is missing`;
    if (actual.get(key) !== sum) return `${key} has another value`;
  }
  const more = [...actual.keys()].find((key) => !expected.has(key));
  return more === undefined ? undefined : `${more} is there`;
}
