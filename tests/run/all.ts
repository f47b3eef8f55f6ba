/**
 * `npm test`: every check of the repository in one run, in the order in which failures are cheapest to find.
 *
 *     npm test                          all steps
 *     npm test -- --only lint,check     some of them
 *     npm test -- --list                their names
 *
 * A failed step does not end the run, so that one run shows all that is wrong. The last line is for machines:
 * `N passed, N failed`. Exit code 0: all passed; 1: something failed; 2: wrong usage.
 */
import { constants } from "node:os";
import process from "node:process";
import { parseArgs } from "node:util";
import { heading, summary } from "./report.ts";
import { endRunning, runCommand } from "./run_command.ts";
import { type Outcome, runStep, type Shell } from "./run_step.ts";
import { allSteps, type Step } from "./steps.ts";

const steps = allSteps();
const chosen = chooseSteps(process.argv.slice(2));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    endRunning(signal);
    process.exit(128 + constants.signals[signal]);
  });
}
process.exitCode = await runAll(chosen);

async function runAll(chosen: readonly Step[]): Promise<number> {
  const shell: Shell = {
    run: runCommand,
    now: () => performance.now() / 1000,
    noSkip: process.env["SELVAGE_NO_SKIP"] === "1",
  };
  const outcomes: Outcome[] = [];
  for (const step of chosen) {
    console.log(heading(step));
    const needed = outcomes.find((outcome) =>
      outcome.step.name === step.after && outcome.failure !== undefined
    );
    const outcome = needed === undefined ? await runStep(step, shell) : blocked(step, needed);
    if (outcome.failure !== undefined) console.log(`${step.name} failed: ${outcome.failure}`);
    outcomes.push(outcome);
  }
  console.log(summary(outcomes));
  return outcomes.every((outcome) => outcome.failure === undefined) ? 0 : 1;
}

function blocked(step: Step, needed: Outcome): Outcome {
  const counts = { passed: 0, failed: 1, skipped: 0 };
  return { step, failure: `not run, it needs the step ${needed.step.name}`, counts, seconds: 0 };
}

function chooseSteps(args: string[]): readonly Step[] {
  const { only, list } = readArguments(args);
  const names = steps.map((step) => step.name);
  if (list) {
    for (const step of steps) console.log(`${step.name.padEnd(10)}${step.title}`);
    process.exit(0);
  }
  const wanted = only.flatMap((value) => value.split(","));
  const unknown = wanted.filter((name) => !names.includes(name));
  if (unknown.length > 0) usage(`no step is called ${unknown.join(", ")}; there are ${names.join(", ")}`);
  return wanted.length === 0 ? steps : steps.filter((step) => wanted.includes(step.name));
}

function readArguments(args: string[]): { only: string[]; list: boolean } {
  try {
    const { values } = parseArgs({
      args,
      options: { only: { type: "string", multiple: true }, list: { type: "boolean" } },
    });
    return { only: values.only ?? [], list: values.list ?? false };
  } catch (error) {
    return usage((error as Error).message);
  }
}

function usage(problem: string): never {
  console.error(`${problem}\nusage: npm test [-- --only step[,step…]] [-- --list]`);
  process.exit(2);
}
