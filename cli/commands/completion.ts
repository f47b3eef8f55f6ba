/** Completion in shells: the script that a shell loads, and the answers that this script asks for. */
import type { Command } from "commander";
import { type AddressOptions, connectAdmin } from "../admin_connection.ts";
import { completionTree } from "../completion/command_tree.ts";
import { dynamicValues } from "../completion/dynamic_values.ts";
import { bashScript, zshScript } from "../completion/shell_scripts.ts";
import type { Io } from "../io.ts";
import { createProgram } from "../program.ts";

/** Nobody waits longer than this for a list to appear. */
const patienceMillis = 500;

/** Of an option whose value is a file or a directory, which the shell itself completes best. */
const fileValue = /<(file|directory|path)>$/;
/** "Complete files", to the scripts: the library's directive 0. */
const filesDirective = ":0\n";

/** Prints the script for `bash`, `zsh` or `fish`. */
export async function printCompletion(io: Io, shell: string): Promise<void> {
  if (shell === "bash") return io.out(bashScript);
  if (shell === "zsh") return io.out(zshScript);
  const { script } = await import("@bomb.sh/tab");
  script(shell, "selvage", "selvage");
}

/** Answers a script: `words` are the command line after `selvage`, the last one being the word at the cursor. */
export async function complete(io: Io, words: readonly string[]): Promise<void> {
  const program = createProgram(io, () => {});
  if (takesFile(program, words.at(-2) ?? "")) return io.out(filesDirective);
  const before = words.slice(0, -1);
  const patience = new AbortController();
  const timer = io.clock.timer(io.clock.now() + patienceMillis, () => patience.abort());
  const signal = AbortSignal.any([io.interrupted, patience.signal]);
  const values = await dynamicValues(before, () => connectAdmin(addressIn(before), io), signal);
  timer.cancel();
  completionTree(program, values).parse([...words]);
}

/** Whether `word` is such an option of any command: none of them means something else elsewhere. */
function takesFile({ commands, options }: Command, word: string): boolean {
  return options.some(({ long, flags }) => long === word && fileValue.test(flags)) ||
    commands.some((command) => takesFile(command, word));
}

/** Which node the line being written means. */
function addressIn(words: readonly string[]): AddressOptions {
  const valueOf = (option: string) => {
    const at = words.indexOf(option);
    return at < 0
      ? words.find((word) => word.startsWith(`${option}=`))?.slice(option.length + 1)
      : words[at + 1];
  };
  const given = {
    config: valueOf("--config"),
    stateDir: valueOf("--state-dir"),
    socket: valueOf("--socket"),
    admin: valueOf("--admin"),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
