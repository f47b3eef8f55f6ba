/** Sessions in the data path as proofs: see `rekey_model.ts` and `kill_model.ts`. */
import type { Chunk, Figures, Proof } from "../proofs/proof.ts";

function seedOf({ seed, index }: Chunk): number {
  return (seed * 1_000_003 + index) | 0;
}

/** One chunk in four has both sides begin renewals. */
const bothInTurn = 4;

export const rekeyProof: Proof = {
  name: "rekeys",
  what: "50 renewals a second under full load and out of order: every packet arrives, once, unaltered",
  unit: "rekeys",
  chunkSize: 50,
  ciFloor: 100,
  ciFloorSecond: 50,
  ciBudgetSeconds: 7,
  fullGoal: 10_000,
  async load() {
    const { runRekeys } = await import("./rekey_model.ts");
    const ciphers = await (await import("./ciphers.ts")).fastCiphers();
    return (chunk): Figures => {
      const by = chunk.index % bothInTurn === bothInTurn - 1 ? "both" : "one";
      const { rekeys: renewals, packets, opened, millis } = runRekeys({
        ...{ seed: seedOf(chunk), rekeys: chunk.count, by, ciphers },
      });
      const both = by === "both" ? { "renewals by both": renewals, "millis by both": millis } : {};
      return { sums: { renewals, millis, packets, "opened for the main thread": opened, ...both } };
    };
  },
  judge: ({ sums = {} }) => {
    const sum = (name: string) => sums[name] ?? 0;
    if (sum("packets") < 100 * sum("renewals")) return "there was hardly any load";
    const seconds = (sum("millis") - sum("millis by both")) / 1_000;
    const perSecond = (sum("renewals") - sum("renewals by both")) / seconds;
    return perSecond >= 50 ? undefined : `${perSecond.toFixed(1)} renewals a second`;
  },
};

export const killProof: Proof = {
  name: "kills",
  what:
    "data paths killed between seal and send: no key and counter twice, what follows arrives, no copy does",
  unit: "kills",
  chunkSize: 50,
  ciFloor: 100,
  ciFloorSecond: 50,
  ciBudgetSeconds: 5,
  fullGoal: 5_000,
  async load() {
    const { runKills } = await import("./kill_model.ts");
    const ciphers = await (await import("./ciphers.ts")).fastCiphers();
    return (chunk): Figures => {
      const { delivered, lost, sealed, onWire, replayed } = runKills({
        ...{ seed: seedOf(chunk), kills: chunk.count, ciphers },
      });
      return { sums: { delivered, lost, sealed, "on the wire": onWire, replayed } };
    };
  },
  judge: ({ sums = {} }) =>
    (sums["sealed"] ?? 0) > (sums["on the wire"] ?? 0)
      ? undefined
      : "no kill ever fell between seal and send",
};
