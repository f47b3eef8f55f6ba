/** Proofs against programs of others, on machines that have them: none of them is a part of CI. */
import type { Proof } from "./proof.ts";

export const fouProof: Proof = {
  name: "fou",
  what: "GRE in UDP with the kernel of Debian in a virtual machine: echoes and TCP both ways, both families",
  unit: "boots",
  chunkSize: 1,
  ciFloor: 0,
  ciFloorSecond: 0,
  ciBudgetSeconds: 0,
  fullGoal: 6,
  alone: true,
  async load() {
    const { runFou } = await import("../interop/fou/fou_run.ts");
    return async ({ index }) => {
      const { kernel, pingsIn, pingsOut, streams, bytes, refused } = await runFou(index % 2 === 0 ? 4 : 6);
      const sums = { "pings in": pingsIn, "pings out": pingsOut, streams, bytes, "frames refused": refused };
      return index === 0 ? { sums, notes: [`Linux ${kernel}`] } : { sums };
    };
  },
  judge: ({ sums = {} }) => (sums["streams"] ?? 0) > 0 ? undefined : "no stream was ever opened",
};
