/**
 * Two hosts under all the load that the machine can make, for as long as it is told, and what the nodes need meanwhile:
 * what grows slowly is seen by no throughput test. Nothing is lost or late on the underlay here; transfers prove that.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { setTimeout } from "node:timers/promises";
import { Lab } from "../../examples/lab/lab.ts";
import { fromSource, type LabHost, type Program } from "../../examples/lab/lab_host.ts";
import type { Container } from "../../examples/lab/container.ts";
import { LineChild } from "../datapath/transfers/line_child.ts";
import {
  type InnerFigures,
  innerFigures,
  innerFile,
  type ProcessFigures,
  processFigures,
} from "./figures.ts";
import type { LoadCounts, LoadOrder } from "./load_order.ts";

export interface SoakPlan {
  readonly seconds: number;
  /** Between two samples. */
  readonly everySeconds: number;
  readonly seed: number;
}

/** One node, and what its container has sent and got. */
export interface NodeSample extends ProcessFigures {
  readonly inner: InnerFigures | undefined;
  readonly load: LoadCounts;
  /** Bytes of frames that its data path gave to its containers. */
  readonly carried: number;
  readonly drops: Readonly<Record<string, number>>;
  /** Threads of the data path that failed. */
  readonly restarts: number;
}

export interface Sample {
  /** Seconds since the load began. */
  readonly at: number;
  readonly nodes: readonly [NodeSample, NodeSample];
}

export const nodeNames = ["a", "b"] as const;

/** As `fromSource`, with our own program around the real one. */
const program: Program = {
  ...fromSource,
  words: [
    fromSource.words[0],
    ...fromSource.words.slice(1, -1),
    fileURLToPath(new URL("./node_program.ts", import.meta.url)),
  ],
};

/** Samples in order, the last one at the end. `seen` gets each as it is taken. Rejects when anything ends before its time. */
export async function runSoak(plan: SoakPlan, seen: (sample: Sample) => void): Promise<readonly Sample[]> {
  await using lab = new Lab(program);
  try {
    const ends = await prepared(lab);
    return await soaked(plan, ends, seen);
  } catch (error) {
    for (const { name, log } of lab.hosts) process.stderr.write(`--- node ${name}\n${log}\n`);
    throw error;
  }
}

interface End {
  readonly host: LabHost;
  readonly container: Container;
  readonly innerPath: string;
}

/** Two nodes in one mesh that have a data path of their own, with a container each. */
async function prepared(lab: Lab): Promise<readonly [End, End]> {
  const innerPath = (name: string) => join(lab.directory, `${name}.inner.json`);
  const [first, second] = nodeNames.map((name) => lab.host(name)) as [LabHost, LabHost];
  const options = ({ name }: LabHost) => ({ environment: { [innerFile]: innerPath(name) } });
  await first.launch(options(first));
  const { token } = await first.admin.createToken();
  await second.join(token, options(second));
  await lab.meshed();
  const ends = await Promise.all([first, second].map(async (host) => {
    const { datapath } = await host.admin.status();
    assert.equal(datapath.path, "worker", `${host.name}: ${datapath.reason}`);
    const container = await host.container();
    // Hundreds of short connections a second would use up all ports while those that have ended wait.
    container.namespace.set("ipv4/tcp_tw_reuse", "1");
    return { host, container, innerPath: innerPath(host.name) };
  }));
  return ends as [End, End];
}

async function soaked(
  { seconds, everySeconds, seed }: SoakPlan,
  ends: readonly [End, End],
  seen: (sample: Sample) => void,
): Promise<readonly Sample[]> {
  await using children = new AsyncDisposableStack();
  const loads = ends.map(({ container }, i) => {
    const { address4, address6 } = ends[1 - i]!.container;
    const order: LoadOrder = { to: { 4: address4, 6: address6 }, family: i === 0 ? 4 : 6, seed: seed + i };
    return new LineChild(container.namespace, new URL("./load_program.ts", import.meta.url), order);
  });
  // Together: what is left alone for a moment complains of the other's end.
  children.defer(() => Promise.all(loads.map((load) => load.end())).then(() => {}));
  for (const load of loads) await load.line();
  for (const load of loads) load.say("");
  const started = performance.now();
  const samples: Sample[] = [];
  for (let due = everySeconds; due <= seconds; due += everySeconds) {
    await setTimeout(Math.max(0, started + 1000 * due - performance.now()));
    const nodes = await Promise.all(ends.map((end, i) => look(end, loads[i]!))) as [NodeSample, NodeSample];
    const sample = { at: (performance.now() - started) / 1000, nodes };
    samples.push(sample);
    seen(sample);
  }
  return samples;
}

async function look({ host, innerPath }: End, load: LineChild): Promise<NodeSample> {
  // First, while none of our own questions is an open connection.
  const figures = processFigures(host.pid);
  const inner = innerFigures(innerPath);
  load.say("");
  const [{ datapath }, drops, counts] = await Promise.all([
    host.admin.status(),
    host.admin.drops(),
    load.line<LoadCounts>(),
  ]);
  const { restarts, counters } = datapath;
  return { ...figures, inner, load: counts, carried: counters?.frameBytesOut ?? 0, drops, restarts };
}
