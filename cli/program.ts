/** All commands with their arguments. What they do is loaded when one runs, so that `selvage version` answers at once. */
import { Argument, Command, CommanderError, Option } from "commander";
import {
  type Add,
  addAddressOptions,
  addClientOptions,
  addConfigOptions,
  addOutputOption,
  logLevels,
  type Outcome,
} from "./command_parts.ts";
import { ExitCode, exitCodeOf } from "./exit_code.ts";
import { describeFailure } from "./failure.ts";
import { addHostModeCommands } from "./host_mode_commands.ts";
import { addIpamCommands } from "./ipam_commands.ts";
import { detachedCommand } from "./node/detached_command.ts";
import type { Io } from "./io.ts";
import { version } from "./version.ts";

/** Says what went wrong on standard error; the code says it to programs. Never rejects. */
export async function runCommandLine(argv: readonly string[], io: Io): Promise<ExitCode> {
  let code: ExitCode = ExitCode.ok;
  const program = createProgram(io, (outcome) => code = outcome ?? ExitCode.ok);
  try {
    await program.parseAsync([...argv], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
    io.say(describeFailure(error, io));
    return exitCodeOf(error);
  }
}

/** `done` hears what the command that ran came to. */
export function createProgram(io: Io, done: (outcome: Outcome) => void): Command {
  const program = new Command("selvage")
    .description("One flat, encrypted network across many hosts.")
    .version(version, "-V, --version")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.out(text),
      writeErr: (text) => io.say(text),
      outputError: (text, write) => write(text.replace(/^error: /, "selvage: ")),
      getOutHasColors: () => io.colours,
    });
  const add = (parent: Command): Add => (name, description, action) =>
    parent.command(name).description(description)
      .action(async (...args: unknown[]) => done(await action(...args)));
  addNodeCommands(io, add(program));
  program.command(detachedCommand, { hidden: true }).argument("[state-dir]", "shown in lists of processes")
    .action(async () => done(await (await import("./node/detached_node.ts")).runDetachedNode(io)));
  addMeshCommands(io, add(program));
  addTop(io, add(program));
  addHostModeCommands(io, program, add);
  addMemberCommands(io, program, add);
  addIpamCommands(io, program, add);
  addLocalCommands(io, program, add);
  addCompletion(io, program, done);
  return program;
}

function addNodeCommands(io: Io, add: Add): void {
  const launch = add(
    "launch [endpoints...]",
    "start this node: found a network, or resume the one it belongs to",
    async (endpoints, options) => (await import("./commands/launch.ts")).launch(io, endpoints, options),
  );
  const join = add(
    "join [token-or-endpoints...]",
    "join a network with a token (- reads it from standard input), or with a password through its members",
    async (words, options) => (await import("./commands/join.ts")).join(io, words, options),
  );
  launch.option("--resume", "go on with the targets of the last launch, as a launch without endpoints does");
  join.option("--token-file <file>", "read the token from a file ($SELVAGE_TOKEN holds one too)");
  for (const command of [launch, join]) {
    command
      .option(
        "--password-file <file>",
        "read the network's password from a file ($SELVAGE_PASSWORD holds one too)",
      )
      .option("--force", "take a password that is easily guessed")
      .option("--no-discovery", "set out for seeds and targets alone, not for members that they tell of")
      .option("--detach", "return when the node is ready and leave it running")
      .option("--pcap <file>", "write packets as endpoints see them, or as the underlay does: file:outer")
      .option("--pcap-limit <bytes>", "longest that this file gets: 500k, 100M (the default), 2G");
    addConfigOptions(command);
  }
}

