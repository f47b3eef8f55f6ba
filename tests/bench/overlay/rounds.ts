/** All systems in turn, again and again: what the machine does beside it then falls on all of them alike. */
import { run } from "../../../examples/lab/namespace.ts";
import type { Options } from "./command_line.ts";
import { Measurements } from "./measurements.ts";
import { orderOf } from "./order.ts";
import type { Result } from "./result.ts";
import { type Overlay, type System, versionOf } from "./system.ts";
import { type Offload, Topology } from "./topology.ts";

/** A start, warming up, and what every phase takes beyond its seconds. */
const fixedSeconds = 120;
/** Of so many runs of a load are all phases together. */
const runsOfLoad = 10;

interface Trial {
  readonly system: System;
  readonly offload: Offload;
}

/** Results in the order of `systems`, first those with offload. `say` gets a line before each trial. */
export async function runRounds(
  systems: readonly System[],
  options: Options,
  { signal, say }: { readonly signal: AbortSignal; readonly say: (line: string) => void },
): Promise<readonly Result[]> {
  const trials = options.offloads.flatMap((offload) => systems.map((system) => ({ system, offload })));
  const results = new Map(trials.map((trial) => [trial, emptyResult(trial)]));
  for (let round = 0; round < options.rounds; round++) {
    for (const trial of orderOf(trials, round)) {
      say(`round ${round + 1} of ${options.rounds}, offload ${trial.offload}: ${trial.system.name}`);
      const result = results.get(trial)!;
      const known = result.failures.length;
      try {
        await measure(trial, options, { signal, result });
      } catch (error) {
        if (signal.aborted) return [...results.values()];
        result.failures.push((error as Error).message);
      }
      for (const failure of result.failures.slice(known)) say(`  failed: ${failure}`);
    }
  }
  return [...results.values()];
}

function emptyResult({ system, offload }: Trial): Result {
  return {
    system: system.name,
    offload,
    version: versionOf(system),
    mtu: undefined,
    samples: [],
    failures: [],
  };
}

interface Context {
  readonly signal: AbortSignal;
  readonly result: Result;
}

async function measure(trial: Trial, options: Options, { signal, result }: Context): Promise<void> {
  const limit = AbortSignal.timeout((fixedSeconds + runsOfLoad * options.seconds) * 1000);
  await using topology = new Topology(trial.offload, AbortSignal.any([signal, limit]));
  const explain = (error: Error) => {
    throw new Error(`${error.message}\n${topology.programs.said}`.trim(), { cause: error });
  };
  const overlay = await Promise.try(() => trial.system.start(topology)).catch(explain);
  try {
    const measurements = new Measurements(topology, overlay, options.seconds);
    await measurements.ready().catch(explain);
    result.mtu = mtuTowards(overlay);
    const { sample, failures } = await measurements.measure(options.phases);
    result.samples.push(sample);
    result.failures.push(...failures);
  } finally {
    await overlay.end?.();
  }
}

/** Of the device that packets leave by. */
function mtuTowards({ from, address }: Overlay): number {
  const routes = run("ip", "-n", from.name, "-j", "route", "get", address);
  const [{ dev }] = JSON.parse(routes) as [{ dev: string }];
  const links = run("ip", "-n", from.name, "-j", "link", "show", "dev", dev);
  return (JSON.parse(links) as [{ mtu: number }])[0].mtu;
}
