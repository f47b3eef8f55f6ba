/** Which file configures a node. */
import { readFile } from "node:fs/promises";
import { MeshError } from "../../core/contracts/errors.ts";
import type { Io } from "../io.ts";
import { systemConfigFile } from "../paths.ts";

export interface ConfigFile {
  /** As it was named, for messages. */
  readonly name: string;
  readonly text: string;
}

/**
 * The file that the option names, else that of `SELVAGE_CONFIG`, else the system's if there is one. Rejects
 * `CONFIG_INVALID` for a named file that cannot be read.
 */
export async function readConfigFile(option: string | undefined, io: Io): Promise<ConfigFile | undefined> {
  const named = option ?? io.environment["SELVAGE_CONFIG"];
  const name = named ?? systemConfigFile;
  try {
    return { name, text: await readFile(name, "utf8") };
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (named === undefined && code === "ENOENT") return undefined;
    const reason = code === "ENOENT" ? "there is no such file" : message;
    throw new MeshError("CONFIG_INVALID", `Cannot read the configuration ${name}: ${reason}`, { cause });
  }
}
