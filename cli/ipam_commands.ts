/** The commands about addresses that no interface of this host has. */
import type { Command } from "commander";
import { type Add, addClientOptions, addOutputOption } from "./command_parts.ts";
import type { Io } from "./io.ts";

export function addIpamCommands(io: Io, program: Command, add: (parent: Command) => Add): void {
  const module = () => import("./commands/ipam.ts");
  const ipam = program.command("ipam").description("show, give, take back and move addresses");
  const addIpam = add(ipam);
  const list = addIpam(
    "ls",
    "list who has addresses on this node",
    async (options) => (await module()).listAddresses(io, options),
  ).alias("list");
  const claim = addIpam(
    "claim <owner> [address]",
    "give an owner of that name this address, or a free one, and the same again",
    async (owner, address, options) => (await module()).giveAddress(io, owner, address, options),
  )
    .option("--subnet <cidr>", "where a free one comes from")
    .option("--wait <seconds>", "for a full range, or for the range's owner", "30");
  const release = addIpam(
    "release <owner> [address]",
    "take the addresses of an owner back, or one of them",
    async (owner, address, options) => (await module()).releaseAddress(io, owner, address, options),
  );
  const why = addIpam(
    "why <address>",
    "tell whose an address is, how it became so, and how it is reached",
    async (address, options) => (await module()).explainAddress(io, address, options),
  );
  const move = addIpam(
    "move <address> <peer>",
    "give an address of this node's range to another member, where it can be claimed",
    async (address, peer, options) => (await module()).moveAddress(io, address, peer, options),
  );
  const remove = add(program)(
    "rmpeer <peer>",
    "take over the addresses of a member that is down for good, by name or id",
    async (peer, options) => (await module()).removePeer(io, peer, options),
  );
  remove.option("--force", "also of a member that seems to be up");
  for (const command of [list, claim, release, why, move, remove]) addClientOptions(command);
  for (const command of [list, claim, why, remove]) addOutputOption(command);
}
