/** The table of what a mesh promises: rows, goals by size, and what is measured for each cell. */
import type { MachineKind } from "./gossip_shape.ts";
import {
  type Control,
  measureControl,
  measureDetection,
  measureFalseDeaths,
  type Trial,
} from "./measures.ts";
import { memoryPerMember } from "./memory.ts";
import { nodeMemory } from "./node_memory.ts";
import { plainSwim } from "./plain_swim.ts";
import { measureRecovery, mostHealing, recoveryNames } from "./recovery.ts";

export interface Cell {
  readonly text: string;
  /** Undefined where there is no goal for this size. */
  readonly met: boolean | undefined;
}

export interface Request {
  readonly kind: MachineKind;
  readonly nodes: number;
  readonly seed: number;
  /** Node-hours for false deaths without pauses; with pauses a tenth of it. */
  readonly nodeHours: number;
}

interface Figure {
  readonly value: number;
  readonly detail: string;
}

export interface TableRow {
  /** What `--only` takes. */
  readonly key: string;
  readonly what: string;
  /** By number of nodes; between two the smaller one's holds. */
  readonly goals: Readonly<Record<number, number>>;
  readonly unit: string;
  measure(request: Request): Figure | Promise<Figure>;
}

const detectionGoals = { 100: 5, 1_000: 8, 10_000: 12 };
const spreadGoals = { 100: 8, 1_000: 10, 10_000: 13 };
const idleGoals = { 100: 250, 1_000: 350, 10_000: 500 };

/** Fewer where each takes longer: 10,000 machines do in a minute what 100 do in a second. */
function amount(nodes: number, most: number): number {
  return nodes >= 10_000 ? Math.ceil(most / 5) : most;
}

function detection(loss: number): TableRow {
  return {
    key: `detection-${100 * loss}`,
    what: `crash known by all, median, ${100 * loss} % loss`,
    goals: detectionGoals,
    unit: "s",
    measure({ nodes, ...rest }) {
      const crashes = amount(nodes, 50);
      const { median, p95, unknown } = measureDetection({ ...rest, nodes, loss }, crashes);
      const open = unknown > 0 ? `, ${unknown} of ${crashes} never known` : "";
      return { value: median / 1000, detail: `p95 ${(p95 / 1000).toFixed(1)}${open}` };
    },
  };
}

/** The rows on changes and on bytes are of one run. */
const controls = new Map<string, Control>();

function control(request: Request, loss: number): Control {
  const { kind, nodes, seed } = request;
  const key = `${kind.name} ${nodes} ${seed} ${loss}`;
  const known = controls.get(key) ?? measureControl({ kind, nodes, seed, loss }, amount(nodes, 300));
  controls.set(key, known);
  return known;
}

const spreadRow: TableRow = {
  key: "spread",
  what: "a change reaches all, p99, 10 % loss",
  goals: spreadGoals,
  unit: "rounds",
  measure(request) {
    const { rounds, median, slowest, changes, missing, repeated } = control(request, 0.1);
    const lost = missing > 0 ? `, ${missing} deliveries missing` : "";
    const twice = repeated > 0 ? `, ${repeated} told twice` : "";
    const millis = `${Math.round(median)} ms median, ${Math.round(slowest)} worst of ${changes}`;
    return { value: rounds.p99, detail: `p50 ${rounds.p50}; ${millis}${lost}${twice}` };
  },
};

function idle(loss: number, goals: TableRow["goals"]): TableRow {
  return {
    key: `bytes-${100 * loss}`,
    what: `control bytes/s per node, ${100 * loss} % loss, 10 changes a minute`,
    goals,
    unit: "B/s",
    measure(request) {
      const { mean, p99, datagrams } = control(request, loss);
      return { value: mean, detail: `p99 node ${Math.round(p99)}, ${datagrams.toFixed(2)} datagrams/s` };
    },
  };
}

const falseDeathsRow: TableRow = {
  key: "false-deaths",
  what: "false deaths, 5 % loss",
  goals: { 100: 0, 1_000: 0 },
  unit: "",
  measure({ nodeHours, ...rest }) {
    const trial: Trial = { ...rest, loss: 0.05 };
    const { ofHealthy, suspicions, notes } = measureFalseDeaths(trial, nodeHours, false);
    const first = notes.length > 0 ? `; ${notes[0]}` : "";
    return { value: ofHealthy, detail: `${nodeHours} node-hours, ${suspicions} suspicions told${first}` };
  },
};

