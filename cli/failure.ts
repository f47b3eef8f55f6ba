/** Failures as text for people: one clear sentence each, the rest for those who ask. */
import type { Io } from "./io.ts";

/** `selvage: …`, with every line of a longer message under it; `SELVAGE_DEBUG` adds the stacks of error and causes. */
export function describeFailure(error: unknown, { environment }: Pick<Io, "environment">): string {
  const [first, ...rest] = messageOf(error).split("\n");
  const lines = [`selvage: ${first}`, ...rest.map((line) => `         ${line}`)];
  if (environment["SELVAGE_DEBUG"]) lines.push(...stacks(error));
  return `${lines.join("\n")}\n`;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function stacks(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  return [error.stack ?? String(error), ...stacks(error.cause)];
}
