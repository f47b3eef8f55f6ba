/** Fleets of real processes as proofs, by hand: a chunk is one run of one fleet. */
import type { Figures, Proof } from "../proofs/proof.ts";
import type { Gap } from "./roll.ts";

const byHand = { ciFloor: 0, ciFloorSecond: 0, ciBudgetSeconds: 0, alone: true } as const;
const churned = 50;
const lookSeconds = 60;
/** MiB per hour that a node may grow beyond doubt. */
const mostGrowth = 6;
const mostGap = 1_000;
const growthPeak = "MiB per hour for sure";
const gapPeak = "ms without an answer";

export const fleetProof: Proof = {
  ...byHand,
  name: "fleet",
  what:
    "50 processes, killed, stopped and started at random: of one mind within 15 s of the last change, none grows",
  unit: "minutes",
  chunkSize: 10,
  fullGoal: 10,
  async load() {
    const { mostGrown, runChurn } = await import("./churn.ts");
    return async ({ seed, count }): Promise<Figures> => {
      const plan = { nodes: churned, seconds: 60 * count, lookSeconds, seed };
      const { kills, stops, starts, agreed, growth } = await runChurn(plan, tell);
      const slopes = growth.map(({ perHour, error }) => `${perHour.toFixed(1)} ± ${error.toFixed(1)}`);
      return {
        sums: { kills, stops, starts, looks: agreed.length },
        peaks: {
          "ms until of one mind": Math.round(Math.max(...agreed)),
          [growthPeak]: Math.round(mostGrown(growth)),
        },
        notes: [`growth of those never touched, MiB per hour: ${slopes.join(", ")}`],
      };
    };
  },
  judge: ({ peaks = {} }) =>
    (peaks[growthPeak] ?? 0) > mostGrowth ? "a node that was never touched grows" : undefined,
};

export const rollProof: Proof = {
  ...byHand,
  name: "roll",
  what:
    "20 built programs taken from the build that SELVAGE_EARLIER names to this one, one by one: no address twice, gaps under 1 s",
  unit: "restarts",
  chunkSize: 20,
  fullGoal: 20,
  async load() {
    const { earlierProgram, ownProgram, runRoll } = await import("./roll.ts");
    const [before, after] = [earlierProgram(), ownProgram()];
    return async ({ count }): Promise<Figures> => {
      const { gaps, agreed } = await runRoll({ nodes: count, before, after }, tell);
      const most = (of: (gap: Gap) => number) => Math.round(Math.max(...gaps.map(of)));
      const peaks = {
        [gapPeak]: most(({ whole }) => whole),
        "ms until the process had ended": most(({ ends }) => ends),
        "ms until a session": most(({ session }) => session),
        "ms until an echo in it": most(({ echo }) => echo),
        "ms until of one mind": Math.round(agreed),
      };
      return { sums: { restarts: gaps.length }, peaks };
    };
  },
  judge: ({ peaks = {} }) =>
    (peaks[gapPeak] ?? 0) > mostGap ? "a restart took longer than a second" : undefined,
};

function tell(line: string): void {
  console.error(line);
}
