import type { NodeStatus } from "../../core/contracts/node.ts";
import { MeshError } from "../../core/contracts/errors.ts";
import type { AdminClient } from "../../core/admin/client.ts";
import { type AddressOptions, connectAdmin } from "../admin_connection.ts";
import { ExitCode } from "../exit_code.ts";
import type { Io } from "../io.ts";
import { type OutputFormat, printData } from "../output.ts";
import { parseInterval, watch } from "../watch.ts";
import { alertTable, connectionTable, peerTable, statusBlocks, targetTable } from "../views/status.ts";
import { ipamText } from "../views/ipam.ts";
import { peerLinksText } from "../views/topology.ts";

export interface StatusOptions extends AddressOptions {
  readonly output: OutputFormat;
  readonly check?: boolean;
  readonly watch?: boolean;
  readonly interval: string;
}

type Show = (io: Io, client: AdminClient, format: OutputFormat) => Promise<void>;

const subjects: Readonly<Record<string, Show>> = {
  peers: async (io, client, format) =>
    printData(
      io,
      format,
      { peers: await client.peers(io.interrupted) },
      (document) => peerTable(io, document),
    ),
  links: async (io, client, format) =>
    printData(
      io,
      format,
      { links: await client.links(io.interrupted) },
      ({ links }) => peerLinksText(io, links),
    ),
  connections: async (io, client, format) =>
    printData(
      io,
      format,
      { connections: await client.connections(io.interrupted) },
      (document) => connectionTable(io, document),
    ),
  ipam: async (io, client, format) => printData(io, format, await client.ipam(io.interrupted), ipamText),
  targets: async (io, client, format) =>
    printData(
      io,
      format,
      { targets: await client.targets(io.interrupted) },
      (document) => targetTable(io, document),
    ),
  alerts: async (io, client, format) => {
    const { alerts } = await client.health(io.interrupted);
    await printData(io, format, { alerts }, (document) => alertTable(io, document));
  },
};

/** With `--check` the exit code tells whether the node is well, whatever is shown; after a watch, at its end. */
export async function status(io: Io, subject: string | undefined, options: StatusOptions): Promise<ExitCode> {
  const show = subject === undefined
    ? showNode
    : Object.hasOwn(subjects, subject)
    ? subjects[subject]!
    : undefined;
  if (show === undefined) {
    const known = Object.keys(subjects).join(", ");
    throw new MeshError("INVALID_ARGUMENT", `There is no status of "${subject}"; there is ${known}`);
  }
  const interval = parseInterval(options.interval);
  const client = await connectAdmin(options, io);
  if (options.watch === true) await watch(io, interval, () => show(io, client, options.output));
  else await show(io, client, options.output);
  return options.check === true ? await check(io, client) : ExitCode.ok;
}

const showNode: Show = async (io, client, format) => {
  const document: NodeStatus = await client.status(io.interrupted);
  await printData(io, format, document, (node) => statusBlocks(io, node));
};

async function check(io: Io, client: AdminClient): Promise<ExitCode> {
  const { healthy, state, alerts } = await client.health(io.interrupted);
  if (healthy) return ExitCode.ok;
  const reasons = alerts.map(({ detail }) => detail);
  const hint = 'see "selvage status connections" and "selvage status targets"';
  io.say(`selvage: not well (${state}): ${reasons.join("; ") || hint}\n`);
  return ExitCode.degraded;
}
