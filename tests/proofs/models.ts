/** Simulations and models as proofs: a chunk is one run, and its seed follows from the seed and the number of the chunk. */
import type { Chunk, Figures, Proof } from "./proof.ts";

/** Seeds of chunks never meet, whatever seed they are of. */
function seedOf({ seed, index }: Chunk): number {
  return seed * 1_000_003 + index;
}

export const swizzleProof: Proof = {
  name: "swizzle",
  what: "whole nodes under every fault at once: invariants after each operation, one mesh again in the end",
  unit: "operations",
  chunkSize: 500,
  ciFloor: 5_000,
  ciFloorSecond: 500,
  ciBudgetSeconds: 75,
  fullGoal: 1_000_000,
  async load() {
    const { runSwizzle } = await import("../sim/swizzle.ts");
    return async (chunk) => {
      const nodes = 3 + chunk.index % 6;
      const options = { seed: seedOf(chunk), nodes, operations: chunk.count };
      const { faults, promises, shutOut } = await runSwizzle(options);
      return { sums: { faults, promises, "shut out": shutOut } };
    };
  },
  judge: ({ sums = {} }) => (sums["promises"] ?? 0) > 0 ? undefined : "no address was ever promised",
};

/** Messages of one simulated flood: 5 s at 50,000 a second. */
const floodMessages = 250_000;

export const floodProof: Proof = {
  name: "flood",
  what: "handshakes and joins while spoofed first messages pour in, simulated: 99 % within 5 s",
  unit: "messages",
  chunkSize: floodMessages,
  ciFloor: 4 * floodMessages,
  ciFloorSecond: floodMessages,
  ciBudgetSeconds: 60,
  fullGoal: 40 * floodMessages,
  async load() {
    const { simulateFlood } = await import("../noise/flood_model.ts");
    const { floodKinds } = await import("../noise/flood_messages.ts");
    return (chunk) => {
      const kind = floodKinds[chunk.index % floodKinds.length]!;
      const perSecond = chunk.count / 5;
      const outcome = simulateFlood({
        kind,
        seconds: 5,
        perSecond,
        genuine: 200,
        seed: seedOf(chunk) % 2 ** 32,
      });
      const { genuine, succeeded, bytes, took } = outcome;
      if (succeeded < 0.99 * genuine) throw new Error(`${kind}: ${succeeded} of ${genuine} succeeded`);
      if (bytes.sent > bytes.received) throw new Error(`${kind}: more was answered than asked`);
      return { sums: { genuine, succeeded }, peaks: { "slowest ms": Math.round(took.at(-1) ?? 0) } };
    };
  },
};

export const crashProof: Proof = {
  name: "crash-points",
  what: "a process killed at a named point: what was acknowledged is there, and it starts within 2 s",
  unit: "points",
  chunkSize: 1,
  ciFloor: 60,
  ciFloorSecond: 6,
  ciBudgetSeconds: 120,
  fullGoal: 169,
  async load() {
    const { crashPoints } = await import("../state/crash_points.ts");
    const { runCrashPoints } = await import("../state/crash_run.ts");
    return async ({ index }): Promise<Figures> => {
      // A stride without a common factor, so that few points are of every kind.
      const wanted = (index * 29) % crashPoints.length;
      const outcome = await runCrashPoints({ filter: (_, i) => i === wanted, parallel: 1 });
      if (outcome.failures.length > 0) throw new Error(outcome.failures.join("\n"));
      return { peaks: { "slowest start ms": Math.round(outcome.slowestStartMillis) } };
    };
  },
};

export const sessionProof: Proof = {
  name: "session-model",
  what: "sessions of two to four nodes under random commands, against a model of them",
  unit: "runs",
  chunkSize: 20,
  ciFloor: 200,
  ciFloorSecond: 20,
  ciBudgetSeconds: 45,
  fullGoal: 20_000,
  async load() {
    const { runSessionModel } = await import("../noise/session_model.ts");
    return (chunk) => {
      const { delivered } = runSessionModel({ seed: seedOf(chunk) | 0, runs: chunk.count, commands: 60 });
      return { sums: { "packets delivered": delivered } };
    };
  },
  judge: ({ sums = {} }) => (sums["packets delivered"] ?? 0) > 0 ? undefined : "no packet was ever delivered",
};

export const floodLoadProof: Proof = {
  name: "flood-load",
  what: "handshakes over the loopback against 50,000 real first messages a second: 99 % within 5 s",
  unit: "seconds",
  chunkSize: 10,
  ciFloor: 10,
  ciFloorSecond: 0,
  ciBudgetSeconds: 30,
  fullGoal: 300,
  alone: true,
  async load() {
    const { runFlood } = await import("../noise/flood_load.ts");
    return async (chunk): Promise<Figures> => {
      const result = await runFlood({
        seconds: chunk.count,
        perSecond: 50_000,
        seed: seedOf(chunk) % 2 ** 31,
      });
      const { genuine, succeeded, offeredPerSecond, readPerSecond, p99, ratio } = result;
      if (ratio < 0.99) throw new Error(`${succeeded} of ${genuine} handshakes succeeded`);
      const peaks = { "p99 ms": Math.round(p99), "read per s": Math.round(readPerSecond) };
      return { sums: { genuine, succeeded, offered: Math.round(offeredPerSecond * chunk.count) }, peaks };
    };
  },
};

export const mac1Proof: Proof = {
  name: "fuzz-mac1",
  what: "first messages with a right mac1 and a made-up rest: none does harm",
  unit: "handshakes",
  chunkSize: 500,
  ciFloor: 10_000,
  ciFloorSecond: 1_000,
  ciBudgetSeconds: 45,
  fullGoal: 1_000_000,
  async load() {
    const { validMac1Handshakes } = await import("../noise/fuzz_targets.ts");
    return (chunk) => ({ sums: Object.fromEntries(validMac1Handshakes(seedOf(chunk), chunk.count).drops) });
  },
};

export const ringProof: Proof = {
  name: "ring-model",
  what:
    "rings of five nodes under loss, cuts, kills and full disks: no address at two of them, one ring in the end",
  unit: "runs",
  chunkSize: 10,
  ciFloor: 100,
  ciFloorSecond: 10,
  ciBudgetSeconds: 60,
  fullGoal: 10_000,
  async load() {
    const { runRingModel } = await import("../ring/ring_model.ts");
    return async (chunk) => {
      const result = await runRingModel({ seed: seedOf(chunk) | 0, runs: chunk.count, operations: 100 });
      return { sums: { operations: result.operations, allocations: result.allocations } };
    };
  },
  judge: ({ sums = {} }) => (sums["allocations"] ?? 0) > 0 ? undefined : "no lease was ever given",
};
