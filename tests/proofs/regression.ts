/**
 * Inputs that once broke something: `regressions/<target>/<name>.hex`, hex digits with lines of words behind `#`. The
 * suite runs each of them on both runtimes.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { decodeHex, encodeHex } from "../../core/wire/hex.ts";
import { ROOT } from "../rules/source_files.ts";
import type { Finding } from "./run_job.ts";

const FOLDER = "tests/proofs/regressions";

export interface Regression {
  readonly target: string;
  readonly file: string;
  readonly input: Uint8Array;
}

export function regressions(): readonly Regression[] {
  return readdirSync(ROOT + FOLDER).flatMap((target) =>
    readdirSync(`${ROOT}${FOLDER}/${target}`).map((name) => {
      const file = `${FOLDER}/${target}/${name}`;
      return { target, file, input: parseRegression(readFileSync(ROOT + file, "utf8")) };
    })
  );
}

export function parseRegression(text: string): Uint8Array {
  const bytes = decodeHex(text.replaceAll(/#.*/g, "").replaceAll(/\s+/g, ""));
  if (bytes === undefined) throw new Error("a regression is lower-case hex, and words behind #");
  return bytes;
}

export function formatRegression(input: Uint8Array, words: string): string {
  const lines = encodeHex(input).replaceAll(/(.{1,96})/g, "$1\n");
  return `# ${words.split("\n")[0]}\n${lines}`;
}

/** A target's name as that of a folder. */
export function folderOf(target: string): string {
  return target.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
}

/** Writes what was found where the suite will find it; the path, undefined when no input can be named. */
export function keepRegression({ target, input, message }: Finding): string | undefined {
  if (target === undefined || input === undefined) return undefined;
  const name = createHash("sha256").update(input).digest("hex").slice(0, 12);
  const path = `${FOLDER}/${folderOf(target)}/${name}.hex`;
  mkdirSync(`${ROOT}${FOLDER}/${folderOf(target)}`, { recursive: true });
  writeFileSync(ROOT + path, formatRegression(input, message));
  return path;
}
