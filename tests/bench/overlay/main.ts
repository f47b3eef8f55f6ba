/**
 * `npm run bench:overlay`: Selvage and the overlays that are installed, in turn between two hosts on this machine, and
 * what one is as a multiple of the other. docs/benchmarks.md says how to read it.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { isInstalled, lacksForLab } from "../../../examples/lab/lab.ts";
import { allSystems } from "./catalogue.ts";
import { type Options, parseCommandLine, usage } from "./command_line.ts";
import { whyNoBbr } from "./measurements.ts";
import { type Result, spreadsOf } from "./result.ts";
import { runRounds } from "./rounds.ts";
import { type System, whyLeftOut } from "./system.ts";
import { figuresTable, goalLines, ratiosTable } from "./tables.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const tools = ["iperf3", "ethtool", "ss"];
/** Percent of all processors: beyond it the figures are those of a busy machine. */
const tolerableForeign = 5;

function whyNotHere(): string | undefined {
  const missing = tools.filter((program) => !isInstalled(program));
  if (missing.length > 0) return `needs ${missing.join(", ")}: apt-get install iperf3 ethtool iproute2`;
  return lacksForLab();
}

/** Throws for a name that nothing has. */
function choose(systems: readonly System[], names: readonly string[] | undefined): readonly System[] {
  const unknown = names?.find((name) => !systems.some((system) => system.name === name));
  if (unknown === undefined) {
    return systems.filter(({ name, onlyNamed }) => names?.includes(name) ?? onlyNamed !== true);
  }
  throw new Error(
    `--systems knows ${systems.map(({ name }) => name).join(", ")}, not ${JSON.stringify(unknown)}`,
  );
}

/** Says which systems are left out and why. */
function installed(systems: readonly System[]): readonly System[] {
  return systems.filter((system) => {
    const why = whyLeftOut(system);
    if (why !== undefined) console.log(`${system.name}: ${why}`);
    return why === undefined;
  });
}

function withoutWhatCannotBe(options: Options): Options {
  const why = options.phases.includes("bbr") ? whyNoBbr() : undefined;
  if (why === undefined) return options;
  console.log(`bbr: not measured, ${why}`);
  return { ...options, phases: options.phases.filter((phase) => phase !== "bbr") };
}

function build(): void {
  const { status } = spawnSync("npm", ["run", "-s", "build"], { cwd: root, stdio: "inherit" });
  if (status !== 0) throw new Error("the build failed; --from source does without");
}

function print(results: readonly Result[], { offloads }: Options): void {
  for (const offload of offloads) {
    const rows = results.filter((result) => result.offload === offload && result.samples.length > 0);
    if (rows.length === 0) continue;
    const ours = rows.map(({ system }) => system).filter((name) => name.startsWith("selvage"));
    const parts = [figuresTable(rows), ratiosTable(rows, ours), goalLines(rows, offload)];
    console.log(`\nUnderlay offload ${offload}; medians (least–most)\n`);
    console.log(parts.filter((lines) => lines.length > 0).map((lines) => lines.join("\n")).join("\n\n"));
  }
  const foreign = Math.max(0, ...results.map((result) => spreadsOf(result).foreign?.median ?? 0));
  if (foreign > tolerableForeign) {
    console.log(
      `\nOther programs took up to ${foreign.toFixed(0)} % of the machine: measure again when it is quiet.`,
    );
  }
}

function write(path: string, results: readonly Result[], options: Options): void {
  const machine = { processors: cpus().length, model: cpus()[0]?.model, kernel: release() };
  const rows = results.map((result) => ({ ...result, spreads: spreadsOf(result) }));
  const document = { date: new Date().toISOString(), machine, options, results: rows };
  writeFileSync(path, `${JSON.stringify(document, undefined, 2)}\n`);
}

/** Ends after the first signal only when everything is removed, so that nothing stays behind in the machine. */
function interruption(): AbortSignal {
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => stop.abort(new Error(`interrupted by ${name}`)));
  }
  return stop.signal;
}

async function main(): Promise<void> {
  const asked = parseCommandLine(process.argv.slice(2));
  if (asked.help) return console.log(usage);
  const why = whyNotHere();
  if (why !== undefined) throw new Error(why);
  const systems = installed(choose(allSystems(asked.from), asked.systems));
  const options = withoutWhatCannotBe(asked);
  const signal = interruption();
  if (options.from === "dist" && systems.some(({ name }) => name.startsWith("selvage"))) build();
  console.log(`${cpus().length} × ${cpus()[0]?.model ?? "unknown processor"}, Linux ${release()}`);
  const results = await runRounds(systems, options, { signal, say: (line) => console.error(line) });
  for (const { system, version } of results.filter(({ offload }) => offload === options.offloads[0])) {
    console.log(`${system}: ${version}`);
  }
  print(results, options);
  if (options.json !== undefined) write(options.json, results, options);
  signal.throwIfAborted();
}

try {
  await main();
} catch (error) {
  console.error(`bench:overlay: ${(error as Error).message}`);
  process.exitCode = 1;
}
