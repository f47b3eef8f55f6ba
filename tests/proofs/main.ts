/**
 * `npm run prove`: checks that are run as often as there is time for.
 *
 *     npm run prove                              which there are
 *     npm run prove -- fuzz-gre                  the full figure, from where the last run ended; recorded
 *     npm run prove -- fuzz-gre --count 5000 --seed 7 --runtime deno
 *     npm run prove -- fuzz-gre --chunk 17       one chunk again, after a fault
 *     npm run prove -- fuzz-gre --restart        forget how far it had come
 *     npm run prove -- fuzz-gre --nice           beside other work, to which it yields; the record says so
 *     npm run prove -- --ci [name …]             all up to their floors, or some
 *     npm run prove -- mutation [--file path …]  mutants of sources against their tests
 *     npm run prove -- --table                   the table of tests/README.md
 *
 * Exit code 0: nothing was found and the count was reached; 1: not so; 2: wrong usage.
 */
import { setPriority } from "node:os";
import process from "node:process";
import { parseArgs } from "node:util";
import { encodeHex } from "../../core/wire/hex.ts";
import { runMutation } from "../mutation/run_mutation.ts";
import { ciJobs, count, runCi, type Verdict } from "./ci.ts";
import { addFigures, type Proof } from "./proof.ts";
import { Progress } from "./progress.ts";
import { addRecord, commitName, machineName, recordsFile } from "./records.ts";
import { keepRegression } from "./regression.ts";
import { proofNamed, proofs } from "./registry.ts";
import { type Finding, type Ran, type Reached, runJob, type Runtime } from "./run_job.ts";
import { proofTable } from "./table.ts";

const defaultSeed = 1;
const longest = 7 * 24 * 3600;
/** Of 0 to 19: a thread that has it gets a 28th of the time of one without. */
const niceness = 15;

process.exitCode = await main();

async function main(): Promise<number> {
  const { values, positionals } = readArguments();
  if (positionals.join() === "mutation") return await runMutation(values.file ?? []) ? 0 : 1;
  const unknown = positionals.filter((name) => proofNamed(name) === undefined);
  if (unknown.length > 0) return usage(`there is no proof called ${unknown.join(", ")}`);
  const chosen = positionals.length === 0 ? proofs : positionals.map((name) => proofNamed(name)!);
  const seed = Number(values.seed ?? defaultSeed);
  if (!Number.isSafeInteger(seed) || seed < 0) return usage("a seed is a whole number");
  if (values.table) return say(proofTable(proofs));
  if (values.nice) yieldToOthers();
  if (values.ci) return await runAll(chosen, seed);
  if (positionals.length === 0) return say(listing());
  if (positionals.length > 1) return usage("one proof at a time, or --ci");
  return await runOne(chosen[0]!, { ...values, seed });
}

interface Options {
  readonly seed: number;
  readonly count?: string;
  readonly chunk?: string;
  readonly runtime?: string;
  readonly restart?: boolean;
  readonly nice?: boolean;
}

function readArguments() {
  try {
    const text = { type: "string" } as const;
    const flag = { type: "boolean" } as const;
    return parseArgs({
      allowPositionals: true,
      options: {
        file: { type: "string", multiple: true },
        ci: flag,
        table: flag,
        restart: flag,
        nice: flag,
        seed: text,
        count: text,
        chunk: text,
        runtime: text,
      },
    });
  } catch (error) {
    usage((error as Error).message);
    process.exit(2);
  }
}

/** All that is started from here inherits both; without the second, threads of nodes would go before everybody's. */
function yieldToOthers(): void {
  setPriority(niceness);
  process.env["SELVAGE_DATAPATH__REALTIME"] = "off";
}

function usage(problem: string): number {
  console.error(
    `${problem}\nusage: npm run prove [-- name [--count n] [--seed n] [--runtime node|deno] | --ci [name …]]`,
  );
  return 2;
}

function say(text: string): number {
  console.log(text);
  return 0;
}

function listing(): string {
  return proofs.map(({ name, what, unit, fullGoal }) =>
    `${name.padEnd(18)}${count(fullGoal)} ${unit}: ${what}`
  ).join("\n");
}

/** Ends with the line that counts for machines, in the words of a test runner. */
async function runAll(chosen: readonly Proof[], seed: number): Promise<number> {
  const start = performance.now();
  console.log(row("proof", "runtime", "reached", "floor", "seconds", "verdict"));
  const verdicts = await runCi(ciJobs(chosen, seed), (verdict) => console.log(verdictRow(verdict)));
  const failed = verdicts.filter(({ failure }) => failure !== undefined);
  for (const { job, ran, failure } of failed) {
    console.log(`\n${job.proof.name} on ${job.runtime}: ${failure}`);
    if (ran.finding !== undefined) console.log(again(job.proof, job.runtime, seed, ran.finding));
  }
  const [passed, seconds] = [verdicts.length - failed.length, Math.round((performance.now() - start) / 1000)];
  const isGood = failed.length === 0 && passed > 0;
  console.log(`\n${isGood ? "ok" : "FAILED"} | ${passed} passed | ${failed.length} failed (${seconds}s)`);
  return isGood ? 0 : 1;
}

