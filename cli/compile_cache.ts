/**
 * What Node has compiled of this program, kept for its next start, which needs 50 ms of a processor less with it: a sixth
 * of a start, which is as long as a node is away when it restarts. Deno does this by itself.
 */
import { existsSync, lstatSync, mkdirSync, realpathSync, rmSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import process from "node:process";
import { version } from "./version.ts";

/**
 * Begins to keep it below `directory`; where that cannot be, the program starts as slowly as the first time. Only for the
 * built program: sources change with every edit.
 */
export function keepCompiled(directory: string, environment: NodeJS.ProcessEnv = process.env): void {
  if ("Deno" in globalThis || !import.meta.url.endsWith(".js")) return;
  // The variables are Node's own: whoever sets one has chosen another place, or none.
  if (environment["NODE_COMPILE_CACHE"] || environment["NODE_DISABLE_COMPILE_CACHE"]) return;
  const place = compiledPlace(directory);
  if (place !== undefined) process.getBuiltinModule("node:module").enableCompileCache(place);
}

/**
 * Makes the directory for this version, and removes those of others with all that is in them. Undefined where anybody else
 * could write, or put another directory in its place: what is kept there is run. Nothing is removed before that is known.
 */
export function compiledPlace(directory: string): string | undefined {
  if (!isAbsolute(directory)) return undefined;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const own = realpathSync(directory);
    if (!isOurs(own) || !parentsOf(own).every(isOutOfReach)) return undefined;
    const all = join(own, "compiled");
    const place = join(all, version);
    if (!existsSync(place)) {
      rmSync(all, { recursive: true, force: true });
      mkdirSync(place, { recursive: true, mode: 0o700 });
    }
    return [all, place].every(isOurs) ? place : undefined;
  } catch {
    return undefined;
  }
}

function isOurs(path: string): boolean {
  const { uid, mode } = lstatSync(path);
  const isDirectory = (mode & 0o170_000) === 0o040_000;
  return isDirectory && uid === process.geteuid?.() && (mode & 0o022) === 0;
}

/** Whether nobody but root and this user can replace what is in there. In a sticky directory, such as /tmp, they cannot. */
function isOutOfReach(path: string): boolean {
  const { uid, mode } = lstatSync(path);
  return (uid === 0 || uid === process.geteuid?.()) && ((mode & 0o022) === 0 || (mode & 0o1000) !== 0);
}

function parentsOf(path: string): readonly string[] {
  const parent = dirname(path);
  return parent === path ? [] : [parent, ...parentsOf(parent)];
}
