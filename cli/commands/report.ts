import { readFile } from "node:fs/promises";
import Mustache from "mustache";
import { MeshError } from "../../core/contracts/errors.ts";
import { type AddressOptions, connectAdmin } from "../admin_connection.ts";
import type { Io } from "../io.ts";
import { type OutputFormat, printable, printData } from "../output.ts";

export interface ReportOptions extends AddressOptions {
  readonly output: Exclude<OutputFormat, "table">;
  readonly template?: string;
  readonly templateFile?: string;
}

/** Rejects `INVALID_ARGUMENT` for a template that cannot be read, before the node is asked. */
export async function report(io: Io, options: ReportOptions): Promise<void> {
  const template = await templateOf(options);
  const client = await connectAdmin(options, io);
  const document = await client.report(io.interrupted);
  if (template === undefined) return await printData(io, options.output, document, () => "");
  const text = renderTemplate(template, document);
  io.out(text === "" || text.endsWith("\n") ? text : `${text}\n`);
}

async function templateOf({ template, templateFile }: ReportOptions): Promise<string | undefined> {
  const text = templateFile === undefined ? template : await readTemplate(templateFile);
  if (text === undefined) return undefined;
  try {
    Mustache.parse(text);
    return text;
  } catch (error) {
    throw new MeshError("INVALID_ARGUMENT", `Cannot use the template: ${(error as Error).message}`);
  }
}

async function readTemplate(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const { message } = cause as Error;
    throw new MeshError("INVALID_ARGUMENT", `Cannot read the template from ${path}: ${message}`, { cause });
  }
}

/**
 * Mustache without the escapes of HTML, which a terminal does not read; what a terminal does obey is taken out of the
 * document first, because `{{{name}}}` and `{{&name}}` pass by every escape.
 */
export function renderTemplate(template: string, document: unknown): string {
  const escape = (value: unknown) => typeof value === "object" ? JSON.stringify(value) : String(value);
  return Mustache.render(template, harmless(document), {}, { escape });
}

function harmless(value: unknown): unknown {
  if (typeof value === "string") return printable(value);
  if (Array.isArray(value)) return value.map(harmless);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, harmless(inner)]));
}