const pausesRow: TableRow = {
  key: "pauses",
  what: "plain SWIM's false deaths for each of ours, a tenth pausing 1-10 s a minute",
  goals: { 100: -50, 1_000: -50 },
  unit: "x",
  measure({ nodeHours, ...rest }) {
    const trial: Trial = { ...rest, loss: 0.01 };
    const hours = Math.max(nodeHours / 10, rest.nodes / 60);
    const ours = measureFalseDeaths(trial, hours, true);
    const plain = measureFalseDeaths({ ...trial, kind: plainSwim }, hours, true);
    const [own, others] = [ours.ofHealthy + ours.ofWoken, plain.ofHealthy + plain.ofWoken];
    const split = ({ ofHealthy, ofWoken, ofPaused }: typeof ours) =>
      `${ofHealthy} of healthy, ${ofWoken} of woken, ${ofPaused} of stopped nodes`;
    const detail = `${hours.toFixed(0)} node-hours: ${split(ours)}, against ${split(plain)}`;
    return { value: others / Math.max(1, own), detail };
  },
};

const nodeMemoryRow: TableRow = {
  key: "memory",
  what: "memory of a whole node for each known member, of the second half of them",
  goals: { 100: 2_000, 1_000: 2_000, 10_000: 1_000 },
  unit: "B",
  async measure({ nodes, seed }) {
    const { perMember, recordBytes } = await nodeMemory(nodes, seed);
    return { value: perMember, detail: `${Math.round(recordBytes)} of them records as they travel` };
  },
};

const machineMemoryRow: TableRow = {
  key: "machine-memory",
  what: "memory of the machine of gossip for each known member",
  goals: {},
  unit: "B",
  measure: ({ kind, nodes }) => ({ value: memoryPerMember(kind, nodes, Math.min(nodes, 200)), detail: "" }),
};

const recoveryRow: TableRow = {
  key: "recovery",
  what: "all of one mind after great faults, slowest",
  goals: { 5: mostHealing / 1000 },
  unit: "s",
  measure({ kind, nodes, seed }) {
    const outcomes = recoveryNames.map((name) => measureRecovery({ kind, nodes, seed }, name));
    const value = Math.max(...outcomes.map(({ agreed }) => agreed)) / 1000;
    const late = outcomes.filter(({ agreed, reached }) => agreed > mostHealing || reached > mostHealing);
    const told = late.map(({ name, agreed, reached }) =>
      `${name}: ${seconds(agreed)}, then ${seconds(reached)}`
    );
    return { value, detail: [`${outcomes.length} faults`, ...told].join("; ") };
  },
};

function seconds(millis: number): string {
  return `${(millis / 1000).toFixed(1)} s`;
}

export const tableRows: readonly TableRow[] = [
  detection(0.01),
  detection(0.05),
  spreadRow,
  idle(0.01, idleGoals),
  idle(0.1, { 1_000: 1_000 }),
  falseDeathsRow,
  pausesRow,
  nodeMemoryRow,
  machineMemoryRow,
  recoveryRow,
];

export async function measureCell(row: TableRow, request: Request): Promise<Cell> {
  const { value, detail } = await row.measure(request);
  const goal = goalFor(row, request.nodes);
  // A goal below zero is one to be reached, not one to stay under.
  const met = goal === undefined ? undefined : goal < 0 ? value >= -goal : value <= goal;
  const sign = goal !== undefined && goal < 0 ? "≥" : "≤";
  const verdict = goal === undefined ? "" : `, goal ${sign} ${Math.abs(goal)}: ${met ? "met" : "MISSED"}`;
  const figure = `${value.toFixed(value < 20 && value % 1 !== 0 ? 2 : 0)} ${row.unit}`.trimEnd();
  return { text: `${figure}${verdict}${detail === "" ? "" : ` (${detail})`}`, met };
}

function goalFor({ goals }: TableRow, nodes: number): number | undefined {
  const sizes = Object.keys(goals).map(Number).filter((size) => size <= nodes);
  return sizes.length === 0 ? undefined : goals[Math.max(...sizes)];
}
