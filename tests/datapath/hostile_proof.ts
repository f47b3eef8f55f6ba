/** A data path under attack as a proof: see `hostile_model.ts`. */
import type { Figures, Proof } from "../proofs/proof.ts";

export const hostileProof: Proof = {
  name: "hostile-datapath",
  what: "datagrams altered, cut, repeated, joined with lies: none is delivered, and all of a good peer's are",
  unit: "inputs",
  chunkSize: 10_000,
  ciFloor: 100_000,
  ciFloorSecond: 10_000,
  ciBudgetSeconds: 5,
  fullGoal: 20_000_000,
  async load() {
    const { runHostile } = await import("./hostile_model.ts");
    const ciphers = await (await import("./ciphers.ts")).fastCiphers();
    return ({ seed, index, count }): Figures => {
      const sums = runHostile({ seed: Math.imul(seed, 0x9e37_79b1) ^ index, inputs: count, ciphers });
      return { sums: { ...sums } };
    };
  },
  judge: ({ sums = {} }) => {
    const never = ["altered", "repeated", "good", "badTag", "replayed", "malformed", "left"];
    const missing = never.filter((name) => (sums[name] ?? 0) === 0);
    return missing.length === 0 ? undefined : `there was nothing of: ${missing.join(", ")}`;
  },
};
