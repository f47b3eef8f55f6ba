/** Super-frames as a proof: see `super_frame_model.ts`. */
import type { Figures, Proof } from "../proofs/proof.ts";

/** Packets sent with one set of flows. */
const packetsPerRun = 2_000;

export const superFrameProof: Proof = {
  name: "super-frames",
  what: "super-frames cut, spoiled on the way and joined again, packet by packet against slow twins of both",
  unit: "packets",
  chunkSize: 20_000,
  ciFloor: 100_000,
  ciFloorSecond: 20_000,
  ciBudgetSeconds: 20,
  fullGoal: 2_000_000,
  async load() {
    const { SuperFrameModel } = await import("./super_frame_model.ts");
    return ({ seed, index, count }): Figures => {
      const sums = { delivered: 0, frames: 0 };
      for (let run = 0; run < count / packetsPerRun; run++) {
        const model = new SuperFrameModel(Math.imul(seed, 0x9e37_79b1) ^ (index * 1_000 + run));
        model.run(packetsPerRun);
        sums.delivered += model.outcome.packets;
        sums.frames += model.outcome.frames;
      }
      return { sums };
    };
  },
  judge: ({ sums = {} }) =>
    (sums["frames"] ?? 0) < (sums["delivered"] ?? 0) ? undefined : "no two packets were ever joined",
};
