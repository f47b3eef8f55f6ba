/** The gossip machine by the thousand, as proofs: what must hold under every fault, and the figures of a small mesh. */
import type { Chunk, Figures, Proof } from "../proofs/proof.ts";

const operationsOfRun = 500;
/** A run with fewer faults has shown little. */
const leastFaults = 10;

function seedOf({ seed, index }: Chunk): number {
  return seed * 1_000_003 + index;
}

export const meshProof: Proof = {
  name: "mesh",
  what:
    "gossip machines, 5 to 60, under every fault at once: all of one mind within 30 s of the last heal, and a change reaches all",
  unit: "operations",
  chunkSize: operationsOfRun,
  ciFloor: 6 * operationsOfRun,
  ciFloorSecond: operationsOfRun,
  ciBudgetSeconds: 9,
  fullGoal: 2_000 * operationsOfRun,
  async load() {
    const { swizzleMesh } = await import("./swizzle.ts");
    const { selvageGossip } = await import("./selvage_gossip.ts");
    return (chunk): Figures => {
      const result = swizzleMesh({
        kind: selvageGossip,
        seed: seedOf(chunk),
        nodes: 5 + (chunk.index * 11) % 56,
        operations: chunk.count,
      });
      const { faults, events, deaths, agreed, reached } = result;
      if (chunk.count === operationsOfRun && faults < leastFaults) {
        throw new Error(`no more than ${faults} faults`);
      }
      return {
        sums: { faults, events, deaths },
        peaks: { "agreed after ms": Math.round(agreed), "reached after ms": Math.round(reached) },
      };
    };
  },
  judge: ({ sums = {} }) => (sums["deaths"] ?? 0) > 0 ? undefined : "nobody was ever declared dead",
};

/** What CI asks of each size, loose enough for any seed; the goals are those of `table.ts`. */
export const meshFiguresProof: Proof = {
  name: "mesh-figures",
  what:
    "100 gossip machines: a crash known by all, a change at all, bytes, false deaths with and without pauses",
  unit: "meshes",
  chunkSize: 1,
  ciFloor: 2,
  ciFloorSecond: 1,
  ciBudgetSeconds: 11,
  fullGoal: 200,
  async load() {
    const { judgeFigures } = await import("./figures.ts");
    return (chunk): Figures => judgeFigures(100, seedOf(chunk));
  },
};
