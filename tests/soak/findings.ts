/** What the samples of a soak say: figures for the record, and what must not be. */
import type { Figures } from "../proofs/proof.ts";
import { kinds } from "./load_order.ts";
import { raisedBy, type Slope, slopeOf, surelyPerHour } from "./slope.ts";
import { nodeNames, type NodeSample, type Sample } from "./soak.ts";

/** MiB per hour; also the largest error with which it can be said that nothing grows faster. */
const steepest = 1;
/**
 * Of the run. Compilers go on for as long as they find something that is run often, and what they make stays: on a machine
 * that was busy with other work, half an hour.
 */
const warmUpShare = 1 / 3;
/** Longer than a busy machine keeps programs waiting that yield to all others. */
const stallSeconds = 30;

export interface Findings {
  readonly figures: Figures;
  /** In words; empty when all is as it must be. */
  readonly faults: readonly string[];
}

export function findingsOf(samples: readonly Sample[]): Findings {
  const last = samples.at(-1);
  if (last === undefined) return { figures: {}, faults: ["there are no samples"] };
  const warm = samples.filter(({ at }) => at >= last.at * warmUpShare);
  const nodes = nodeNames.map((name, i) =>
    nodeFindings(name, warm.map(({ at, nodes }) => ({ at, ...nodes[i]! })))
  );
  return {
    figures: {
      sums: sumsOf(last.nodes),
      peaks: {
        "RSS MiB": Math.round(
          Math.max(...samples.flatMap(({ nodes }) => nodes.map(({ resident }) => resident))),
        ),
      },
      notes: nodes.map(({ note }) => note),
    },
    faults: [...nodes.flatMap(({ faults }) => faults), ...stallsOf(samples)],
  };
}

function sumsOf([a, b]: Sample["nodes"]): Record<string, number> {
  const drops: Record<string, number> = {};
  for (const node of [a, b]) {
    for (const [reason, count] of Object.entries(node.drops)) {
      if (count > 0) drops[`dropped: ${reason}`] = (drops[`dropped: ${reason}`] ?? 0) + count;
    }
  }
  return {
    "bytes carried": a.carried + b.carried,
    "stream bytes": a.load.streamBytes + b.load.streamBytes,
    "short flows": a.load.flows + b.load.flows,
    datagrams: a.load.datagrams + b.load.datagrams,
    "datagrams sent": a.load.datagramsSent + b.load.datagramsSent,
    ...drops,
  };
}

type Timed = NodeSample & { readonly at: number };

function nodeFindings(name: string, warm: readonly Timed[]) {
  const slope = (figure: (node: Timed) => number | undefined) =>
    slopeOf(warm.flatMap((node) => {
      const value = figure(node);
      return value === undefined ? [] : [{ at: node.at, value }];
    }));
  const resident = slope((node) => node.resident);
  const range = (figure: (node: Timed) => number, digits = 0) => {
    const values = warm.map(figure);
    return `${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)}`;
  };
  const note = `${name}: RSS ${range((node) => node.resident, 1)} MiB, ${perHour(resident)}; anonymous ${
    perHour(slope((node) => node.anonymous))
  }, shared ${perHour(slope((node) => node.shared))}; heap ${
    perHour(slope((node) => node.inner?.heap))
  }, external ${perHour(slope((node) => node.inner?.external))}; descriptors ${
    range((node) => node.descriptors)
  }, threads ${range((node) => node.threads)}`;
  const timers = warm.flatMap(({ inner }) => inner?.timers ?? []);
  const raised = {
    descriptors: raisedBy(warm.map(({ descriptors }) => descriptors)),
    threads: raisedBy(warm.map(({ threads }) => threads)),
    timers: raisedBy(timers),
  };
  const restarts = warm.at(-1)?.restarts ?? 0;
  return {
    note: timers.length === 0 ? note : `${note}, timers ${Math.min(...timers)}–${Math.max(...timers)}`,
    faults: [
      ...growthOf(name, resident),
      ...Object.entries(raised).filter(([, by]) => by > 0).map(([what, by]) =>
        `${name}: ${by} more ${what} at the end`
      ),
      ...restarts > 0 ? [`${name}: threads of its data path failed ${restarts} times`] : [],
    ],
  };
}

/** A step or two in an hour make a steep line that may be none: then neither can be claimed. */
function growthOf(name: string, slope: Slope): string[] {
  if (surelyPerHour(slope) > steepest) return [`${name}: its memory grows, ${perHour(slope)}`];
  if (slope.error <= steepest) return [];
  return [`${name}: whether its memory grows cannot be told, ${perHour(slope)}: run longer`];
}

function perHour({ perHour, error }: Slope): string {
  return `${perHour.toFixed(2)} ± ${error.toFixed(2)} MiB/h`;
}

/** Kinds of traffic of which nothing arrived for too long, each with the first time. */
function stallsOf(samples: readonly Sample[]): string[] {
  return nodeNames.flatMap((name, i) =>
    kinds.flatMap((kind) => {
      let moved: { readonly at: number; readonly count: number } = { at: 0, count: 0 };
      for (const { at, nodes } of samples) {
        const count = nodes[i]!.load[kind];
        if (count > moved.count) moved = { at, count };
        else if (at - moved.at >= stallSeconds) {
          return [`${name}: ${kind} stood still after ${Math.round(moved.at)} s`];
        }
      }
      return [];
    })
  );
}

/** A line for who watches. */
export function lineOf({ at, nodes }: Sample): string {
  const texts = nodes.map(({ resident, anonymous, descriptors, inner, load, drops }, i) => {
    const heap = inner === undefined ? "?" : `${inner.heap.toFixed(1)}+${inner.external.toFixed(1)}`;
    const dropped = Object.values(drops).reduce((sum, count) => sum + count, 0);
    return `${nodeNames[i]} ${resident.toFixed(1)} MiB (anonymous ${anonymous.toFixed(1)}, heap ${heap}), ` +
      `${descriptors} fds, ${Math.round(load.streamBytes / 1e6)} MB, ${load.flows} flows, ` +
      `${load.datagrams} datagrams, ${dropped} drops`;
  });
  return `${Math.round(at)} s: ${texts.join(" | ")}`;
}
