/** The host's own place in the network. */
import type { HostStatus } from "../../core/contracts/exposure.ts";
import { type AddressOptions, connectAdmin } from "../admin_connection.ts";
import type { Io } from "../io.ts";
import { type OutputFormat, printData } from "../output.ts";

type Options = AddressOptions & { readonly output: OutputFormat };

export interface ExposeOptions extends Options {
  readonly hostname?: string;
  readonly withoutMasquerade?: boolean;
  readonly randomFully?: boolean;
  /** False with `--no-masq-local`. */
  readonly masqLocal: boolean;
}

/** Prints the addresses of the host, one per line. */
export async function expose(io: Io, addresses: readonly string[], options: ExposeOptions): Promise<void> {
  const { hostname, withoutMasquerade = false, randomFully = false, masqLocal } = options;
  const client = await connectAdmin(options, io);
  const status = await client.expose({
    ...addresses.length > 0 && { addresses },
    ...hostname !== undefined && { name: hostname },
    masquerade: !withoutMasquerade,
    randomFully,
    noMasqLocal: !masqLocal,
  }, io.interrupted);
  if (options.output === "table") {
    for (const { tool, place, what } of status.changes) io.say(`selvage: ${tool}, ${place}: ${what}\n`);
    for (const problem of status.problems) io.say(`selvage: ${problem}\n`);
  }
  await printData(io, options.output, status, linesOf);
}

/** Prints what the host had; nothing when it had none. */
export async function hide(io: Io, addresses: readonly string[], options: Options): Promise<void> {
  const client = await connectAdmin(options, io);
  const hidden = await client.hide(addresses, io.interrupted);
  await printData(io, options.output, { hidden }, () => linesOf({ addresses: hidden }));
}

function linesOf({ addresses }: Pick<HostStatus, "addresses">): string {
  return addresses.map((address) => `${address}\n`).join("");
}
