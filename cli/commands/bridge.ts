/** Bridges of this host that are joined to the network. */
import type { BridgeList } from "../../core/contracts/bridging.ts";
import { type AddressOptions, connectAdmin } from "../admin_connection.ts";
import type { Io } from "../io.ts";
import { columns, type OutputFormat, printData } from "../output.ts";

type Options = AddressOptions & { readonly output: OutputFormat };

/** Joins a bridge and prints our end; without one lists what is joined and which devices are known. */
export async function attachBridge(io: Io, device: string | undefined, options: Options): Promise<void> {
  const client = await connectAdmin(options, io);
  if (device === undefined) {
    return await printData(io, options.output, await client.bridges(io.interrupted), listText);
  }
  const status = await client.attachBridge(device, io.interrupted);
  await printData(io, options.output, status, ({ port }) => `${port}\n`);
}

export async function detachBridge(io: Io, device: string, options: AddressOptions): Promise<void> {
  const client = await connectAdmin(options, io);
  await client.detachBridge(device, io.interrupted);
}

function listText({ bridges, devices }: BridgeList): string {
  const joined = bridges.map(({ device, port, state, until }) => [
    device,
    port,
    until === null ? state : `${state} until ${until}`,
  ]);
  const found = devices.map(({ mac, addresses, node, isUsed }) => [
    mac,
    addresses.join(" ") || "-",
    node,
    isUsed ? "" : "not used: announced by another member before",
  ]);
  return `${columns(["BRIDGE", "PORT", "STATE"], joined)}\n${
    columns(["DEVICE", "ADDRESSES", "NODE", "NOTE"], found)
  }`;
}
