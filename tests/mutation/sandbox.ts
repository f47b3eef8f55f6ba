/** A copy of the tree in which a file may be broken: the tree itself is never touched. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { ROOT } from "../rules/source_files.ts";

const COPIED = ["core", "plugins", "cli", "examples", "tests", "mod.ts", "package.json", "deno.json"];

export type TestResult = "passed" | "failed" | "timed out";

export class Sandbox implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "selvage-mutation-"));

  constructor() {
    for (const name of COPIED) cpSync(ROOT + name, join(this.#folder, name), { recursive: true });
    symlinkSync(`${ROOT}node_modules`, join(this.#folder, "node_modules"));
  }

  read(file: string): string {
    return readFileSync(join(this.#folder, file), "utf8");
  }

  has(file: string): boolean {
    return existsSync(join(this.#folder, file));
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.#folder, file), text);
  }

  /** Runs a test file of the copy on Node. */
  async test(file: string, limitMillis: number): Promise<TestResult> {
    const flags = [
      "-C",
      "source",
      "--test",
      "--test-isolation=none",
      "--test-force-exit",
      "--max-old-space-size=600",
    ];
    const child = spawn(process.execPath, [...flags, file], { cwd: this.#folder, stdio: "ignore" });
    let isLate = false;
    const limit = setTimeout(() => {
      isLate = true;
      child.kill("SIGKILL");
    }, limitMillis);
    const [code] = await once(child, "close") as [number | null];
    clearTimeout(limit);
    if (isLate) return "timed out";
    return code === 0 ? "passed" : "failed";
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
