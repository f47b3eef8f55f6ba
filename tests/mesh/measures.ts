/** The figures of the table, each a function of a machine, a size and a seed. Times are simulated milliseconds. */
import { median, quantile } from "../bench/report.ts";
import type { MachineKind } from "./gossip_shape.ts";
import { Mesh } from "./mesh.ts";
import { makeChanges, pauseSome } from "./weather.ts";

export interface Trial {
  readonly kind: MachineKind;
  readonly nodes: number;
  readonly seed: number;
  readonly loss: number;
}

/** Views are agreed, trees have been pruned, what start-up cost is over. */
const settling = 60_000;
/** Nobody waits longer for a death or a change. */
const patience = 120_000;

export function settled({ kind, nodes, seed, loss }: Trial, clockDrift = 0): Mesh {
  const mesh = new Mesh({ kind, nodes, seed, underlay: { loss }, clockDrift });
  makeChanges(mesh, Number.POSITIVE_INFINITY);
  mesh.run(settling);
  return mesh;
}

export interface Detection {
  /** Until every node that runs knew of a crash. */
  readonly median: number;
  readonly p95: number;
  readonly crashes: number;
  /** Crashes that somebody did not know of in two minutes. */
  readonly unknown: number;
}

/** Nodes crash one after the other, far enough apart that each death is by itself, and start again when it is known. */
export function measureDetection(trial: Trial, crashes: number): Detection {
  const mesh = settled(trial);
  const apart = trial.nodes >= 1_000 ? 2_000 : 10_000;
  const times: number[] = [];
  const open = new Map<number, number>();
  let left = crashes;
  const crash = () => {
    const victim = mesh.anyRunning();
    open.set(victim, mesh.now);
    mesh.crash(victim);
    if (--left > 0) mesh.after(apart * (0.5 + mesh.random.float()), crash);
  };
  const settleDeaths = () => {
    for (const [victim, at] of open) {
      if (mesh.beliefs.knownGoneBy(victim) < mesh.running) continue;
      times.push(mesh.now - at);
      open.delete(victim);
      if (mesh.nodes < 1_000) mesh.after(0, () => mesh.restart(victim, true));
    }
    return left === 0 && open.size === 0;
  };
  mesh.after(0, crash);
  mesh.runUntil(settleDeaths, crashes * apart * 1.5 + patience);
  const all = [...times, ...[...open.values()].map(() => Number.POSITIVE_INFINITY)];
  return { median: median(all), p95: quantile(all, 0.95), crashes, unknown: open.size };
}

export interface Control {
  /** Bytes a second of a node, sent and received together. */
  readonly mean: number;
  readonly p99: number;
  readonly datagrams: number;
  /** Until all had a change. */
  readonly median: number;
  readonly slowest: number;
  /** In rounds of the machine, the last begun one counted. */
  readonly rounds: { readonly p50: number; readonly p99: number };
  readonly changes: number;
  /** Nodes that never got a change, over all changes; and deliveries of what was there. */
  readonly missing: number;
  readonly repeated: number;
}

/** An idle mesh with ten changes a minute, for as long as `changes` of them take. */
export function measureControl(trial: Trial, changes: number): Control {
  const mesh = settled(trial);
  const first = mesh.changes.count;
  mesh.traffic.begin(mesh.now);
  mesh.runUntil(() => mesh.changes.count >= first + changes, Number.POSITIVE_INFINITY);
  const rates = mesh.traffic.rates(mesh.now);
  // The last ones are still on their way; those that are made meanwhile are not looked at.
  for (
    let waited = 0;
    waited < patience && mesh.changes.missing(first, first + changes) > 0;
    waited += 1_000
  ) {
    mesh.run(1_000);
  }
  const times = mesh.changes.times(first, first + changes);
  const inRounds = times.map((time) => Math.ceil(time / trial.kind.roundMillis));
  return {
    ...rates,
    median: median(times),
    slowest: Math.max(...times),
    rounds: { p50: median(inRounds), p99: quantile(inRounds, 0.99) },
    changes,
    missing: mesh.changes.missing(first, first + changes),
    repeated: mesh.changes.repeated,
  };
}

export interface FalseDeaths {
  /** Of nodes that ran and were not paused in the half minute before; that ran again after a pause; that stood still. */
  readonly ofHealthy: number;
  readonly ofWoken: number;
  readonly ofPaused: number;
  readonly suspicions: number;
  readonly nodeHours: number;
  readonly rate: number;
  readonly notes: readonly string[];
}

/** Nobody crashes: whoever is declared dead, is so falsely. */
export function measureFalseDeaths(trial: Trial, nodeHours: number, pauses: boolean): FalseDeaths {
  const mesh = settled(trial, 0.0005);
  mesh.deaths.begin();
  mesh.traffic.begin(mesh.now);
  if (pauses) pauseSome(mesh, Number.POSITIVE_INFINITY);
  mesh.run(nodeHours / trial.nodes * 3_600_000);
  const { ofHealthy, ofWoken, ofPaused, suspicions, notes } = mesh.deaths;
  const rate = mesh.traffic.rates(mesh.now).mean;
  return { ofHealthy, ofWoken, ofPaused, suspicions, nodeHours, rate, notes };
}
