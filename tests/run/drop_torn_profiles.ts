/**
 * Removes coverage profiles that cannot be read: a program that a test kills on purpose may be killed while it writes
 * its own, and the report would stop at the first such file. Takes the folder as its argument.
 */
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

const [folder = "coverage"] = process.argv.slice(2);
for (const name of readdirSync(folder)) {
  if (name.endsWith(".json") && !isWhole(join(folder, name))) rmSync(join(folder, name));
}

function isWhole(path: string): boolean {
  try {
    JSON.parse(readFileSync(path, "utf8"));
    return true;
  } catch {
    return false;
  }
}
