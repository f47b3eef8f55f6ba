/** Kills real processes at named points, starts what is left of them again, and says what they had promised and broke. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { StoreChange } from "../../core/contracts/store.ts";
import { SqliteFile } from "../../core/runtime/sqlite_file.ts";
import { MemoryDisk, memoryStoreOn } from "../../plugins/memory_store/mod.ts";
import { ring } from "../../plugins/ring/mod.ts";
import { captureRing } from "./captured_ring.ts";
import { brokenFacts } from "./crash_facts.ts";
import { contentFault } from "./crash_model.ts";
import { type CrashOrder, type CrashReport, foundIntent, sqliteOn, startNode } from "./crash_parts.ts";
import { type CrashPoint, crashPoints } from "./crash_points.ts";
import { makeOlderForm } from "./older_form.ts";
import { startStopwatch } from "./stopwatch.ts";

export interface CrashRun {
  /** Which points; all by default. */
  readonly filter?: (point: CrashPoint, index: number) => boolean;
  /** Processes at a time. */
  readonly parallel?: number;
}

export interface CrashOutcome {
  readonly points: number;
  /** The longest start after a kill. */
  readonly slowestStartMillis: number;
  readonly failures: readonly string[];
}

const program = fileURLToPath(new URL("./crash_node.ts", import.meta.url));
const flags = "Deno" in globalThis ? ["run", "-A"] : ["-C", "source"];
const startLimitMillis = 2000;
/** Where a first process dies that leaves its log to the one that is meant. */
const remainsPoint: CrashPoint = { name: "", role: "founder", step: "crowd", at: "acknowledged", hit: 20 };

export async function runCrashPoints({ filter = () => true, parallel = 2 }: CrashRun = {}): Promise<
  CrashOutcome
> {
  const waiting = crashPoints.filter(filter);
  const points = waiting.length;
  const failures: string[] = [];
  let slowest = 0;
  const work = async () => {
    for (let point = waiting.shift(); point !== undefined; point = waiting.shift()) {
      const { faults, startMillis } = await runPoint(point);
      slowest = Math.max(slowest, startMillis);
      failures.push(...faults.map((fault) => `${point.name}: ${fault}`));
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
  return { points, failures, slowestStartMillis: slowest };
}

interface PointOutcome {
  readonly faults: readonly string[];
  readonly startMillis: number;
}

async function runPoint(point: CrashPoint): Promise<PointOutcome> {
  const parent = mkdtempSync(`${tmpdir()}/selvage-crash-`);
  const directory = `${parent}/state`;
  try {
    if (point.role === "founder") return await dieAndRevive({ directory, point });
    await using founder = await startNode({
      name: "founder",
      store: memoryStoreOn(new MemoryDisk()),
      ipam: ring({}),
      intent: foundIntent,
    });
    const { token } = await founder.tokens.create();
    return await dieAndRevive({ directory, point, token });
  } catch (error) {
    return { faults: [`the start after it failed: ${(error as Error).message}`], startMillis: 0 };
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
}

async function dieAndRevive(order: CrashOrder): Promise<PointOutcome> {
  const { directory, point } = order;
  const before = point.on === "older form" ? makeOlderForm(directory) : [];
  const earlier = point.on === "remains" ? await die({ ...order, point: remainsPoint }) : undefined;
  const death = await die(order);
  if (earlier?.signal === null || death.signal !== "SIGKILL") {
    return { faults: [`never met: the process ended with ${death.code}`], startMillis: 0 };
  }
  const reports = [...earlier?.reports ?? [], ...death.reports];
  const content = contentFault(reports, readStore(directory), before);
  const { faults, startMillis } = await revive(order, reports);
  return { faults: [...content === undefined ? [] : [content], ...faults], startMillis };
}

interface Death {
  readonly reports: readonly CrashReport[];
  readonly signal: NodeJS.Signals | null;
  readonly code: number | null;
}

async function die(order: CrashOrder): Promise<Death> {
  const child = spawn(process.execPath, [...flags, program, JSON.stringify(order)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<Omit<Death, "reports">>((resolve) =>
    child.once("exit", (code, signal) => resolve({ code, signal }))
  );
  const reports: CrashReport[] = [];
  for await (const line of createInterface({ input: child.stdout })) reports.push(JSON.parse(line));
  return { ...await ended, reports };
}

/** As it is before a node has changed anything; empty where there is no file yet. */
function readStore(directory: string): readonly StoreChange[] {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = SqliteFile.open(`${directory}/selvage.db`);
  try {
    return file.readAll();
  } finally {
    file.close();
  }
}

async function revive(
  { directory, token }: CrashOrder,
  reports: readonly CrashReport[],
): Promise<PointOutcome> {
  const captured = captureRing();
  const intent = token === undefined ? foundIntent : { join: { token } };
  const elapsed = startStopwatch();
  const parts = { name: "mortal", store: sqliteOn(directory), ipam: captured.plugin, intent };
  await using node = await startNode(parts);
  const startMillis = elapsed();
  const faults = [...brokenFacts({ node, captured }, reports)];
  if (startMillis > startLimitMillis) faults.push(`the start took ${startMillis.toFixed(0)} ms`);
  const alerts = node.status().alerts.map(({ name }) => name);
  if (alerts.length > 0) faults.push(`it raises ${alerts.join(", ")}`);
  return { faults, startMillis };
}
