/**
 * How fast the simulator runs: node-seconds of simulated time per second of real time, on an idle full mesh. All nodes run
 * in one thread, so a session kept alive costs about the same everywhere, and the figure falls with the sessions per
 * node: 4 of them at 5 nodes, 19 at 20, 99 at 100.
 *
 * Packets are sealed by the reference ciphers, as in all simulations. What is not measured is spared: X25519 is the
 * runtime's, as in all of them too, and a record that one node has verified is verified for all, since the memory of that is the process's.
 *
 * By itself: `node -C source tests/bench/sim.ts 5 20`.
 */
import process from "node:process";
import { fileURLToPath } from "node:url";
import { SimWorld } from "../sim/world.ts";
import { printRows, type Row, times } from "./report.ts";

/** Simulated seconds that are measured, fewer where each takes longer, and how the nodes come together before. */
const measured = [
  { size: 5, seconds: 300, meeting: "all" },
  { size: 20, seconds: 120, meeting: "all" },
  { size: 100, seconds: 60, meeting: "founder" },
] as const;

/**
 * Whom a node that joins can reach: all others at once, or the founder alone until all have joined. With all at once
 * every record goes from everybody to everybody, which is sessions squared for each: 740,000 datagrams by the seventieth
 * node, all before the first second that is measured.
 */
type Meeting = typeof measured[number]["meeting"];

const meetings: Readonly<Record<Meeting, string>> = {
  all: "all joined after",
  founder: "all joined, at first through the founder alone, after",
};

/** Simulated seconds until a node has dialed again everybody that did not answer at first. */
const longestMeeting = 120;

interface Speed {
  readonly size: number;
  readonly seconds: number;
  readonly meeting: Meeting;
  /** Real seconds until all had joined and found each other. */
  readonly joining: number;
  readonly nodeSeconds: number;
  /** Sessions per node. */
  readonly sessions: number;
  readonly datagrams: number;
}

export async function benchSim(
  sizes: readonly number[] = measured.map(({ size }) => size),
): Promise<readonly Row[]> {
  const speeds: Speed[] = [];
  for (const each of measured) {
    if (sizes.includes(each.size)) speeds.push(await measure(each));
  }
  return speeds.flatMap((speed) => rowsOf(speed, speeds[0]!));
}

function rowsOf(speed: Speed, least: Speed): Row[] {
  const { size, seconds, meeting, joining, nodeSeconds, sessions, datagrams } = speed;
  return [
    {
      what: `${size} nodes, ${sessions.toFixed(0)} sessions each, for ${seconds} s`,
      figure: `${nodeSeconds.toFixed(0)} node-s/s`,
      ...(size !== least.size && { ratio: `${times(nodeSeconds / least.nodeSeconds)} ${least.size} nodes` }),
    },
    { what: `${size} nodes: datagrams`, figure: `${datagrams.toFixed(0)}/s` },
    { what: `${size} nodes: ${meetings[meeting]}`, figure: `${joining.toFixed(1)} s` },
  ];
}

async function measure({ size, seconds, meeting }: typeof measured[number]): Promise<Speed> {
  await using world = new SimWorld(1, { delay: 5, jitter: 5 });
  const [, joining] = await timed(() => gather(world, size, meeting));
  const before = world.network.counts.sent;
  const [, real] = await timed(() => world.clock.advance(1_000 * seconds));
  return {
    size,
    seconds,
    meeting,
    joining,
    nodeSeconds: (size * seconds) / real,
    sessions: sessionsIn(world) / size,
    datagrams: (world.network.counts.sent - before) / real,
  };
}

/** Ten at a time: a founder that admits all at once would make most of them knock again. */
async function gather(world: SimWorld, size: number, meeting: Meeting): Promise<void> {
  const founder = await world.found("n0");
  const { token } = await world.run(founder.node.tokens.create());
  const names = Array.from({ length: size - 1 }, (_, i) => `n${i + 1}`);
  if (meeting === "founder") keepApart(world, names);
  for (let from = 0; from < names.length; from += 10) {
    await world.startTogether(
      names.slice(from, from + 10).map((name) => [name, { join: { token } }] as const),
    );
    if (meeting === "all") await world.clock.advance(2_000);
  }
  world.network.heal();
  // Asked once a second: to ask a hundred nodes after every event would take longer than the events.
  for (let second = 0; meeting === "founder" && sessionsIn(world) < size * (size - 1); second++) {
    if (second === longestMeeting) throw new Error(`${size} nodes did not all meet within ${second} s`);
    await world.clock.advance(1_000);
  }
}

function sessionsIn(world: SimWorld): number {
  return world.nodes().reduce((sum, { node }) => sum + node.status().connections.established, 0);
}

/** Nothing passes between any two of them. */
function keepApart(world: SimWorld, names: readonly string[]): void {
  const hosts = names.map((name) => world.machine(name).host);
  for (const from of hosts) {
    for (const to of hosts) if (from !== to) world.network.cut(from, to);
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
