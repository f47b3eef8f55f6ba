/** The grid of networks as a proof, by hand: a chunk is one mesh of nodes of the real program. */
import type { Figures, Proof } from "../proofs/proof.ts";

const mostMillis = 5_000;
/** All meshes together are over within ten minutes, whatever nodes do; then their hosts are removed as ever. */
const longestMesh = 90_000;

export const natGridProof: Proof = {
  name: "nat-grid",
  what:
    "processes behind routers of the kernel: open, full cone, filtered by address and port, symmetric, two in a row, without UDP; each pair meets within 5 s, directly where that is possible",
  unit: "meshes",
  chunkSize: 1,
  ciFloor: 0,
  ciFloorSecond: 0,
  ciBudgetSeconds: 0,
  fullGoal: 6,
  alone: true,
  async load() {
    const [{ meetsDirectly, meshes, runGrid }, { Lab, lacksForLab }] = await Promise.all([
      import("./grid.ts"),
      import("../../examples/lab/lab.ts"),
    ]);
    const lacks = lacksForLab();
    if (lacks !== undefined) throw new Error(lacks);
    return async ({ index }): Promise<Figures> => {
      await using lab = new Lab();
      const meetings = await inTime(runGrid(lab, meshes[index % meshes.length]!));
      for (const { pair: [one, other], direct } of meetings) {
        if (direct === meetsDirectly(one, other)) continue;
        throw new Error(`${one} and ${other} met ${direct ? "directly" : "through a relay"}`);
      }
      const direct = meetings.filter((meeting) => meeting.direct).length;
      return {
        sums: { pairs: meetings.length, direct, relayed: meetings.length - direct },
        peaks: { "ms until a pair had met": Math.max(...meetings.map(({ millis }) => millis)) },
      };
    };
  },
  judge: ({ peaks = {} }) =>
    (peaks["ms until a pair had met"] ?? 0) > mostMillis ? "a pair took longer than 5 s to meet" : undefined,
};

async function inTime<T>(work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`a mesh took longer than ${longestMesh / 1000} s`)),
    longestMesh,
  );
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
