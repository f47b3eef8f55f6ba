/** The product's gossip machine on a seat of the harness. */
import { TagDirectory } from "../../plugins/gossip/directory.ts";
import { GossipMachine } from "../../plugins/gossip/machine.ts";
import { defaultOptions } from "../../plugins/gossip/options.ts";
import { SimRandom } from "../sim/random.ts";
import type { MachineKind } from "./gossip_shape.ts";

/** One for each size of mesh: all machines of a mesh read it, and none writes. */
const directories = new Map<number, TagDirectory>();

/** What is told beside the gossip of all records: it costs its bytes, and to compare them is the affair of others. */
const sameRecords = new Uint8Array(8).fill(1);

export function directoryOf(members: number): TagDirectory {
  const known = directories.get(members);
  if (known !== undefined) return known;
  const directory = new TagDirectory(members);
  // Tags are the first bytes of hashes, so they look like chance.
  const random = new SimRandom(members);
  for (let peer = 0; peer < members; peer++) {
    while (!directory.put(peer, random.fill(new Uint8Array(8))));
  }
  directories.set(members, directory);
  return directory;
}

export const selvageGossip: MachineKind = {
  name: "Selvage",
  roundMillis: defaultOptions.round,
  create: ({ self, members, random, incarnation }) =>
    new GossipMachine({
      self,
      directory: directoryOf(members),
      random,
      incarnation,
      expected: members,
      stateDigest: () => sameRecords,
    }),
};
