/** The four layers of a configuration: defaults, file, environment, flags; the later one wins. */
import { resolve } from "node:path";
import type { Io } from "../io.ts";
import { defaultSocket, defaultStateDir } from "../paths.ts";
import { type ConfigFile, readConfigFile } from "./config_file.ts";
import { type ConfigFlags, flagLayer } from "./config_flags.ts";
import { environmentLayer } from "./environment_layer.ts";
import type { Setting } from "./origin.ts";
import { resolveConfig, type ResolvedConfig } from "./resolve.ts";
import { configurableSlots, defaultPlugins, usualBeside } from "./settings.ts";

export interface LoadedConfig extends ResolvedConfig {
  /** Absolute; undefined when there is none. */
  readonly file: string | undefined;
}

/** Throws `CONFIG_INVALID`; a file that was named must exist. */
export async function loadConfig(flags: ConfigFlags, io: Io): Promise<LoadedConfig> {
  return await loadConfigFrom(await readConfigFile(flags.config, io), flags, io);
}

/** The configuration with this file, which has been read, in place of the one that is looked for. */
export async function loadConfigFrom(
  file: ConfigFile | undefined,
  flags: ConfigFlags,
  io: Io,
): Promise<LoadedConfig> {
  const given = [
    file === undefined ? [] : await fileLayer(file),
    environmentLayer(io.environment).map(withUsualBeside),
    flagLayer(flags),
  ];
  const path = file && resolve(file.name);
  return { ...await resolveConfig([defaultLayer(given, io), ...given], path), file: path };
}

/** Most nodes have no file: only one that has waits for a parser to load. */
async function fileLayer({ name, text }: ConfigFile): Promise<Setting[]> {
  const { yamlLayer } = await import("./yaml_layer.ts");
  return yamlLayer(name, text);
}

/** A variable that sets all of discovery, and names no plugin in it, says no more of those that run than one that sets a key. */
function withUsualBeside(setting: Setting): Setting {
  const { path, value } = setting;
  if (path.length !== 1 || path[0] !== "discovery") return setting;
  const entries: readonly unknown[] = Array.isArray(value) ? value : [value];
  const namesNone = entries.length > 0 &&
    entries.every((each) => typeof each === "object" && each !== null && !("use" in each));
  return namesNone ? { ...setting, value: [...entries, { use: usualBeside.discovery }] } : setting;
}

/** Behind all that is said of the others, of which nobody has named the plugin. */
function besideDiscovery(given: readonly Setting[]): readonly (readonly [readonly string[], unknown])[] {
  const said = given.filter(({ path: [slot] }) => slot === "discovery").map(({ path }) => path);
  if (said.some((path) => path.length === 1 || path.at(-1) === "use")) return [];
  const last = said.map(([, step]) => Number(step)).filter(Number.isSafeInteger);
  return [[["discovery", String(1 + Math.max(0, ...last)), "use"], usualBeside.discovery]];
}

/** Paths depend on what is given, so this layer is made last and counts least. */
function defaultLayer(given: readonly (readonly Setting[])[], io: Io): Setting[] {
  const stateDir = given.flat().findLast(({ path }) => path.join(".") === "stateDir")?.value;
  const directory = typeof stateDir === "string" ? stateDir : defaultStateDir(io);
  const socket = defaultSocket(directory, stateDir !== undefined, io.privileged);
  const values: readonly (readonly [readonly string[], unknown])[] = [
    [["network"], "selvage"],
    [["stateDir"], directory],
    [["admin", "socket"], socket],
    [["log", "level"], "info"],
    [["log", "format"], "text"],
    ...configurableSlots.map((slot) =>
      [[...slot === "discovery" ? [slot, "0"] : [slot], "use"], defaultPlugins[slot]] as const
    ),
    ...besideDiscovery(given.flat()),
  ];
  return values.map(([path, value]) => ({ path, value, origin: { from: "default" } }));
}
