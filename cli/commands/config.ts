/** The configuration as it will be used. */
import type { ConfigFlags } from "../config/config_flags.ts";
import { loadConfig } from "../config/load.ts";
import { configSchema } from "../config/schema.ts";
import { type ShownSetting, shownSettings } from "../config/shown_setting.ts";
import type { Io } from "../io.ts";
import { configFlags } from "../node/execute_order.ts";
import { columns, type OutputFormat, printData } from "../output.ts";

export async function showConfig(
  io: Io,
  options: ConfigFlags & { readonly output: OutputFormat },
): Promise<void> {
  const { effective } = await loadConfig(configFlags(options), io);
  await printData(io, options.output, { settings: shownSettings(effective) }, settingTable);
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

function settingTable({ settings }: { settings: readonly ShownSetting[] }): string {
  const rows = settings.map(({ path, value, origin }) => [
    path,
    typeof value === "string" ? value : JSON.stringify(value),
    origin,
  ]);
  return columns(["SETTING", "VALUE", "ORIGIN"], rows);
}
