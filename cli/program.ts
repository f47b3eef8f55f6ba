/** All commands with their arguments. What they do is loaded when one runs, so that `selvage version` answers at once. */
import { Argument, Command, CommanderError, Option } from "commander";
import { ExitCode, exitCodeOf } from "./exit_code.ts";
import { describeFailure } from "./failure.ts";
import { detachedCommand } from "./node/detached_command.ts";
import type { Io } from "./io.ts";
import { outputFormats } from "./output.ts";
import { version } from "./version.ts";

const logLevels = ["debug", "info", "warn", "error"];

/** What a command comes to; nothing means that all went well. */
type Outcome = ExitCode | void;
// deno-lint-ignore no-explicit-any -- commander hands over arguments and options by position, untyped
type Action = (...args: any[]) => Promise<Outcome>;
type Add = (name: string, description: string, action: Action) => Command;

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
  addEndpointCommands(io, add(program));
  addHostCommands(io, add(program));
  addBridgeCommands(io, add(program));
  addServiceCommands(io, program, add);
  addMemberCommands(io, program, add);
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
  join.option("--token-file <file>", "read the token from a file ($SELVAGE_TOKEN holds one too)");
  for (const command of [launch, join]) {
    command
      .option(
        "--password-file <file>",
        "read the network's password from a file ($SELVAGE_PASSWORD holds one too)",
      )
      .option("--force", "take a password that is easily guessed")
      .option("--detach", "return when the node is ready and leave it running")
      .option("--pcap <file>", "write packets as endpoints see them, or as the underlay does: file:outer")
      .option("--pcap-limit <bytes>", "longest that this file gets: 500k, 100M (the default), 2G");
    addConfigOptions(command);
  }
}

/** Options that are settings. */
function addConfigOptions(command: Command): Command {
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
function addAddressOptions(command: Command): Command {
  return command
    .option("--config <file>", "configuration file ($SELVAGE_CONFIG)")
    .option("--state-dir <directory>", "directory of the node's state")
    .option("--socket <path>", "unix socket of the node's admin API");
}

/** Of commands that only speak to a node, however far it is from its socket. */
function addClientOptions(command: Command): Command {
  return addAddressOptions(command)
    .option("--admin <url>", "address of the node's admin API on TCP, instead of its socket");
}

function addOutputOption(command: Command): Command {
  return command.addOption(
    new Option("-o, --output <format>", "form of the data").choices(outputFormats).default("table"),
  );
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
    "show the node, or its peers, connections, ipam, targets or alerts",
    async (subject, options) => (await import("./commands/status.ts")).status(io, subject, options),
  )
    .addArgument(new Argument("[subject]").choices(["peers", "connections", "ipam", "targets", "alerts"]))
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

function addEndpointCommands(io: Io, add: Add): void {
  const module = () => import("./commands/attach.ts");
  const several = (text: string, before: readonly string[]) => [...before, text];
  const attach = add(
    "attach <place>",
    "give a network namespace (path or name), process, container (id) or the host an interface with addresses",
    async (place, options) => (await module()).attach(io, place, options),
  )
    .option(
      "--ip <address>",
      "10.32.1.5, ip:10.32.1.5/24, net:10.32.2.0/24 or net:default; may be repeated",
      several,
      [],
    )
    .option("--name <name>", "name of the endpoint")
    .option("--namespace <name>", "what policies call its namespace")
    .option("--label <key=value>", "what policies select by; may be repeated", several, [])
    .option("--mtu <bytes>", "of the interface, 1280 to what the network carries")
    .option("--mac <address>", "of the interface, 02:00:00:00:00:01")
    .option("--allow-l2", "let frames through that are no untagged IP or ARP")
    .option("--no-default-route", "set no default route")
    .option("--no-multicast-route", "set no route for multicast");
  const detach = add(
    "detach <place>",
    "take the interface away and give its addresses back, or some of them only",
    async (place, options) => (await module()).detach(io, place, options),
  ).option("--ip <address>", "only this one, in a form that attach takes; may be repeated", several, []);
  const ps = add(
    "ps",
    "list who has addresses on this node",
    async (options) => (await module()).listEndpoints(io, options),
  );
  for (const command of [attach, detach, ps]) addClientOptions(command);
  for (const command of [attach, ps]) addOutputOption(command);
}

function addBridgeCommands(io: Io, add: Add): void {
  const module = () => import("./commands/bridge.ts");
  const attach = add(
    "attach-bridge [device]",
    "join a bridge of this host with all that is behind it; without one, list bridges and devices",
    async (device, options) => (await module()).attachBridge(io, device, options),
  );
  const detach = add(
    "detach-bridge <device>",
    "part a bridge of this host from the network",
    async (device, options) => (await module()).detachBridge(io, device, options),
  );
  for (const command of [attach, detach]) addClientOptions(command);
  addOutputOption(attach);
}

function addHostCommands(io: Io, add: Add): void {
  const module = () => import("./commands/expose.ts");
  const expose = add(
    "expose [addresses...]",
    "give this host itself addresses of the network, and let others in and out through it",
    async (addresses, options) => (await module()).expose(io, addresses, options),
  )
    .option("-h, --hostname <name>", "name of the host in the network")
    .option("--without-masquerade", "leave the sources of what enters and leaves as they are")
    .option("--random-fully", "choose translated source ports by chance")
    .option("--no-masq-local", "let endpoints of this host see the source of what enters for them")
    .helpOption("--help", "display help for command");
  const hide = add(
    "hide [addresses...]",
    "take addresses of this host away again, all by default",
    async (addresses, options) => (await module()).hide(io, addresses, options),
  );
  for (const command of [expose, hide]) addOutputOption(addClientOptions(command));
}

function addServiceCommands(io: Io, program: Command, add: (parent: Command) => Add): void {
  const module = () => import("./commands/service.ts");
  const addService = add(
    program.command("service").description("lead ports of this host into the network or out of it"),
  );
  const protocol = () =>
    new Option("-p, --protocol <protocol>", "of the service").choices(["tcp", "udp"]).default("tcp");
  const commands = [
    addService(
      "export <listen> <target>",
      "lead a port of this host to a container: 8080 or 192.0.2.1:8080, and 10.32.0.5:80",
      async (listen, target, options) => (await module()).exportService(io, listen, target, options),
    ),
    addService(
      "import <listen> <target>",
      "lead a port of the host's address in the network to a place outside: 10.32.0.9:5432 db.example:5432",
      async (listen, target, options) => (await module()).importService(io, listen, target, options),
    ),
    addService(
      "bind <listen> <target>",
      "lead a service that is there to another place",
      async (listen, target, options) => (await module()).bindService(io, listen, target, options),
    ),
  ];
  const remove = addService(
    "rm <listen>",
    "remove a service",
    async (listen, options) => (await module()).removeService(io, listen, options),
  );
  const list = addService(
    "ls",
    "list the services",
    async (options) => (await module()).listServices(io, options),
  ).alias("list");
  for (const command of [...commands, remove]) command.addOption(protocol());
  for (const command of [...commands, remove, list]) addClientOptions(command);
  for (const command of [...commands, list]) addOutputOption(command);
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
