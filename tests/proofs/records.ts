/**
 * Full figures, kept where everybody can read them: a line of JSON for each run in `records.jsonl`, never changed, only
 * added to. What is worth the claim is committed with what it was measured on.
 */
import { execFileSync } from "node:child_process";
import { appendFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import process from "node:process";
import { ROOT } from "../rules/source_files.ts";
import type { Figures } from "./proof.ts";

export interface ProofRecord {
  /** ISO 8601, UTC. */
  readonly date: string;
  readonly proof: string;
  readonly unit: string;
  readonly count: number;
  readonly seed: number;
  /** Wall time of all sittings together. */
  readonly seconds: number;
  /** `node v26.10.0`. */
  readonly runtime: string;
  readonly machine: string;
  /** With a `+` when the tree had changes beside it. */
  readonly commit: string;
  /** `ok`, or the first line of what was found. */
  readonly result: string;
  readonly figures: Figures;
}

export const recordsFile = "tests/proofs/records.jsonl";

export function addRecord(record: ProofRecord): void {
  appendFileSync(ROOT + recordsFile, `${JSON.stringify(record)}\n`);
}

/** `AMD EPYC 7B13, 2 cores, 8 GiB`. */
export function machineName(): string {
  const cores = cpus();
  return `${cores[0]?.model.trim() ?? process.arch}, ${cores.length} cores, ${
    Math.round(totalmem() / 2 ** 30)
  } GiB`;
}

/** `unknown` where there is no repository, such as in an unpacked archive. */
export function commitName(): string {
  try {
    const git = (...args: string[]) => execFileSync("git", args, { cwd: ROOT, encoding: "utf8" }).trim();
    return git("rev-parse", "--short", "HEAD") + (git("status", "--porcelain") === "" ? "" : "+");
  } catch {
    return "unknown";
  }
}
