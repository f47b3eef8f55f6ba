/** What commands have in common: how one is added, and options that several take. */
import { type Command, Option } from "commander";
import type { ExitCode } from "./exit_code.ts";
import { outputFormats } from "./output.ts";

/** What a command comes to; nothing means that all went well. */
export type Outcome = ExitCode | void;
// deno-lint-ignore no-explicit-any -- commander hands over arguments and options by position, untyped
type Action = (...args: any[]) => Promise<Outcome>;
/** Adds a command to one parent. */
export type Add = (name: string, description: string, action: Action) => Command;

export const logLevels = ["debug", "info", "warn", "error"];

/** Options that are settings. */
export function addConfigOptions(command: Command): Command {
  return addAddressOptions(command)
    .option("--name <name>", "name of this node, unique in the network")
    .option("--network <name>", "name of the network to found, or whose password is given")
    .option("--listen <endpoint>", "where the transport listens: address:port")
    .option("--range <cidr>", "IPv4 range of a network that is founded")
    .option("--default-subnet <cidr>", "where addresses come from when attach asks for none")
    .option(
      "--trusted-subnets <cidrs>",
      "where packets cross unencrypted, to peers that list this host likewise",
    )
    .option("--host-mode", "give containers of this host interfaces too; needs root")
    .addOption(new Option("--log-level <level>").choices(logLevels))
    .addOption(new Option("--log-format <format>").choices(["text", "json"]));
}

/** Options that tell which node is meant. */
export function addAddressOptions(command: Command): Command {
  return command
    .option("--config <file>", "configuration file ($SELVAGE_CONFIG)")
    .option("--state-dir <directory>", "directory of the node's state")
    .option("--socket <path>", "unix socket of the node's admin API");
}

/** Of commands that only speak to a node, however far it is from its socket. */
export function addClientOptions(command: Command): Command {
  return addAddressOptions(command)
    .option("--admin <url>", "address of the node's admin API on TCP, instead of its socket");
}

export function addOutputOption(command: Command): Command {
  return command.addOption(
    new Option("-o, --output <format>", "form of the data").choices(outputFormats).default("table"),
  );
}
