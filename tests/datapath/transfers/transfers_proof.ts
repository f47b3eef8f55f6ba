/** Transfers as a proof: a cell of `cells.ts` is a chunk. */
import type { Figures, Proof } from "../../proofs/proof.ts";
import { allCells, cellName, fullBytes } from "./cells.ts";

export const transfersProof: Proof = {
  name: "transfers",
  what: "bytes between containers over an underlay that loses, repeats and reorders, by hash and one by one",
  unit: "transfers",
  chunkSize: 1,
  ciFloor: 0,
  ciFloorSecond: 0,
  ciBudgetSeconds: 0,
  fullGoal: allCells.length,
  alone: true,
  async load() {
    const [{ runTransfer }, { lacksForTransfers }] = await Promise.all([
      import("./transfer.ts"),
      import("./bed.ts"),
    ]);
    const lacking = lacksForTransfers();
    if (lacking !== undefined) throw new Error(lacking);
    return async ({ seed, index }): Promise<Figures> => {
      const cell = allCells[index % allCells.length]!;
      const outcome = await runTransfer({ cell, bytes: fullBytes(cell), seed: seed * 1_000 + index });
      const { bytes, seconds, lost, delayed, doubled, interruptions } = outcome;
      const mbits = Math.round(bytes * 8 / 1e6 / seconds);
      return {
        sums: { bytes, lost, delayed, doubled, interruptions },
        peaks: { "slowest s": Math.round(seconds) },
        notes: [`${cellName(cell)}: ${mbits} Mbit/s`],
      };
    };
  },
};
