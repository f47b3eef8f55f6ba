/**
 * How long a command takes from nothing, as a multiple of the bare runtime's own start in the same run; and what an idle
 * node weighs. Both runtimes run the built package, as an installed `selvage` does.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { goal, median, type Row, times } from "./report.ts";

interface Runtime {
  readonly name: string;
  readonly program: string;
  /** Does nothing and ends. */
  readonly bare: readonly string[];
  readonly selvage: readonly string[];
  readonly rssGoal: number;
}

const root = fileURLToPath(new URL("../..", import.meta.url));
const runtimes: readonly Runtime[] = [
  {
    name: "node",
    program: process.execPath,
    bare: ["-e", "0"],
    selvage: [join(root, "dist/cli.js")],
    rssGoal: 120,
  },
  {
    name: "deno",
    program: join(root, "node_modules/.bin/deno"),
    bare: ["eval", "0"],
    selvage: ["run", "-A", "--unstable-net", join(root, "dist/cli.js")],
    rssGoal: 90,
  },
];
const repetitions = 9;
const idleMillis = 3000;

export async function benchStart(): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const runtime of runtimes) rows.push(...await benchRuntime(runtime));
  return rows;
}

async function benchRuntime(runtime: Runtime): Promise<Row[]> {
  const { name, program, bare, selvage, rssGoal } = runtime;
  const directory = await mkdtemp(join(tmpdir(), "selvage-start-"));
  const state = ["--state-dir", join(directory, "state")];
  try {
    await timeToReady(program, [...selvage, "launch", ...state, "--listen", "127.0.0.1:0"]);
    const bareMillis = await repeat(() => timeToEnd(program, bare));
    const ready = await repeat(() => timeToReady(program, [...selvage, "launch", ...state]));
    const node = await startNode(program, [...selvage, "launch", ...state]);
    const status = await repeat(() => timeToEnd(program, [...selvage, "status", ...state]));
    await new Promise((resolve) => setTimeout(resolve, idleMillis));
    const rss = await residentMiB(node.pid!);
    await stop(node);
    return [
      { what: `${name}: bare start`, figure: `${bareMillis.toFixed(0)} ms` },
      row(`${name}: launch to ready`, ready, bareMillis, 6),
      row(`${name}: selvage status`, status, bareMillis, 3),
      {
        what: `${name}: idle RSS`,
        figure: `${rss.toFixed(0)} MiB`,
        ratio: "",
        goal: goal(rssGoal, rss, " MiB"),
      },
    ];
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function row(what: string, millis: number, bare: number, limit: number): Row {
  return {
    what,
    figure: `${millis.toFixed(0)} ms`,
    ratio: `${times(millis / bare)} bare start`,
    goal: goal(limit, millis / bare),
  };
}

async function repeat(measure: () => Promise<number>): Promise<number> {
  const samples: number[] = [];
  for (let i = 0; i < repetitions; i++) samples.push(await measure());
  return median(samples);
}

async function timeToEnd(program: string, args: readonly string[]): Promise<number> {
  const started = performance.now();
  const child = spawn(program, args, { stdio: "ignore" });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}`);
  return performance.now() - started;
}

async function timeToReady(program: string, args: readonly string[]): Promise<number> {
  const started = performance.now();
  const node = await startNode(program, args);
  const millis = performance.now() - started;
  await stop(node);
  return millis;
}

/** A node is ready when it prints the join command. */
async function startNode(program: string, args: readonly string[]) {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"] });
  const ended = once(child, "exit").then(([code]) => Promise.reject(new Error(`launch ended with ${code}`)));
  await Promise.race([once(child.stdout, "data"), ended]);
  ended.catch(() => {});
  return child;
}

async function stop(child: ReturnType<typeof spawn>): Promise<void> {
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  await exited;
}

async function residentMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1024;
}
