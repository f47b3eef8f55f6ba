/** The tree as the rules see it: what is written by hand, without what is installed or built. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The repository's root, with a slash at its end. */
export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Folders that hold TypeScript of ours, and the one file beside them. */
export const SOURCE_ROOTS = ["mod.ts", "core", "plugins", "cli", "tests", "examples"] as const;

const NOT_OURS = new Set([".git", "node_modules", "dist", "coverage"]);

/** Every file below the root by its path relative to it, sorted, with forward slashes. */
export function allFiles(): string[] {
  return listFiles("").sort();
}

/** Every TypeScript source and test below {@link SOURCE_ROOTS}. */
export function sourceFiles(): string[] {
  const inRoots = (path: string) => SOURCE_ROOTS.some((root) => path === root || path.startsWith(`${root}/`));
  return allFiles().filter((path) => path.endsWith(".ts") && inRoots(path));
}

/** Names in a folder that are folders themselves; an absent folder has none. */
export function foldersIn(path: string): string[] {
  return entriesOf(path).filter((entry) => entry.isDirectory()).map((entry) => entry.name).sort();
}

export function readText(path: string): string {
  return readFileSync(ROOT + path, "utf8");
}

export function readJson(path: string): unknown {
  return JSON.parse(readText(path));
}

function listFiles(folder: string): string[] {
  return entriesOf(folder).flatMap((entry) => {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return NOT_OURS.has(entry.name) ? [] : listFiles(path);
    return [path];
  });
}

function entriesOf(path: string) {
  try {
    return readdirSync(ROOT + path, { withFileTypes: true });
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return [];
    throw error;
  }
}