function addMeshCommands(io: Io, add: Add): void {
  const connect = add(
    "connect <endpoints...>",
    "connect to endpoints, now and after every start",
    async (endpoints, options) => (await import("./commands/connect.ts")).connect(io, endpoints, options),
  ).option("--replace", "drop all other targets");
  const forget = add(
    "forget <endpoints...>",
    "stop connecting to endpoints, now and after every start",
    async (endpoints, options) => (await import("./commands/connect.ts")).forget(io, endpoints, options),
  );
  const log = add(
    "log",
    "show what the node logs, or change it until it stops",
    async (level, options) => (await import("./commands/log.ts")).log(io, level, options),
  )
    .addArgument(new Argument("[level]").choices(logLevels))
    .option("--scope <scope=level...>", "another level for one part: noise=debug");
  const status = add(
    "status",
    "show the node, or its peers, links, connections, ipam, targets or alerts",
    async (subject, options) => (await import("./commands/status.ts")).status(io, subject, options),
  )
    .addArgument(
      new Argument("[subject]").choices(["peers", "links", "connections", "ipam", "targets", "alerts"]),
    )
    .option("--check", `end with ${ExitCode.degraded} when the node is not well`)
    .option("-w, --watch", "show it again and again until interrupted")
    .option("--interval <seconds>", "between two times with --watch", "2");
  const report = add(
    "report",
    "print all about the node, without secrets, or what a Mustache template makes of it",
    async (options) => (await import("./commands/report.ts")).report(io, options),
  )
    .addOption(
      new Option("-o, --output <format>", "form of the data").choices(["json", "yaml"]).default("json"),
    )
    .addOption(new Option("-f, --template <text>", "print this template, filled in").conflicts("output"))
    .addOption(
      new Option("--template-file <file>", "the same, from a file").conflicts(["output", "template"]),
    );
  const ping = add(
    "ping <address-or-name>",
    "send echo requests to an overlay address or a node",
    async (to, options) => (await import("./commands/ping.ts")).ping(io, to, options),
  )
    .option("-c, --count <number>", "stop after so many; 0 goes on until interrupted", "4")
    .option("-i, --interval <seconds>", "from one to the next", "1")
    .option("-s, --size <bytes>", "of payload", "56")
    .option("-W, --timeout <seconds>", "to wait for each reply", "3")
    .option("-4, --ipv4", "to the node's IPv4 address")
    .option("-6, --ipv6", "to the node's IPv6 address");
  const stop = add(
    "stop",
    "stop the node, and return when it has stopped",
    async (options) => (await import("./commands/stop.ts")).stop(io, options),
  );
  for (const command of [connect, forget, status, report, ping, log, stop]) addClientOptions(command);
  for (const command of [status, ping, log]) addOutputOption(command);
}

function addTop(io: Io, add: Add): void {
  const top = add(
    "top",
    "show what goes between this node and its peers, as it goes; q ends it",
    async (options) => (await import("./commands/top.ts")).top(io, options),
  )
    .option("--once", "show one interval and end")
    .option("--interval <seconds>", "that is measured each time", "1");
  addOutputOption(addClientOptions(top));
}

function addMemberCommands(io: Io, program: Command, add: (parent: Command) => Add): void {
  const module = () => import("./commands/membership.ts");
  const token = program.command("token").description("make, list and revoke the tokens that hosts join with");
  const addToken = add(token);
  const create = addToken(
    "create",
    "make a token and show the command that joins with it",
    async (options) => (await module()).createToken(io, options),
  ).option("--lifetime <time>", "how long hosts may join with it: 90s, 30m, 24h, 7d", "24h");
  const list = addToken(
    "ls",
    "list the tokens made on this node",
    async (options) => (await module()).listTokens(io, options),
  ).alias("list");
  const revokeToken = addToken(
    "revoke <id>",
    "make a token useless, and change the network's key",
    async (id, options) => (await module()).revokeToken(io, id, options),
  );
  const members = add(program)(
    "members",
    "list who belongs to the network",
    async (options) => (await module()).listMembers(io, options),
  );
  const revoke = add(program)(
    "revoke <peer>",
    "shut a member out for good, by name or id, and change the network's key",
    async (peer, options) => (await module()).revokeMember(io, peer, options),
  );
  for (const command of [create, list, revokeToken, members, revoke]) addClientOptions(command);
  for (const command of [create, list, members]) addOutputOption(command);
}

/** The hidden one is what the scripts call: `selvage complete -- status pe`. */
function addCompletion(io: Io, program: Command, done: (outcome: Outcome) => void): void {
  const module = () => import("./commands/completion.ts");
  program.command("completion").description("print the script that completes commands in a shell")
    .addArgument(new Argument("<shell>").choices(["bash", "zsh", "fish"]))
    .action(async (shell) => done(await (await module()).printCompletion(io, shell)));
  program.command("complete", { hidden: true }).argument("[words...]")
    .action(async (words) => done(await (await module()).complete(io, words)));
}

function addLocalCommands(io: Io, program: Command, add: (parent: Command) => Add): void {
  const module = () => import("./commands/config.ts");
  const config = program.command("config").description("show and check the configuration");
  const addConfig = add(config);
  const show = addConfig(
    "show",
    "show every setting and where it comes from",
    async (options) => (await module()).showConfig(io, options),
  );
  addConfig(
    "schema",
    "print the JSON Schema of the configuration file",
    async () => (await module()).printSchema(io),
  );
  const check = addConfig(
    "check [file]",
    "check a configuration without starting anything",
    async (file, options) => (await module()).checkConfig(io, file, options),
  );
  for (const command of [show, check]) addConfigOptions(command);
  addOutputOption(show);

  const top = add(program);
  addAddressOptions(
    top(
      "reset",
      "stop this node and forget its network, its identity and its addresses for good",
      async (options) => (await import("./commands/reset.ts")).reset(io, options),
    ).option("--force", "do not ask"),
  );
  addOutputOption(
    top(
      "doctor",
      "say what this machine and this runtime can do",
      async (options) => (await import("./commands/doctor.ts")).doctor(io, options),
    ),
  );
  addOutputOption(
    top(
      "version",
      "print the version",
      async (options) => (await import("./commands/version.ts")).printVersion(io, options),
    ),
  );
}
