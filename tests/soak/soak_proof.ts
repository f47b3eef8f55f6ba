/** The soak as a proof: a chunk is one run of so many minutes, with nodes on the runtime that runs it. */
import type { Figures, Proof } from "../proofs/proof.ts";

const everySeconds = 10;

export const soakProof: Proof = {
  name: "soak",
  what:
    "two hosts at full load: memory, descriptors and timers of both nodes stand still, and no traffic does",
  unit: "minutes",
  chunkSize: 60,
  ciFloor: 0,
  ciFloorSecond: 0,
  ciBudgetSeconds: 0,
  fullGoal: 60,
  alone: true,
  async load() {
    const [{ runSoak }, { findingsOf, lineOf }, { lacksForLab }] = await Promise.all([
      import("./soak.ts"),
      import("./findings.ts"),
      import("../../examples/lab/lab.ts"),
    ]);
    const lacking = lacksForLab();
    if (lacking !== undefined) throw new Error(lacking);
    return async ({ seed, index, count }): Promise<Figures> => {
      const plan = { seconds: 60 * count, everySeconds, seed: seed * 1_000 + 2 * index };
      const { figures, faults } = findingsOf(await runSoak(plan, (sample) => console.error(lineOf(sample))));
      return { ...figures, notes: [...figures.notes ?? [], ...faults.map((fault) => faultMark + fault)] };
    };
  },
  judge: ({ notes = [] }) => notes.find((note) => note.startsWith(faultMark))?.slice(faultMark.length),
};

/** What was found is a note too: a record without its figures would say little of how bad it is. */
const faultMark = "fault: ";
