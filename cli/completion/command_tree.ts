/**
 * The commands of commander as the completion library wants them. Its own adapter for commander was rejected: it adds
 * its commands to the program and reads the arguments of the process, so it would be loaded by every command.
 */
import { type Command as CompletionCommand, RootCommand } from "@bomb.sh/tab";
import type { Argument, Command, Option } from "commander";

/** What may follow, for an argument that has values only a running node knows; by command, as `token revoke`. */
export type DynamicValues = ReadonlyMap<string, readonly Suggestion[]>;

export interface Suggestion {
  readonly value: string;
  readonly description: string;
}

/** Ready to `parse` the words of a command line. Prints to standard output. */
export function completionTree(program: Command, values: DynamicValues): RootCommand {
  const root = new RootCommand();
  for (const [path, command] of visibleCommands(program)) {
    const target = root.command(path, command.description());
    for (const option of command.createHelp().visibleOptions(command)) addOption(target, option);
    for (const argument of command.registeredArguments) addArgument(target, argument, values.get(path));
  }
  return root;
}

/** Every command under its whole name, without those that are hidden. */
function visibleCommands(parent: Command, prefix = ""): (readonly [string, Command])[] {
  return parent.createHelp().visibleCommands(parent).flatMap((command) => {
    const path = `${prefix}${command.name()}`;
    return [[path, command] as const, ...visibleCommands(command, `${path} `)];
  });
}

function addOption(target: CompletionCommand, option: Option): void {
  const name = option.long?.slice(2);
  if (name === undefined) return;
  const short = option.short?.slice(1);
  const takesValue = option.required || option.optional;
  if (!takesValue) target.option(name, option.description, short ?? name);
  else target.option(name, option.description, (complete) => offer(complete, option.argChoices), short);
}

function addArgument(
  target: CompletionCommand,
  argument: Argument,
  values: readonly Suggestion[] | undefined,
): void {
  target.argument(argument.name(), (complete) => {
    offer(complete, argument.argChoices);
    for (const { value, description } of values ?? []) complete(value, description);
  }, argument.variadic);
}

function offer(complete: (value: string, description: string) => void, choices: string[] | undefined): void {
  for (const choice of choices ?? []) complete(choice, "");
}
