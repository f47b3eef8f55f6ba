/** Where a file stands in the tree, and so which house rules bind it. */
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** Path relative to the repository's root, with forward slashes; what lies outside of it is returned as it is. */
export function placeOf(filename: string): string {
  const path = filename.startsWith(ROOT) ? filename.slice(ROOT.length) : filename;
  return path.replaceAll("\\", "/").replace(/^\.\//, "");
}

export function baseName(place: string): string {
  return place.slice(place.lastIndexOf("/") + 1);
}

/** A test, wherever it lives: `machine_test.ts` beside `machine.ts`. */
export function isTest(place: string): boolean {
  return /_test\.tsx?$/.test(place);
}

/** The only code that may ask the machine for the time or for chance; tests and examples use what they like. */
export function mayBeAmbient(place: string): boolean {
  return /^(core\/runtime|tests|examples)\//.test(place);
}

/** Code that may name Deno or import `node:` modules: the shells, not the protocol. */
export function mayNameRuntime(place: string): boolean {
  return place === "mod.ts" || /^(core\/runtime|cli|tests|examples)\//.test(place);
}

/** The per-packet path: synchronous, and bad input is a value. */
export function isDatapath(place: string): boolean {
  if (isTest(place)) return false;
  return /^core\/(datapath|forwarding|wire)\//.test(place) ||
    /^plugins\/[^/]+\/(datapath|wire)\.ts$/.test(place);
}
