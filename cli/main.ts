#!/usr/bin/env node
/** The `selvage` program. Importing it starts nothing; each command loads what it needs when it runs. */
import process from "node:process";
import { keepCompiled } from "./compile_cache.ts";
import { ExitCode } from "./exit_code.ts";
import { type Io, processIo } from "./io.ts";
import { cacheDir } from "./paths.ts";

/** Runs one command line, without program name, and never rejects. */
export async function main(argv: readonly string[], io: Io): Promise<ExitCode> {
  const { runCommandLine } = await import("./program.ts");
  return await runCommandLine(argv, io);
}

/** {@link main} as a whole process: ends it when the command is done, whatever a plugin may have left open. */
export async function runProgram(argv: readonly string[]): Promise<never> {
  const io = processIo();
  keepCompiled(cacheDir(io));
  const code = await main(argv, io);
  await new Promise((resolve) => process.stdout.write("", resolve));
  process.exit(code);
}

if (import.meta.main) void runProgram(process.argv.slice(2));

// A Node before 24.2 does not tell which module is the program; it would end here with 0 and without a word.
if (import.meta.main === undefined) {
  process.stderr.write(`selvage: needs Node 24.2 or later, or Deno; this is Node ${process.version}\n`);
  process.exitCode = ExitCode.failed;
}

export { ExitCode };
