/** The commands that take a node in host mode: what is attached, joined and exposed there, and services. */
import { type Command, Option } from "commander";
import { type Add, addClientOptions, addOutputOption } from "./command_parts.ts";
import type { Io } from "./io.ts";

export function addHostModeCommands(io: Io, program: Command, add: (parent: Command) => Add): void {
  addEndpointCommands(io, add(program));
  addHostCommands(io, add(program));
  addBridgeCommands(io, add(program));
  addServiceCommands(io, program, add);
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
