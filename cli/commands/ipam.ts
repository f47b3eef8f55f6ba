/** Addresses by hand: whose they are, given, taken back, moved and taken over. */
import { MeshError } from "../../core/contracts/errors.ts";
import { type AddressOptions, connectAdmin } from "../admin_connection.ts";
import type { Io } from "../io.ts";
import { type OutputFormat, printData } from "../output.ts";
import { originText, ownerTable } from "../views/ipam.ts";

type Options = AddressOptions & { readonly output: OutputFormat };

export interface GiveOptions extends Options {
  readonly subnet?: string;
  readonly wait: string;
}

export async function listAddresses(io: Io, options: Options): Promise<void> {
  const client = await connectAdmin(options, io);
  await printData(io, options.output, { owners: await client.addresses(io.interrupted) }, ownerTable);
}

/** Without an address a free one. Prints it with the length of its subnet. */
export async function giveAddress(
  io: Io,
  owner: string,
  address: string | undefined,
  options: GiveOptions,
): Promise<void> {
  const { subnet } = options;
  const waitSeconds = waitOf(options.wait);
  const client = await connectAdmin(options, io);
  const request = {
    owner,
    waitSeconds,
    ...address !== undefined && { address },
    ...subnet !== undefined && { subnet },
  };
  const given = await client.giveAddress(request, io.interrupted);
  await printData(io, options.output, { owner, address: given }, () => `${given}\n`);
}

export async function releaseAddress(
  io: Io,
  owner: string,
  address: string | undefined,
  options: AddressOptions,
): Promise<void> {
  const client = await connectAdmin(options, io);
  const released = await client.releaseAddress(owner, address, io.interrupted);
  io.say(`selvage: ${owner} has no longer ${released.join(", ")}\n`);
}

export async function explainAddress(io: Io, address: string, options: Options): Promise<void> {
  const client = await connectAdmin(options, io);
  await printData(io, options.output, await client.whyAddress(address, io.interrupted), originText);
}

export async function moveAddress(
  io: Io,
  address: string,
  peer: string,
  options: AddressOptions,
): Promise<void> {
  const client = await connectAdmin(options, io);
  await client.moveAddress(address, peer, io.interrupted);
  io.say(`selvage: ${address} is ${peer}'s now; attach with --ip ${address} there\n`);
}

/** As `weave rmpeer`, and harmless when it is run twice, or on two hosts. */
export async function removePeer(
  io: Io,
  peer: string,
  { force, ...options }: Options & { readonly force?: boolean },
): Promise<void> {
  const client = await connectAdmin(options, io);
  const taken = await client.takeOver({ peer, ...force !== undefined && { force } }, io.interrupted);
  await printData(
    io,
    options.output,
    taken,
    ({ addresses, ranges }) =>
      `${addresses} IPs taken over from ${peer}${ranges.length === 0 ? "" : `: ${ranges.join(", ")}`}\n`,
  );
}

function waitOf(text: string): number {
  const seconds = /^\d{1,2}$/.test(text) ? Number(text) : Infinity;
  if (seconds <= 60) return seconds;
  throw new MeshError("INVALID_ARGUMENT", `--wait takes 0 to 60 seconds, not "${text}"`);
}
