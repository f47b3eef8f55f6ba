/**
 * A fleet that is taken from one build to another, one node after the other, as an operator does it: no address is given
 * twice, every node keeps its own, and a node is away only while it starts.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Program } from "../../examples/lab/lab_host.ts";
import { agreed } from "./agreement.ts";
import { Fleet, type FleetNode } from "./fleet.ts";

export interface RollPlan {
  readonly nodes: number;
  readonly before: Program;
  readonly after: Program;
}

/** Milliseconds without an answer, as one neighbour sees them: the first three follow one another and make the whole. */
export interface Gap {
  /** From the last echo until the process is gone. */
  readonly ends: number;
  /** From then until the neighbour has a session with the new process. */
  readonly session: number;
  /** From then until the first echo. */
  readonly echo: number;
  readonly whole: number;
  /** From the start of the new process until it says that it is ready, which packets do not wait for. */
  readonly ready: number;
}

export interface RollReport {
  /** Version that the first node told before and after. */
  readonly versions: readonly [string, string];
  readonly gaps: readonly Gap[];
  /** Milliseconds until all were of one mind after the last restart. */
  readonly agreed: number;
}

/** Variable of the environment: a checkout of the earlier build, built. */
export const earlierBuild = "SELVAGE_EARLIER";
const agreementMillis = 60_000;
const echoMillis = 100;
/** From one echo request to the next: without a pause, those in vain would take the processor from the node that starts. */
const pauseMillis = 10;
/** After this a node counts as not coming back. */
const patienceMillis = 30_000;

/** The built program of a checkout, as it is installed, on the runtime that runs this. Throws where nothing was built. */
export function builtAt(directory: string): Program {
  const program = join(directory, "dist/cli.js");
  if (!existsSync(program)) throw new Error(`there is no ${program} (npm run build)`);
  const flags = "Deno" in globalThis ? ["run", "-A", "--unstable-net"] : [];
  return { words: [process.execPath, ...flags, program] };
}

/** The program of this checkout. */
export function ownProgram(): Program {
  return builtAt(fileURLToPath(new URL("../..", import.meta.url)));
}

/** The program of the checkout that {@link earlierBuild} names; throws without one. */
export function earlierProgram(): Program {
  const directory = process.env[earlierBuild];
  if (directory === undefined) {
    throw new Error(
      `${earlierBuild} names no checkout of an earlier build (git worktree add, npm install, npm run build)`,
    );
  }
  return builtAt(directory);
}

/** Rejects when an address is given twice or changes, when a node does not return, and when they never agree. */
export async function runRoll(plan: RollPlan, tell: (line: string) => void): Promise<RollReport> {
  await using fleet = new Fleet(plan.nodes);
  await fleet.start(plan.before);
  await agreed(fleet, agreementMillis);
  const before = await addressesOf(fleet);
  const gaps: Gap[] = [];
  const [first] = fleet.nodes as [FleetNode];
  const { version } = await first.admin.status();
  for (const [i, node] of fleet.nodes.entries()) {
    const observer = fleet.nodes[(i + 1) % fleet.nodes.length]!;
    const address = before.get(node.name)!.split(/[\s/]/)[0]!;
    const gap = await restart(node, { program: plan.after, observer, address });
    gaps.push(gap);
    refuseChanges(before, await addressesOf(fleet));
    tell(`${node.name} restarted: ${gapText(gap)}`);
  }
  const took = await agreed(fleet, agreementMillis);
  return { versions: [version, (await first.admin.status()).version], gaps, agreed: took };
}

function gapText({ whole, ends, session, echo, ready }: Gap): string {
  const [all, end, up, first, said] = [whole, ends, session, echo, ready].map(Math.round);
  return `${all} ms without an answer: ${end} until it had ended, ${up} until a session, ${first} until an echo ` +
    `(ready after ${said})`;
}

interface Restart {
  readonly program: Program;
  readonly observer: FleetNode;
  readonly address: string;
}

async function restart(node: FleetNode, { program, observer, address }: Restart): Promise<Gap> {
  const last = await answered(observer, address);
  await node.end("SIGTERM");
  const ended = performance.now();
  const seen = observer.said(new RegExp(`Peer is up .*name=${node.name} `));
  const started = node.start(program).then(() => performance.now());
  const [first, up, ready] = await Promise.all([answered(observer, address), seen, started]);
  return {
    ends: ended - last,
    session: up - ended,
    echo: first - up,
    whole: first - last,
    ready: ready - ended,
  };
}

/** When the next echo has come back. */
async function answered({ name, admin }: FleetNode, address: string): Promise<number> {
  const end = performance.now() + patienceMillis;
  while (performance.now() < end) {
    try {
      await admin.ping(address, { timeoutMillis: echoMillis });
      return performance.now();
    } catch {
      await setTimeout(pauseMillis);
    }
  }
  throw new Error(`${address} has not answered ${name} for ${patienceMillis} ms`);
}

/** Own addresses by name of node. Throws when one is given twice. */
async function addressesOf(fleet: Fleet): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  const owners = new Map<string, string>();
  for (const { name, admin } of fleet.running()) {
    const addresses = (await admin.ipam()).leases.map(({ address }) => address).toSorted();
    for (const address of addresses) {
      const other = owners.get(address);
      if (other !== undefined) throw new Error(`${address} is given twice, to ${other} and to ${name}`);
      owners.set(address, name);
    }
    found.set(name, addresses.join(" "));
  }
  return found;
}

function refuseChanges(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): void {
  for (const [name, addresses] of before) {
    if (after.get(name) !== addresses) throw new Error(`${name} had ${addresses} and has ${after.get(name)}`);
  }
}
