/** Who has addresses on this host: namespaces and containers get interfaces, and lose them. */
import { MeshError } from "../../core/contracts/errors.ts";
import type { AttachRequest, EndpointStatus } from "../../core/contracts/node.ts";
import type { Where } from "../../core/contracts/port.ts";
import { type AddressOptions, connectAdmin } from "../admin_connection.ts";
import type { Io } from "../io.ts";
import { columns, type OutputFormat, printData } from "../output.ts";

type Options = AddressOptions & { readonly output: OutputFormat };

export interface AttachOptions extends Options {
  readonly ip: readonly string[];
  readonly name?: string;
  readonly namespace?: string;
  readonly label: readonly string[];
  readonly mtu?: string;
  readonly mac?: string;
  readonly allowL2?: boolean;
  readonly defaultRoute: boolean;
  readonly multicastRoute: boolean;
}

export interface DetachOptions extends AddressOptions {
  readonly ip: readonly string[];
}

/** Prints the addresses, one per line, for scripts as for people. */
export async function attach(io: Io, place: string, options: AttachOptions): Promise<void> {
  const request = requestOf(place, options);
  const client = await connectAdmin(options, io);
  const attached = await client.attach(request, io.interrupted);
  if (options.output === "table") io.say(`selvage: ${place} has ${attached.device ?? "an interface"}\n`);
  await printData(io, options.output, attached, ({ addresses }) => `${addresses.join("\n")}\n`);
}

/** An owner, as `ps -o json` shows it, or whatever `attach` takes. */
export async function detach(io: Io, place: string, options: DetachOptions): Promise<void> {
  const isOwner = /^netns:\d+:\d+$/.test(place);
  const meant = isOwner ? place : placeOf(place);
  const client = await connectAdmin(options, io);
  await client.detach(meant, io.interrupted, options.ip);
  const gone = options.ip.length === 0 ? "is detached" : `has no address ${options.ip.join(", ")} any more`;
  io.say(`selvage: ${place} ${gone}\n`);
}

export async function listEndpoints(io: Io, options: Options): Promise<void> {
  const client = await connectAdmin(options, io);
  await printData(io, options.output, { endpoints: await client.endpoints(io.interrupted) }, endpointTable);
}

function requestOf(place: string, options: AttachOptions): AttachRequest {
  const { ip, name, namespace, label, mtu, mac, allowL2, defaultRoute, multicastRoute } = options;
  return {
    where: placeOf(place),
    ...ip.length > 0 && { addresses: ip },
    ...name !== undefined && { name },
    ...namespace !== undefined && { namespace },
    ...label.length > 0 && { labels: labelsOf(label) },
    ...mtu !== undefined && { mtu: mtuOf(mtu) },
    ...mac !== undefined && { mac },
    ...allowL2 && { allowLayer2: true },
    ...!defaultRoute && { defaultRoute },
    ...!multicastRoute && { multicastRoute },
  };
}

/**
 * `host`, a path, a process id, a container's id of 12 to 64 digits, or else the name of a namespace. What is meant can be
 * said before it, for a namespace called `12`: `netns:12`, `pid:12`, `container:…`. Throws `INVALID_ARGUMENT`.
 */
export function placeOf(text: string): Where {
  const [, kind, name] = /^(netns|pid|container):(.+)$/s.exec(text) ?? [];
  if (kind !== undefined) return { [kind]: name! };
  if (text === "host") return { host: "" };
  if (/^[1-9]\d{0,9}$/.test(text)) return { pid: text };
  if (/^[0-9a-f]{12,64}$/.test(text)) return { container: text };
  if (text !== "") return { netns: text };
  throw new MeshError(
    "INVALID_ARGUMENT",
    "Cannot attach nothing: name a network namespace, a process, a container's id, or host",
  );
}

function labelsOf(texts: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(texts.map((text) => {
    const [key = "", ...value] = text.split("=");
    if (key !== "" && value.length > 0) return [key, value.join("=")];
    throw new MeshError("INVALID_ARGUMENT", `"${text}" is not a label; write app=web`);
  }));
}

function mtuOf(text: string): number {
  if (/^\d{1,5}$/.test(text)) return Number(text);
  throw new MeshError("INVALID_ARGUMENT", `--mtu takes a number of bytes, not "${text}"`);
}

/** As `weave ps`: who, its MAC, its addresses. */
export function endpointTable({ endpoints }: { readonly endpoints: readonly EndpointStatus[] }): string {
  const rows = endpoints.map((endpoint) => [
    shortOf(endpoint),
    endpoint.mac ?? "-",
    endpoint.addresses.join(" ") || "-",
    endpoint.name ?? "-",
  ]);
  return columns(["ENDPOINT", "MAC", "ADDRESSES", "NAME"], rows);
}

/** What a person would say: `shop`, `4711`, the first 12 digits of a container. */
function shortOf({ owner, where }: EndpointStatus): string {
  const [kind, name] = Object.entries(where ?? {})[0] ?? ["", owner];
  if (kind === "container") return name.slice(0, 12);
  if (kind === "host") return "host";
  return kind === "netns" ? name.replace(/^(\/var)?\/run\/netns\//, "") : name;
}
