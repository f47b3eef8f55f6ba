/**
 * How fast the simulator runs: node-seconds of simulated time per second of real time, on an idle full mesh. All nodes run
 * in one thread with reference cryptography, so a session kept alive costs about the same everywhere, and the figure falls
 * with the sessions per node: 4 of them at 5 nodes, 19 at 20. A node sets out for 64 peers at most, so 100 nodes have
 * about that many sessions each and are no full mesh.
 *
 * By itself: `node -C source tests/bench/sim.ts 5 20`.
 */
import process from "node:process";
import { fileURLToPath } from "node:url";
import { SimWorld } from "../sim/world.ts";
import { printRows, type Row, times } from "./report.ts";

/** Simulated seconds that are measured; fewer where each takes longer. */
const measured = [[5, 300], [20, 120], [100, 60]] as const;

interface Speed {
  readonly size: number;
  /** Real seconds until all had joined and found each other. */
  readonly joining: number;
  readonly nodeSeconds: number;
  /** Sessions per node. */
  readonly sessions: number;
  readonly datagrams: number;
}

export async function benchSim(
  sizes: readonly number[] = measured.map(([size]) => size),
): Promise<readonly Row[]> {
  const speeds: Speed[] = [];
  for (const [size, seconds] of measured) {
    if (sizes.includes(size)) speeds.push(await measure(size, seconds));
  }
  return speeds.flatMap((speed) => rowsOf(speed, speeds[0]!));
}

function rowsOf({ size, joining, nodeSeconds, sessions, datagrams }: Speed, least: Speed): Row[] {
  return [
    {
      what: `${size} nodes, ${sessions.toFixed(0)} sessions each`,
      figure: `${nodeSeconds.toFixed(0)} node-s/s`,
      ...(size !== least.size && { ratio: `${times(nodeSeconds / least.nodeSeconds)} ${least.size} nodes` }),
    },
    { what: `${size} nodes: datagrams`, figure: `${datagrams.toFixed(0)}/s` },
    { what: `${size} nodes: all joined after`, figure: `${joining.toFixed(1)} s` },
  ];
}

async function measure(size: number, seconds: number): Promise<Speed> {
  await using world = new SimWorld(1, { delay: 5, jitter: 5 });
  const [, joining] = await timed(() => gather(world, size));
  const before = world.network.counts.sent;
  const [, real] = await timed(() => world.clock.advance(1_000 * seconds));
  const sessions = world.nodes().reduce((sum, { node }) => sum + node.status().connections.established, 0);
  return {
    size,
    joining,
    nodeSeconds: (size * seconds) / real,
    sessions: sessions / size,
    datagrams: (world.network.counts.sent - before) / real,
  };
}

/** Ten at a time: a founder that admits all at once would make most of them knock again. */
async function gather(world: SimWorld, size: number): Promise<void> {
  const founder = await world.found("n0");
  const { token } = await world.run(founder.node.tokens.create());
  const names = Array.from({ length: size - 1 }, (_, i) => `n${i + 1}`);
  for (let from = 0; from < names.length; from += 10) {
    await world.startTogether(
      names.slice(from, from + 10).map((name) => [name, { join: { token } }] as const),
    );
    await world.clock.advance(2_000);
  }
}

async function timed<T>(work: () => Promise<T>): Promise<[result: T, seconds: number]> {
  const began = performance.now();
  const result = await work();
  return [result, (performance.now() - began) / 1_000];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const sizes = process.argv.slice(2).map(Number);
  printRows("Simulated time", await benchSim(sizes.length === 0 ? undefined : sizes));
}