function verdictRow({ job, ran, failure }: Verdict): string {
  const { proof, runtime, floor } = job;
  const { sums = {}, peaks = {} } = ran.figures;
  const facts = Object.entries({ ...sums, ...peaks }).map(([key, value]) => `${key} ${count(value)}`).join(
    ", ",
  );
  const verdict = failure === undefined ? `ok: ${facts}` : "FAILED";
  return row(proof.name, runtime, count(ran.units), count(floor), ran.seconds.toFixed(1), verdict);
}

function row(...[name, runtime, reached, floor, seconds, verdict]: readonly string[]): string {
  return [
    ...[
      name!.padEnd(18),
      runtime!.padEnd(8),
      reached!.padStart(11),
      floor!.padStart(11),
      seconds!.padStart(8),
    ],
    ` ${verdict}`,
  ].join(" ");
}

function again(proof: Proof, runtime: Runtime, seed: number, { chunk, input }: Finding): string {
  const bytes = input === undefined ? "" : `\ninput, ${input.length} bytes: ${encodeHex(input)}`;
  const option = runtime === "node" ? "" : " --runtime deno";
  return `again: npm run prove -- ${proof.name} --seed ${seed} --chunk ${chunk}${option}${bytes}`;
}

async function runOne(proof: Proof, options: Options): Promise<number> {
  const { seed, runtime = "node" } = options;
  if (runtime !== "node" && runtime !== "deno") return usage("a runtime is node or deno");
  const progress = new Progress(proof.name, runtime, seed);
  if (options.restart === true) progress.forget();
  const isReplay = options.chunk !== undefined;
  const before: Reached = isReplay
    ? { units: 0, next: Number(options.chunk), seconds: 0, figures: {} }
    : progress.read();
  const goal = isReplay ? proof.chunkSize : Number(options.count ?? proof.fullGoal);
  const job = {
    proof,
    runtime,
    seed,
    from: before.next,
    units: goal - before.units,
    seconds: longest,
  } as const;
  if (before.units > 0) console.log(`going on at ${count(before.units)} of ${count(goal)} ${proof.unit}`);
  let shown = performance.now();
  const ran = await runJob(job, (reached) => {
    const whole = joined(before, reached);
    if (performance.now() - shown < 2000) return;
    shown = performance.now();
    if (!isReplay) progress.write(whole);
    console.log(`${count(whole.units)} of ${count(goal)} ${proof.unit}, ${whole.seconds.toFixed(0)} s`);
  });
  const whole = { ...joined(before, ran), finding: ran.finding };
  if (!isReplay) progress.write(whole);
  return concluded(proof, { ...options, runtime, seed, isReplay }, whole);
}

function joined(before: Reached, now: Reached): Reached {
  return {
    units: before.units + now.units,
    next: now.next,
    seconds: before.seconds + now.seconds,
    figures: addFigures(before.figures, now.figures),
  };
}

function concluded(
  proof: Proof,
  { runtime, seed, isReplay, nice = false }: {
    readonly runtime: Runtime;
    readonly seed: number;
    readonly isReplay: boolean;
    readonly nice?: boolean;
  },
  whole: Ran,
): number {
  const failure = whole.finding?.message ?? proof.judge?.(whole.figures);
  for (const note of whole.figures.notes ?? []) console.log(note);
  console.log(
    `${proof.name}: ${count(whole.units)} ${proof.unit} in ${whole.seconds.toFixed(0)} s: ${failure ?? "ok"}`,
  );
  if (whole.finding !== undefined) console.log(again(proof, runtime, seed, whole.finding));
  const kept = whole.finding && keepRegression(whole.finding);
  if (kept !== undefined) console.log(`kept as ${kept}; fix it and commit both`);
  if (isReplay) return failure === undefined ? 0 : 1;
  addRecord({
    date: new Date().toISOString(),
    proof: proof.name,
    unit: proof.unit,
    count: whole.units,
    seed,
    seconds: Math.round(whole.seconds),
    runtime: runtime === "node" ? `node ${process.version}` : "deno",
    machine: machineName() + (nice ? ", yielding to other work" : ""),
    commit: commitName(),
    result: failure?.split("\n")[0] ?? "ok",
    figures: whole.figures,
  });
  console.log(`recorded in ${recordsFile}`);
  return failure === undefined ? 0 : 1;
}
