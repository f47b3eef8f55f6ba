/** A third party's plugin: a module that exports `plugin`, made by `definePlugin`. */
import { isAbsolute, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { MeshError } from "../../core/contracts/errors.ts";
import type { AnyPluginFactory } from "../../core/contracts/plugin.ts";

/** `./policy.ts` is relative to `directory`, where the configuration file is; anything else is a package. */
export async function importPlugin(specifier: string, directory: string): Promise<AnyPluginFactory> {
  const module = await importModule(specifier, directory);
  const factory = module["plugin"];
  if (!isFactory(factory)) {
    throw new MeshError(
      "CONFIG_INVALID",
      `the module "${specifier}" has no export "plugin" made by definePlugin`,
    );
  }
  return factory;
}

async function importModule(specifier: string, directory: string): Promise<Record<string, unknown>> {
  const isPath = specifier.startsWith(".") || isAbsolute(specifier);
  const target = isPath ? pathToFileURL(resolve(directory, specifier)).href : specifier;
  try {
    return await import(target) as Record<string, unknown>;
  } catch (error) {
    const reason = (error instanceof Error ? error.message : String(error)).split("\n")[0]!;
    // That this very module asked for it helps nobody; another one, of the plugin, does.
    const told = reason.replace(` imported from ${fileURLToPath(import.meta.url)}`, "")
      .replace(` from "${import.meta.url}"`, "");
    throw new MeshError("CONFIG_INVALID", `cannot load the plugin "${specifier}": ${told}`, { cause: error });
  }
}

function isFactory(value: unknown): value is AnyPluginFactory {
  return typeof value === "function" && "slot" in value && "pluginName" in value && "config" in value;
}
