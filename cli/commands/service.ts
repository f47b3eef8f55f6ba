/** Services at ports of the host: of the network for those outside, and the other way round. */
import { MeshError } from "../../core/contracts/errors.ts";
import type { ServiceProtocol, ServiceRequest, ServiceStatus } from "../../core/contracts/exposure.ts";
import { formatEndpoint } from "../../core/wire/endpoint.ts";
import { type AddressOptions, connectAdmin } from "../admin_connection.ts";
import { resolveEndpoints } from "../endpoint_argument.ts";
import type { Io } from "../io.ts";
import { columns, type OutputFormat, printData } from "../output.ts";

type Options = AddressOptions & { readonly output: OutputFormat };
export type ServiceOptions = Options & { readonly protocol: ServiceProtocol };

export async function exportService(
  io: Io,
  listen: string,
  target: string,
  options: ServiceOptions,
): Promise<void> {
  await put(io, { kind: "export", listen, target }, options);
}

/** A name outside is looked up here, once. */
export async function importService(
  io: Io,
  listen: string,
  target: string,
  options: ServiceOptions,
): Promise<void> {
  await put(io, { kind: "import", listen, target: await resolved(target) }, options);
}

export async function bindService(
  io: Io,
  listen: string,
  target: string,
  options: ServiceOptions,
): Promise<void> {
  await put(io, { rebind: true, listen, target: await resolved(target) }, options);
}

export async function removeService(
  io: Io,
  listen: string,
  options: AddressOptions & { readonly protocol: ServiceProtocol },
): Promise<void> {
  const client = await connectAdmin(options, io);
  await client.removeService(options.protocol, withHost(listen), io.interrupted);
  io.say(`selvage: ${options.protocol} ${withHost(listen)} leads nowhere any more\n`);
}

export async function listServices(io: Io, options: Options): Promise<void> {
  const client = await connectAdmin(options, io);
  await printData(io, options.output, { services: await client.services(io.interrupted) }, serviceTable);
}

async function put(io: Io, request: ServiceRequest, options: ServiceOptions): Promise<void> {
  const { protocol, output } = options;
  const client = await connectAdmin(options, io);
  const listen = withHost(request.listen);
  const service = await client.putService({ ...request, listen, protocol }, io.interrupted);
  if (output === "table" && service.state === "waiting") {
    io.say(`selvage: it waits for the host to have an address of the network; see "selvage expose"\n`);
  }
  await printData(io, output, service, (only) => serviceTable({ services: [only] }));
}

/** A port alone is one of every IPv4 address. */
function withHost(listen: string): string {
  return /^\d{1,5}$/.test(listen) ? `0.0.0.0:${listen}` : listen;
}

async function resolved(target: string): Promise<string> {
  const [endpoint] = await resolveEndpoints([target]);
  if (endpoint !== undefined) return formatEndpoint(endpoint);
  throw new MeshError("NOT_FOUND", `"${target}" has no address`);
}

export function serviceTable({ services }: { readonly services: readonly ServiceStatus[] }): string {
  const rows = services.map((
    { kind, protocol, listen, target, state },
  ) => [kind, protocol, listen, target, state]);
  return columns(["KIND", "PROTOCOL", "LISTEN", "TARGET", "STATE"], rows);
}
