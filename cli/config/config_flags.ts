/** Options of the command line that are settings. */
import type { Setting } from "./origin.ts";

/** By name; `config` is the file and not a setting. */
export interface ConfigFlags {
  readonly config?: string | undefined;
  readonly name?: string | undefined;
  readonly network?: string | undefined;
  readonly stateDir?: string | undefined;
  readonly socket?: string | undefined;
  readonly listen?: string | undefined;
  readonly range?: string | undefined;
  readonly logLevel?: string | undefined;
  readonly logFormat?: string | undefined;
}

interface FlagSetting {
  readonly name: Exclude<keyof ConfigFlags, "config">;
  readonly flag: string;
  readonly path: readonly string[];
}

export const flagSettings: readonly FlagSetting[] = [
  { name: "name", flag: "--name", path: ["name"] },
  { name: "network", flag: "--network", path: ["network"] },
  { name: "stateDir", flag: "--state-dir", path: ["stateDir"] },
  { name: "socket", flag: "--socket", path: ["admin", "socket"] },
  { name: "listen", flag: "--listen", path: ["transport", "listen"] },
  { name: "range", flag: "--range", path: ["ipam", "range"] },
  { name: "logLevel", flag: "--log-level", path: ["log", "level"] },
  { name: "logFormat", flag: "--log-format", path: ["log", "format"] },
];

export const configFlagNames: readonly (keyof ConfigFlags)[] = [
  "config",
  ...flagSettings.map(({ name }) => name),
];

export function flagLayer(flags: ConfigFlags): Setting[] {
  return flagSettings.filter(({ name }) => flags[name] !== undefined)
    .map(({ name, flag, path }) => ({ path, value: flags[name], origin: { from: "flag", flag } }));
}
