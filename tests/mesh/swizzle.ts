/**
 * Random runs of small meshes under every fault at once: crashes, restarts with and without what was stored, leaves,
 * pauses, slow processors, cuts one way and both, loss, bursts, copies. Faults are healed in an order of their own. In
 * the end all are, and the mesh must be of one mind within half a minute.
 */
import { SimRandom } from "../sim/random.ts";
import type { MachineKind } from "./gossip_shape.ts";
import { Mesh } from "./mesh.ts";
import { mostHealing } from "./recovery.ts";
import { type Cut, nodeSet } from "./underlay.ts";

export interface MeshSwizzleOptions {
  readonly kind: MachineKind;
  readonly seed: number;
  readonly nodes: number;
  readonly operations: number;
}

export interface MeshSwizzleResult {
  readonly operations: number;
  readonly faults: number;
  readonly events: number;
  /** Deaths of nodes that ran: under cuts they are no fault, and a figure only. */
  readonly deaths: number;
  /** Milliseconds after the last heal. */
  readonly agreed: number;
  /** Milliseconds that a change took to reach all thereafter: the mesh is in one piece. */
  readonly reached: number;
  readonly traceHash: string;
}

interface Fault {
  readonly name: string;
  heal(): void;
}

const mostFaults = 4;
const operationsPerFault = 10;
const settling = 30_000;

/** Throws what did not hold, with the operations that came last. */
export function swizzleMesh(options: MeshSwizzleOptions): MeshSwizzleResult {
  return new Swizzle(options).run();
}

class Swizzle {
  readonly #options: MeshSwizzleOptions;
  readonly #random: SimRandom;
  readonly #mesh: Mesh;
  readonly #active: Fault[] = [];
  readonly #story: string[] = [];
  #faults = 0;

  constructor(options: MeshSwizzleOptions) {
    this.#options = options;
    this.#random = new SimRandom(options.seed ^ 0x3e51);
    const { kind, nodes, seed } = options;
    this.#mesh = new Mesh({ kind, nodes, seed, clockDrift: 0.1 });
  }

  run(): MeshSwizzleResult {
    const { operations } = this.#options;
    this.#mesh.run(settling);
    for (let operation = 0; operation < operations; operation++) this.#step();
    while (this.#active.length > 0) this.#heal();
    this.#restartAll();
    const healed = this.#mesh.now;
    if (!this.#mesh.runUntil(() => this.#mesh.beliefs.wrong === 0, mostHealing)) {
      this.#fail([...this.#mesh.beliefs.wrongPairs().take(8)].join("; "));
    }
    const agreed = this.#mesh.now - healed;
    const reached = this.#reachAll();
    return {
      operations,
      faults: this.#faults,
      events: this.#mesh.events,
      deaths: this.#mesh.deaths.ofHealthy + this.#mesh.deaths.ofPaused,
      agreed,
      reached,
      traceHash: this.#mesh.trace.digest(),
    };
  }

  #reachAll(): number {
    const [first, made] = [this.#mesh.changes.count, this.#mesh.now];
    this.#mesh.spread(this.#someone());
    if (!this.#mesh.runUntil(() => this.#mesh.changes.missing(first) === 0, mostHealing)) {
      this.#fail(`${this.#mesh.changes.missing(first)} nodes do not get a change`);
    }
    return this.#mesh.now - made;
  }

  #fail(what: string): never {
    const { seed, nodes } = this.#options;
    const story = this.#story.slice(-40).join("\n");
    throw new Error(`seed ${seed}, ${nodes} nodes: half a minute after the last heal ${what}\n${story}`);
  }

  #step(): void {
    const [injects, heals] = [
      this.#random.chance(1 / operationsPerFault),
      this.#random.chance(1 / operationsPerFault),
    ];
    if (injects && this.#active.length < mostFaults) this.#inject();
    if (heals) this.#heal();
    if (this.#random.chance(0.5)) this.#mesh.spread(this.#someone());
    // Most operations follow each other closely; now and then there is time for something to be found out.
    this.#mesh.run(this.#random.float() * (this.#random.chance(0.1) ? 20_000 : 1_000));
  }

  #inject(): void {
    const fault = this.#random.pick(faultKinds)(this.#mesh, this.#someone(), this.#random);
    if (fault === undefined) return;
    this.#faults++;
    this.#active.push(fault);
    this.#tell(fault.name);
  }

