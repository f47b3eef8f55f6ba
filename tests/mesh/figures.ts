/** The table of one small mesh, with what is asked of every seed: a quarter more than the goal, where there is one. */
import type { Figures } from "../proofs/proof.ts";
import { measureControl, measureDetection, measureFalseDeaths } from "./measures.ts";
import { selvageGossip } from "./selvage_gossip.ts";

/** Throws what is worse than it may be. */
export function judgeFigures(nodes: number, seed: number): Figures {
  const trial = { kind: selvageGossip, nodes, seed };
  const detection = measureDetection({ ...trial, loss: 0.05 }, 12);
  const idle = measureControl({ ...trial, loss: 0.01 }, 30);
  const lossy = measureControl({ ...trial, loss: 0.1 }, 50);
  const calm = measureFalseDeaths({ ...trial, loss: 0.05 }, 30, false);
  const paused = measureFalseDeaths({ ...trial, loss: 0.01 }, 20, true);
  const peaks = {
    "crash known ms": Math.round(detection.median),
    "change at all, rounds": lossy.rounds.p99,
    "bytes/s": Math.round(idle.mean),
    "bytes/s at 10 % loss": Math.round(lossy.mean),
  };
  const sums = {
    "false deaths": calm.ofHealthy,
    "deaths of paused": paused.ofPaused,
    "with pauses": paused.ofHealthy + paused.ofWoken,
  };
  const faults = [
    [detection.unknown > 0, `${detection.unknown} crashes were not known by all`],
    [detection.median > 6_250, `a crash is known after ${Math.round(detection.median)} ms`],
    [lossy.rounds.p99 > 10, `a change takes ${lossy.rounds.p99} rounds`],
    [idle.missing + lossy.missing > 0, `${idle.missing + lossy.missing} deliveries are missing`],
    [idle.repeated + lossy.repeated > 0, `${idle.repeated + lossy.repeated} records were told twice`],
    [idle.mean > 312, `${Math.round(idle.mean)} bytes a second`],
    [calm.ofHealthy > 0, calm.notes.join("\n")],
    [paused.ofHealthy > 0, `while others paused: ${paused.notes.join("\n")}`],
  ] as const;
  const first = faults.find(([isFault]) => isFault);
  if (first !== undefined) throw new Error(`seed ${seed}, ${nodes} nodes: ${first[1]}`);
  return { sums, peaks };
}
