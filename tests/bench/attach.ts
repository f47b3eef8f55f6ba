/**
 * What host mode costs: how long an attachment takes, beside the bare commands that make such an interface; how long
 * remote traffic is away when a node restarts; and how many questions of ARP cross the mesh. Both runtimes run the built
 * package, as an installed `selvage` does, on hosts made of network namespaces.
 */
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { type Container, servicePort } from "../../examples/lab/container.ts";
import { Lab, lacksForLab, until } from "../../examples/lab/lab.ts";
import type { LabHost, Program } from "../../examples/lab/lab_host.ts";
import { Namespace } from "../../examples/lab/namespace.ts";
import { countQuestions, questionsAt } from "../hosts/bridge_questions.ts";
import { goal, median, quantile, type Row, times } from "./report.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const built = join(root, "dist/cli.js");
const programs: Readonly<Record<string, Program>> = {
  node: { words: [process.execPath, built] },
  deno: { words: [join(root, "node_modules/.bin/deno"), "run", "-A", "--unstable-net", built] },
};
const attachments = 200;
const restarts = 5;
/** Containers of a node that restarts, in the second of its figures. */
const crowd = 100;
const latencyGoal = 40;
const gapGoal = 1000;

export async function benchAttach(): Promise<readonly Row[]> {
  const lack = lacksForLab();
  if (lack !== undefined) return [{ what: "attachments", figure: `not measured: ${lack}` }];
  const rows: Row[] = [];
  for (const [name, program] of Object.entries(programs)) rows.push(...await benchRuntime(name, program));
  return rows;
}

async function benchRuntime(name: string, program: Program): Promise<Row[]> {
  await using lab = new Lab(program);
  const [a, b] = await lab.network("a", "b") as [LabHost, LabHost];
  const [far, near] = [await a.container(), await b.container()];
  countQuestions(b);
  for (const address of [near.address4, near.address6]) await far.transfer(address, 1, 1_000_000);
  const { requests = 0, solicitations = 0 } = questionsAt(b);
  const questions = requests + solicitations;
  const gaps = await restartOften(b, far, near.address4);
  for (const { name: netns } of makeNamespaces(lab, "z", crowd - 1)) {
    await b.admin.attach({ where: { netns } });
  }
  const crowdGaps = await restartOften(b, far, near.address4);
  return [
    ...await latencyRows(name, lab, a),
    ...gapRows(`${name}: remote traffic away over a restart`, gaps),
    ...gapRows(`${name}: the same with ${crowd} attached`, crowdGaps),
    {
      what: `${name}: ARP and ND questions across the mesh`,
      figure: `${questions}`,
      goal: goal(0, questions, ""),
    },
  ];
}

function makeNamespaces({ prefix }: Lab, what: string, count: number): readonly Namespace[] {
  return Array.from({ length: count }, (_, i) => Namespace.make(`${prefix}-${what}${i}`));
}

async function latencyRows(name: string, lab: Lab, host: LabHost): Promise<Row[]> {
  const bare = attachBare(Namespace.make(`${lab.prefix}-bare`), makeNamespaces(lab, "x", attachments));
  const millis: number[] = [];
  for (const { name: netns } of makeNamespaces(lab, "y", attachments)) {
    const started = performance.now();
    await host.admin.attach({ where: { netns } });
    millis.push(performance.now() - started);
  }
  const half = quantile(millis, 0.5);
  return [
    { what: `${name}: a pair of interfaces by ip alone`, figure: `p50 ${bare.toFixed(1)} ms` },
    {
      what: `${name}: attach, ${attachments} in a row`,
      figure: `p50 ${half.toFixed(1)} ms, p99 ${quantile(millis, 0.99).toFixed(1)} ms`,
      ratio: `p50 ${times(half / bare)} ip alone`,
      goal: goal(latencyGoal, half, " ms"),
    },
  ];
}

/** A pair on a bridge, with an address of each family: no rules, no record, no answer to wait for. */
function attachBare(bridge: Namespace, namespaces: readonly Namespace[]): number {
  bridge.ip("link add under type bridge", "link set dev under up");
  return median(namespaces.map((namespace, i) => {
    const started = performance.now();
    bridge.ip(
      `link add port${i} type veth peer name mesh0 netns ${namespace.name}`,
      `link set dev port${i} master under up`,
    );
    namespace.ip(
      `addr add 10.99.${i}.1/16 dev mesh0`,
      `addr add fd00::${i}/64 dev mesh0 nodad`,
      "link set dev mesh0 up",
    );
    return performance.now() - started;
  }));
}

/** Milliseconds without remote traffic: all of them, and those since the new process was started. */
interface Gap {
  readonly whole: number;
  readonly sinceStart: number;
}

async function restartOften(host: LabHost, far: Container, address: string): Promise<readonly Gap[]> {
  const gaps: Gap[] = [];
  for (let i = 0; i < restarts; i++) gaps.push(await restart(host, far, address));
  return gaps;
}

async function restart(host: LabHost, far: Container, address: string): Promise<Gap> {
  await far.order("watch", { to: address, port: servicePort });
  await host.stop();
  await host.launch();
  await until(() => far.namespace.pings(address, 1));
  const { from, to } = await far.order("watched", {});
  return { whole: to - from, sinceStart: to - host.started };
}

function gapRows(what: string, gaps: readonly Gap[]): Row[] {
  const [whole, since] = [median(gaps.map((gap) => gap.whole)), median(gaps.map((gap) => gap.sinceStart))];
  return [{
    what,
    figure: `${whole.toFixed(0)} ms, ${since.toFixed(0)} ms of it since the start`,
    goal: goal(gapGoal, since, " ms"),
  }];
}
