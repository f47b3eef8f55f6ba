/** Who belongs, and how others come to: members and tokens. */
import { MeshError } from "../../core/contracts/errors.ts";
import type { MemberStatus, TokenStatus } from "../../core/contracts/node.ts";
import { type AddressOptions, connectAdmin } from "../admin_connection.ts";
import type { Io } from "../io.ts";
import { columns, type OutputFormat, printData } from "../output.ts";

type Options = AddressOptions & { readonly output: OutputFormat };

export async function createToken(io: Io, options: Options & { readonly lifetime: string }): Promise<void> {
  const lifetimeSeconds = parseLifetime(options.lifetime);
  const client = await connectAdmin(options, io);
  const issued = await client.createToken({ lifetimeSeconds }, io.interrupted);
  if (options.output === "table") {
    io.say(`selvage: token ${issued.id}, good until ${issued.expires}; on each new host run:\n`);
  }
  await printData(io, options.output, issued, ({ join }) => `${join}\n`);
}

const units = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** Seconds. `90s`, `30m`, `24h`, `7d`; a bare number is seconds. Throws `INVALID_ARGUMENT`. */
export function parseLifetime(text: string): number {
  const [, digits, unit = "s"] = /^(\d{1,9})([smhd]?)$/.exec(text) ?? [];
  const seconds = Number(digits) * units[(unit || "s") as keyof typeof units];
  if (digits !== undefined && seconds >= 1) return seconds;
  throw new MeshError("INVALID_ARGUMENT", `"${text}" is not a lifetime; write 90s, 30m, 24h or 7d`);
}

export async function listTokens(io: Io, options: Options): Promise<void> {
  const client = await connectAdmin(options, io);
  await printData(io, options.output, { tokens: await client.tokens(io.interrupted) }, tokenTable);
}

export async function revokeToken(io: Io, id: string, options: AddressOptions): Promise<void> {
  const client = await connectAdmin(options, io);
  await client.revokeToken(id, io.interrupted);
  io.say(`selvage: token ${id} is revoked and the network has a new key; all older tokens are void\n`);
}

export async function listMembers(io: Io, options: Options): Promise<void> {
  const client = await connectAdmin(options, io);
  await printData(io, options.output, { members: await client.members(io.interrupted) }, memberTable);
}

export async function revokeMember(io: Io, peer: string, options: AddressOptions): Promise<void> {
  const client = await connectAdmin(options, io);
  await client.revokeMember(peer, io.interrupted);
  io.say(`selvage: ${peer} is shut out and the network has a new key; all older tokens are void\n`);
}

function tokenTable({ tokens }: { tokens: readonly TokenStatus[] }): string {
  return columns(["TOKEN", "EXPIRES", "STATE"], tokens.map(({ id, expires, state }) => [id, expires, state]));
}

function memberTable({ members }: { members: readonly MemberStatus[] }): string {
  const names = new Map(members.map(({ peer, name }) => [peer, name]));
  const rows = members.map(({ peer, name, admittedBy, state }) => [
    name,
    peer,
    admittedBy === null ? "founder" : names.get(admittedBy) ?? admittedBy,
    state,
  ]);
  return columns(["NAME", "PEER", "ADMITTED BY", "STATE"], rows);
}
