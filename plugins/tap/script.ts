/**
 * Changes to the machine, as shell scripts: all steps of one change cost one process to start instead of one each, and
 * they go on to their end, or to the kill that precedes the undoing, when this process dies in the middle.
 *
 * The texts are built from checked values only (addresses, numbers, names of a known form). A path is an argument.
 */
import { MeshError } from "../../core/contracts/errors.ts";
import { type Command, type CommandResult, runCommand } from "../../core/runtime/command.ts";

export interface Script {
  /** Follows "Cannot" in an error: `attach netns:4:1`. */
  readonly purpose: string;
  readonly text: string;
  /** `$1` and on. */
  readonly args?: readonly string[];
  /** Path of the namespace in which it runs; this process's own by default. */
  readonly namespace?: string;
}

export type RunCommand = (command: Command, signal?: AbortSignal) => Promise<CommandResult>;

/**
 * Runs a script whose first failing command ends it, and returns what it printed. Rejects `UNSUPPORTED` without the
 * rights or the programs, else `PLUGIN_FAILED` with `details.exit`, its exit code, and `details.errors`, what it said;
 * and as `runCommand` does.
 */
export async function runScript(
  script: Script,
  signal?: AbortSignal,
  run: RunCommand = runCommand,
): Promise<string> {
  const result = await run(commandOf(script), signal);
  if (result.code === 0) return result.stdout;
  throw failure(script, result);
}

/** Linux takes no argument of 128 KiB or more. */
const longestArgument = 100_000;

/** A text too long for one argument is several, which the shell puts together. */
const joining = 'n=$1; shift; s=; while [ "$n" -gt 0 ]; do s=$s$1; shift; n=$((n - 1)); done; eval "$s"';

function commandOf({ text, args = [], namespace }: Script): Command {
  const parts = text.match(new RegExp(`[^]{1,${longestArgument}}`, "g")) ?? [];
  const shell = parts.length < 2
    ? ["sh", "-euc", text, "sh", ...args]
    : ["sh", "-euc", joining, "sh", `${parts.length}`, ...parts, ...args];
  if (namespace === undefined) return { program: "sh", args: shell.slice(1) };
  return { program: "nsenter", args: [`--net=${namespace}`, "--", ...shell] };
}

function failure({ purpose }: Script, { code, stderr }: CommandResult): MeshError {
  const errors = stderr.trim().split("\n").slice(0, 5).join("; ");
  const details = { exit: code, errors };
  if (/not permitted|permission denied/i.test(errors)) {
    const hint = "this needs CAP_NET_ADMIN and CAP_SYS_ADMIN; run as root, or use the port userspace";
    return new MeshError("UNSUPPORTED", `Cannot ${purpose}: ${errors}; ${hint}`, { details });
  }
  return new MeshError("PLUGIN_FAILED", `Cannot ${purpose}: ${errors || `exit code ${code}`}`, { details });
}

/** Exit code of a script that failed, undefined for any other error. */
export function exitCodeOf(error: unknown): number | undefined {
  const exit = error instanceof MeshError ? error.details["exit"] : undefined;
  return typeof exit === "number" ? exit : undefined;
}

/** A here-document for a program's standard input, which shells hand over by a pipe or a file; `after` ends the command. */
export function fed(command: string, input: string, after = ""): string {
  return `${command} <<'END' ${after}\n${input.trimEnd()}\nEND\n`;
}
