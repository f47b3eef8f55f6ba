/**
 * A fleet that is taken from one build to another, one node after the other, as an operator does it: no address is given
 * twice, every node keeps its own, and a node is away only while it starts.
 */
import { join } from "node:path";
import process from "node:process";
import { fromSource, type Program } from "../../examples/lab/lab_host.ts";
import { agreed } from "./agreement.ts";
import { Fleet, type FleetNode } from "./fleet.ts";

export interface RollPlan {
  readonly nodes: number;
  readonly before: Program;
  readonly after: Program;
}

export interface RollReport {
  /** Version that the first node told before and after. */
  readonly versions: readonly [string, string];
  /** Milliseconds of each restart without an answer, from the last echo before it to the first one after it. */
  readonly gaps: readonly number[];
  /** Milliseconds until all were of one mind after the last restart. */
  readonly agreed: number;
}

/** Variable of the environment: a checkout of the earlier build, with its dependencies. */
export const earlierBuild = "SELVAGE_EARLIER";
const agreementMillis = 60_000;
const echoMillis = 100;
/** After this a node counts as not coming back. */
const patienceMillis = 30_000;

/** The program of another checkout, from its sources, on the runtime that runs this. */
export function programAt(directory: string): Program {
  const words = fromSource.words.slice(0, -1) as [string, ...string[]];
  return { words: [...words, join(directory, "cli/main.ts")] };
}

/** The program of the checkout that {@link earlierBuild} names; throws without one. */
export function earlierProgram(): Program {
  const directory = process.env[earlierBuild];
  if (directory === undefined) {
    throw new Error(`${earlierBuild} names no checkout of an earlier build (git worktree add, npm install)`);
  }
  return programAt(directory);
}

/** Rejects when an address is given twice or changes, when a node does not return, and when they never agree. */
export async function runRoll(plan: RollPlan, tell: (line: string) => void): Promise<RollReport> {
  await using fleet = new Fleet(plan.nodes);
  await fleet.start(plan.before);
  await agreed(fleet, agreementMillis);
  const before = await addressesOf(fleet);
  const gaps: number[] = [];
  const [first] = fleet.nodes as [FleetNode];
  const { version } = await first.admin.status();
  for (const [i, node] of fleet.nodes.entries()) {
    const observer = fleet.nodes[(i + 1) % fleet.nodes.length]!;
    gaps.push(
      await restart(node, {
        program: plan.after,
        observer,
        address: before.get(node.name)!.split(/[\s/]/)[0]!,
      }),
    );
    refuseChanges(before, await addressesOf(fleet));
    tell(`${node.name} restarted: ${Math.round(gaps.at(-1)!)} ms without an answer`);
  }
  const took = await agreed(fleet, agreementMillis);
  return { versions: [version, (await first.admin.status()).version], gaps, agreed: took };
}

interface Restart {
  readonly program: Program;
  readonly observer: FleetNode;
  readonly address: string;
}

async function restart(node: FleetNode, { program, observer, address }: Restart): Promise<number> {
  const last = await answered(observer, address);
  await node.end("SIGTERM");
  const [first] = await Promise.all([answered(observer, address), node.start(program)]);
  return first - last;
}

/** When the next echo has come back. */
async function answered({ name, admin }: FleetNode, address: string): Promise<number> {
  const end = performance.now() + patienceMillis;
  while (performance.now() < end) {
    try {
      await admin.ping(address, { timeoutMillis: echoMillis });
      return performance.now();
    } catch {
      // Not yet; the next one goes out at once.
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
