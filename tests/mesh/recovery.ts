/**
 * Great faults, one to a run: what happens, how it is healed, and how long after that all nodes are of one mind about all
 * others. Of one mind: each holds alive who runs, and dead or left who does not, with no suspicion left over. That the
 * mesh is connected is shown by a change that reaches everybody.
 */
import type { MachineKind } from "./gossip_shape.ts";
import { expel, join, recordMillis } from "./membership.ts";
import { Mesh } from "./mesh.ts";
import { type Cut, nodeSet } from "./underlay.ts";

/** Within so long after the heal all has to be well. */
export const mostHealing = 30_000;
const settling = 60_000;
const patience = 180_000;
/** From a farewell to the next start: longer than the farewell lasts. */
const awayMillis = 4_000;

export interface Recovery {
  readonly name: string;
  /** Milliseconds after the heal; infinite when it never came within three minutes. */
  readonly agreed: number;
  /** Of a change that was made when all agreed, or should have: milliseconds, infinite when somebody never got it. */
  readonly reached: number;
  /** False deaths while it lasted; of a node that is cut off a death is no fault. */
  readonly deaths: number;
  readonly notes: readonly string[];
}

export interface RecoveryTrial {
  readonly kind: MachineKind;
  readonly nodes: number;
  readonly seed: number;
}

type Scenario = (mesh: Mesh) => void;

/** The last fifth of all nodes is no member at first, where others are to join. */
const joiners: Readonly<Record<string, number>> = { "a fifth joins within ten seconds": 0.2 };

/** Each injects its fault, lets it last and heals it. */
const scenarios: Readonly<Record<string, Scenario>> = {
  "half of all crash at once": (mesh) => {
    for (const node of someNodes(mesh, 0.5)) mesh.crash(node);
  },
  "a tenth crashes, and starts again with nothing after 20 s": (mesh) => {
    const crashed = someNodes(mesh, 0.1);
    for (const node of crashed) mesh.crash(node);
    mesh.run(20_000);
    for (const node of crashed) mesh.restart(node, false);
  },
  "a tenth leaves": (mesh) => {
    for (const node of someNodes(mesh, 0.1)) mesh.leave(node);
    mesh.run(3_000);
  },
  "a fifth joins within ten seconds": (mesh) => {
    for (let node = 0; node < mesh.nodes; node++) {
      if (mesh.members[node] === 0) mesh.after(mesh.random.float() * 10_000, () => join(mesh, node));
    }
    mesh.run(10_000 + recordMillis);
  },
  "a tenth is revoked, and does not stop to talk": (mesh) => {
    for (const node of someNodes(mesh, 0.1)) expel(mesh, node);
    mesh.run(recordMillis);
  },
  "halves that do not reach each other for 30 s": (mesh) => {
    const half = maskOf(mesh, someNodes(mesh, 0.5));
    const rest = half.map((isIn) => 1 - isIn);
    cutFor(mesh, [{ from: half, to: rest }, { from: rest, to: half }], 30_000);
  },
  "halves that do not reach each other for ten minutes": (mesh) => {
    const half = maskOf(mesh, someNodes(mesh, 0.5));
    const rest = half.map((isIn) => 1 - isIn);
    cutFor(mesh, [{ from: half, to: rest }, { from: rest, to: half }], 600_000);
  },
  "all start again, one after the other, within two minutes": (mesh) => {
    const apart = 120_000 / mesh.nodes;
    for (let node = 0; node < mesh.nodes; node++) {
      mesh.leave(node);
      mesh.after(awayMillis, () => mesh.restart(node, true));
      mesh.run(apart);
    }
    mesh.run(awayMillis);
  },
  "a fifth that is alone for five minutes": (mesh) => {
    const fifth = maskOf(mesh, someNodes(mesh, 0.2));
    const rest = fifth.map((isIn) => 1 - isIn);
    cutFor(mesh, [{ from: fifth, to: rest }, { from: rest, to: fifth }], 300_000);
  },
  "one way from a half to the other is cut for 30 s": (mesh) => {
    const half = maskOf(mesh, someNodes(mesh, 0.5));
    cutFor(mesh, [{ from: half, to: half.map((isIn) => 1 - isIn) }], 30_000);
  },
  "one node hears nobody for 60 s": (mesh) => {
    const deaf = maskOf(mesh, [mesh.anyRunning()]);
    cutFor(mesh, [{ from: deaf.map((isIn) => 1 - isIn), to: deaf }], 60_000);
  },
  "one node is heard by nobody for 60 s": (mesh) => {
    const mute = maskOf(mesh, [mesh.anyRunning()]);
    cutFor(mesh, [{ from: mute, to: mute.map((isIn) => 1 - isIn) }], 60_000);
  },
  "a tenth flaps, 3 s down and 3 s up, for 2 minutes": (mesh) => {
    const some = maskOf(mesh, someNodes(mesh, 0.1));
    const rest = some.map((isIn) => 1 - isIn);
    for (let time = 0; time < 20; time++) {
      cutFor(mesh, [{ from: some, to: rest }, { from: rest, to: some }], 3_000);
      mesh.run(3_000);
    }
  },
  "all links lose in bursts for 2 minutes": (mesh) => {
    mesh.underlay.faults.burst = { enter: 0.02, leave: 0.2, loss: 0.9 };
    mesh.run(120_000);
    mesh.underlay.faults.burst = undefined;
  },
  "a tenth is slow, 50 ms for each message, for 2 minutes": (mesh) => {
    const slow = someNodes(mesh, 0.1);
    for (const node of slow) mesh.slow(node, 50);
    mesh.run(120_000);
    for (const node of slow) mesh.slow(node, 0);
  },
};