  #heal(): void {
    if (this.#active.length === 0) return;
    const [fault] = this.#active.splice(this.#random.below(this.#active.length), 1);
    fault!.heal();
    this.#tell(`healed: ${fault!.name}`);
  }

  #restartAll(): void {
    for (let node = 0; node < this.#mesh.nodes; node++) {
      if (!this.#mesh.isRunning(node)) this.#mesh.restart(node, this.#random.chance(0.5));
    }
  }

  #tell(what: string): void {
    this.#story.push(`${(this.#mesh.now / 1000).toFixed(3)} s: ${what}`);
  }

  #someone(): number {
    const start = this.#random.below(this.#mesh.nodes);
    for (let step = 0; step < this.#mesh.nodes; step++) {
      const node = (start + step) % this.#mesh.nodes;
      if (this.#mesh.isRunning(node)) return node;
    }
    throw new Error("no node runs");
  }
}

type FaultKind = (mesh: Mesh, node: number, random: SimRandom) => Fault | undefined;

const faultKinds: readonly FaultKind[] = [
  (mesh, node, random) => stopped(mesh, node, random, "crash"),
  (mesh, node, random) => stopped(mesh, node, random, "leave"),
  (mesh, node, random) => {
    const millis = Math.floor(random.float() * 30_000);
    mesh.pause(node, millis);
    return { name: `${node} pauses for ${millis} ms`, heal: () => mesh.wake(node) };
  },
  (mesh, node, random) => {
    const millis = 1 + random.below(100);
    mesh.slow(node, millis);
    return { name: `${node} takes ${millis} ms for a message`, heal: () => mesh.slow(node, 0) };
  },
  (mesh, node) => {
    mesh.underlay.lossIn[node] = 1;
    return { name: `${node} hears nobody`, heal: () => mesh.underlay.lossIn[node] = 0 };
  },
  (mesh, node) => {
    mesh.underlay.lossOut[node] = 1;
    return { name: `${node} is heard by nobody`, heal: () => mesh.underlay.lossOut[node] = 0 };
  },
  (mesh, _, random) => cutOff(mesh, random, true),
  (mesh, _, random) => cutOff(mesh, random, false),
  (mesh, _, random) => {
    const loss = 0.3 * random.float();
    mesh.underlay.faults.loss = loss;
    return { name: `loss of ${loss.toFixed(2)}`, heal: () => mesh.underlay.faults.loss = 0 };
  },
  (mesh) => {
    Object.assign(mesh.underlay.faults, {
      burst: { enter: 0.02, leave: 0.2, loss: 0.9 },
      duplicate: 0.1,
      reorder: 0.1,
    });
    const heal = () => Object.assign(mesh.underlay.faults, { burst: undefined, duplicate: 0, reorder: 0 });
    return { name: "bursts, copies, reordering", heal };
  },
];

/** At least half of the nodes go on. */
function stopped(mesh: Mesh, node: number, random: SimRandom, how: "crash" | "leave"): Fault | undefined {
  if (mesh.running <= mesh.nodes / 2 || mesh.isPaused(node)) return undefined;
  mesh[how](node);
  const hasState = random.chance(0.5);
  const heal = () => {
    if (mesh.isRunning(node)) mesh.crash(node);
    mesh.restart(node, hasState);
  };
  return { name: `${node}: ${how}, then again with ${hasState ? "its state" : "nothing"}`, heal };
}

function cutOff(mesh: Mesh, random: SimRandom, bothWays: boolean): Fault {
  const from = nodeSet(mesh.nodes, () => random.chance(0.5));
  const to = from.map((isIn) => 1 - isIn);
  const cuts: Cut[] = bothWays ? [{ from, to }, { from: to, to: from }] : [{ from, to }];
  for (const cut of cuts) mesh.underlay.cut(cut);
  const heal = () => {
    for (const cut of cuts) mesh.underlay.mend(cut);
  };
  return { name: `${[...from].join("")} cut off ${bothWays ? "both ways" : "one way"}`, heal };
}
