/**
 * A fleet whose nodes are killed, stopped and started at random: how long until all are of one mind again, and whether
 * those that are left alone grow. A few are never touched, for a process that is young says nothing of growth.
 */
import { setTimeout } from "node:timers/promises";
import { fromSource } from "../../examples/lab/lab_host.ts";
import { SimRandom } from "../sim/random.ts";
import { processFigures } from "../soak/figures.ts";
import { type Point, type Slope, slopeOf, surelyPerHour } from "../soak/slope.ts";
import { agreed } from "./agreement.ts";
import { Fleet, type FleetNode } from "./fleet.ts";

export interface ChurnPlan {
  readonly nodes: number;
  readonly seconds: number;
  readonly seed: number;
  /** Between two looks at what all agree on. */
  readonly lookSeconds: number;
}

export interface ChurnReport {
  readonly kills: number;
  readonly stops: number;
  readonly starts: number;
  /** Milliseconds from the last change before a look until all were of one mind. */
  readonly agreed: readonly number[];
  /** MiB per hour of each node that was never touched, after the warm-up. */
  readonly growth: readonly Slope[];
}

/** What a look may take. */
export const agreementMillis = 15_000;
const untouched = 5;
const pauseMillis = { least: 500, most: 4_000 };
/** Of all nodes, stopped at a time. */
const mostStopped = 0.25;
const warmUpSeconds = 180;
/** For the first look, after so many have joined at once. */
const joiningMillis = 60_000;

/**
 * Of all nodes the growth that is most beyond doubt, MiB per hour. Throws where there is a node of which nothing can be said:
 * no figure must not pass for a good one.
 */
export function mostGrown(growth: readonly Slope[]): number {
  const sure = Math.max(...growth.map(surelyPerHour));
  if (growth.length > 0 && !Number.isNaN(sure)) return sure;
  throw new Error(
    `growth is told from three looks after the first ${warmUpSeconds} s, and there were fewer: let it run for longer`,
  );
}

/** Rejects when the nodes are not of one mind {@link agreementMillis} after a change. */
export async function runChurn(plan: ChurnPlan, tell: (line: string) => void): Promise<ChurnReport> {
  await using fleet = new Fleet(plan.nodes);
  await fleet.start();
  tell(`${plan.nodes} nodes have joined, ${fleet.repeatedJoins} of them not at once`);
  tell(`of one mind ${Math.round(await agreed(fleet, joiningMillis))} ms later`);
  const churn = new Churn(fleet, new SimRandom(plan.seed));
  const looks: number[] = [];
  const start = performance.now();
  const elapsed = () => (performance.now() - start) / 1000;
  while (elapsed() < plan.seconds) {
    const until = Math.min(plan.seconds, elapsed() + plan.lookSeconds);
    while (elapsed() < until) await churn.step();
    looks.push(await agreed(fleet, agreementMillis));
    churn.weigh(elapsed());
    tell(`${Math.round(elapsed())} s: ${churn.tally()}; of one mind after ${Math.round(looks.at(-1)!)} ms`);
  }
  await churn.startAll();
  looks.push(await agreed(fleet, agreementMillis));
  tell(`all run again: of one mind after ${Math.round(looks.at(-1)!)} ms`);
  return { ...churn.counts, agreed: looks, growth: churn.growth() };
}

class Churn {
  readonly counts = { kills: 0, stops: 0, starts: 0 };
  readonly #fleet: Fleet;
  readonly #random: SimRandom;
  readonly #weights: Point[][];

  constructor(fleet: Fleet, random: SimRandom) {
    this.#fleet = fleet;
    this.#random = random;
    this.#weights = Array.from({ length: Math.min(untouched, fleet.nodes.length) }, () => []);
  }

  tally(): string {
    const { kills, stops, starts } = this.counts;
    return `${kills} kills, ${stops} stops, ${starts} starts`;
  }

  /** One change, and a pause before it. */
  async step(): Promise<void> {
    await setTimeout(pauseMillis.least + this.#random.float() * (pauseMillis.most - pauseMillis.least));
    const touchable = this.#fleet.nodes.slice(untouched);
    const stopped = touchable.filter(({ isRunning }) => !isRunning);
    const mayStop = stopped.length < mostStopped * this.#fleet.nodes.length;
    if (stopped.length > 0 && (!mayStop || this.#random.float() < 0.5)) {
      return this.#start(this.#one(stopped));
    }
    const node = this.#one(touchable.filter(({ isRunning }) => isRunning));
    const isKill = this.#random.float() < 0.7;
    this.counts[isKill ? "kills" : "stops"]++;
    await node.end(isKill ? "SIGKILL" : "SIGTERM");
  }

  async startAll(): Promise<void> {
    for (const node of this.#fleet.nodes) if (!node.isRunning) await this.#start(node);
  }

  weigh(at: number): void {
    for (const [i, points] of this.#weights.entries()) {
      points.push({ at, value: processFigures(this.#fleet.nodes[i]!.pid).anonymous });
    }
  }

  growth(): readonly Slope[] {
    return this.#weights.map((points) => slopeOf(points.filter(({ at }) => at >= warmUpSeconds)));
  }

  async #start(node: FleetNode): Promise<void> {
    this.counts.starts++;
    await node.start(fromSource);
  }

  #one(nodes: readonly FleetNode[]): FleetNode {
    return nodes[Math.floor(this.#random.float() * nodes.length)]!;
  }
}
