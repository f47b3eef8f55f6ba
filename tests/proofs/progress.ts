/** How far a run by hand has come, so that it can be interrupted. In a folder that is neither committed nor packed. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../rules/source_files.ts";
import type { Reached, Runtime } from "./run_job.ts";

const FOLDER = join(ROOT, "node_modules/.cache/selvage-proofs");

export const nothingYet: Reached = { units: 0, next: 0, seconds: 0, figures: {} };

/** One for each proof, runtime and seed. */
export class Progress {
  readonly #path: string;

  constructor(name: string, runtime: Runtime, seed: number) {
    this.#path = join(FOLDER, `${name}-${runtime}-${seed}.json`);
  }

  read(): Reached {
    try {
      return JSON.parse(readFileSync(this.#path, "utf8")) as Reached;
    } catch {
      return nothingYet;
    }
  }

  write(reached: Reached): void {
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(this.#path, JSON.stringify(reached));
  }

  forget(): void {
    rmSync(this.#path, { force: true });
  }
}