export const recoveryNames: readonly string[] = Object.keys(scenarios);

export function measureRecovery({ kind, nodes, seed }: RecoveryTrial, name: string): Recovery {
  const scenario = scenarios[name];
  if (scenario === undefined) throw new Error(`no fault is called ${name}: ${recoveryNames.join(", ")}`);
  const mesh = new Mesh({
    kind,
    nodes,
    seed,
    underlay: { loss: 0.01, duplicate: 0.01, reorder: 0.01 },
    clockDrift: 0.1,
    present: nodes - Math.round(nodes * (joiners[name] ?? 0)),
  });
  mesh.run(settling);
  mesh.deaths.begin();
  scenario(mesh);
  const healed = mesh.now;
  const deaths = mesh.deaths.ofHealthy;
  const agreed = mesh.runUntil(() => mesh.beliefs.wrong === 0, patience)
    ? mesh.now - healed
    : Number.POSITIVE_INFINITY;
  const notes = agreed <= mostHealing ? [] : [...mesh.beliefs.wrongPairs().take(8), ...mesh.deaths.notes];
  const first = mesh.changes.count;
  const made = mesh.now;
  mesh.spread();
  const reached = mesh.runUntil(() => mesh.changes.missing(first) === 0, patience)
    ? mesh.now - made
    : Number.POSITIVE_INFINITY;
  return { name, agreed, reached, deaths, notes };
}

/** So many nodes that run, at random. */
function someNodes(mesh: Mesh, share: number): readonly number[] {
  const chosen = new Set<number>();
  while (chosen.size < Math.round(share * mesh.nodes)) chosen.add(mesh.anyRunning());
  return [...chosen];
}

function maskOf(mesh: Mesh, nodes: readonly number[]): Uint8Array {
  const chosen = new Set(nodes);
  return nodeSet(mesh.nodes, (node) => chosen.has(node));
}

function cutFor(mesh: Mesh, cuts: readonly Cut[], millis: number): void {
  for (const cut of cuts) mesh.underlay.cut(cut);
  mesh.run(millis);
  for (const cut of cuts) mesh.underlay.mend(cut);
}
