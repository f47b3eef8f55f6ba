/** The configuration as it will be used. */
import type { ConfigFlags } from "../config/config_flags.ts";
import { loadConfig } from "../config/load.ts";
import { formatOrigin, formatPath, type Setting } from "../config/origin.ts";
import { configSchema } from "../config/schema.ts";
import type { Io } from "../io.ts";
import { configFlags } from "../node/execute_order.ts";
import { columns, type OutputFormat, printData } from "../output.ts";

interface ShownSetting {
  readonly path: string;
  readonly value: unknown;
  readonly origin: string;
}

export async function showConfig(
  io: Io,
  options: ConfigFlags & { readonly output: OutputFormat },
): Promise<void> {
  const { effective } = await loadConfig(configFlags(options), io);
  await printData(io, options.output, { settings: effective.map(shown) }, settingTable);
}

export function printSchema(io: Io): Promise<void> {
  io.out(`${JSON.stringify(configSchema(), null, 2)}\n`);
  return Promise.resolve();
}

/** Rejects `CONFIG_INVALID` with a line per problem. */
export async function checkConfig(io: Io, file: string | undefined, options: ConfigFlags): Promise<void> {
  const flags = configFlags(file === undefined ? options : { ...options, config: file });
  const config = await loadConfig(flags, io);
  io.say(`selvage: ${config.file ?? "the configuration, without a file,"} is good\n`);
}

function shown({ path, value, origin }: Setting): ShownSetting {
  return { path: formatPath(path), value: redacted(path, value), origin: formatOrigin(origin) };
}

/** By name: what a third party's plugin takes is not known here. */
const secretName = /pass(word|phrase)|secret|token|credential|private_?key|psk/i;

export function redacted(path: readonly string[], value: unknown): unknown {
  if (path.some((key) => secretName.test(key))) return "<redacted>";
  if (Array.isArray(value)) return value.map((item) => redacted([], item));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, redacted([key], inner)]));
}

function settingTable({ settings }: { settings: readonly ShownSetting[] }): string {
  const rows = settings.map(({ path, value, origin }) => [
    path,
    typeof value === "string" ? value : JSON.stringify(value),
    origin,
  ]);
  return columns(["SETTING", "VALUE", "ORIGIN"], rows);
}
