/** Data for people and for programs: tables, JSON, YAML. */
import { styleText } from "node:util";
import type { Io } from "./io.ts";

export type OutputFormat = "table" | "json" | "yaml";
export const outputFormats: readonly OutputFormat[] = ["table", "json", "yaml"];

/** Prints `document` as asked; `table` makes the text for people. */
export async function printData<T>(
  io: Io,
  format: OutputFormat,
  document: T,
  table: (document: T) => string,
): Promise<void> {
  if (format === "json") return io.out(`${jsonText(document)}\n`);
  if (format === "yaml") return io.out((await import("yaml")).stringify(document));
  io.out(table(document));
}

/** JSON leaves in what a terminal may still obey: DEL and the controls of eight bits. Escaped they are the same JSON. */
function jsonText(document: unknown): string {
  return JSON.stringify(document, null, 2).replaceAll(
    /[\u007f-\u009f]/g,
    (control) => `\\u00${control.charCodeAt(0).toString(16)}`,
  );
}

/** Changes how a cell looks, once it has its width; what it adds must not be visible. */
export type CellStyle = (padded: string, column: number) => string;

/** Columns padded to their widest cell, the last one left ragged; just the header when there are no rows. */
export function columns(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  style: CellStyle = (padded) => padded,
): string {
  const all = [header, ...rows].map((row) => row.map(printable));
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const padded = all.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)));
  const lines = padded.map((row, index) => (index === 0 ? row : row.map(style)).join("   ").trimEnd());
  return lines.map((line) => `${line}\n`).join("");
}

/** Right-aligned `Key: value` lines, as users of Weave know its status. */
export function keyValues(pairs: readonly (readonly [string, string])[], width = 0): string {
  const widest = Math.max(width, ...pairs.map(([key]) => key.length));
  return pairs.map(([key, value]) => `${key.padStart(widest)}: ${value}\n`).join("");
}

/** Names and reasons come from other hosts too: none of them may move the cursor or forge a line. */
export function printable(text: string): string {
  // deno-lint-ignore no-control-regex -- they are what must not pass
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, "\ufffd");
}

type Style = Parameters<typeof styleText>[0];

export function styled(io: Pick<Io, "colours">, style: Style, text: string): string {
  return io.colours ? styleText(style, text, { validateStream: false }) : text;
}
