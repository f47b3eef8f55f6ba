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
import { endRunning, HeldScreen, runCommand, type Screen, terminal } from "./run_command.ts";
import { type Outcome, runStep } from "./run_step.ts";
import { allSteps, type Step, together } from "./steps.ts";

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
  const start = seconds();
  const outcomes: Outcome[] = [];
  for (const group of together(chosen)) {
    outcomes.push(...await runGroup(group, outcomes));
  }
  console.log(summary(outcomes, seconds() - start));
  return outcomes.every((outcome) => outcome.failure === undefined) ? 0 : 1;
}

/** The first step is seen as it goes, what runs alongside when it has ended. */
async function runGroup(group: readonly Step[], before: readonly Outcome[]): Promise<Outcome[]> {
  const held = group.map((_, i) => i === 0 ? undefined : new HeldScreen());
  const running = group.map((step, i) => runOne(step, before, held[i] ?? terminal));
  const outcomes: Outcome[] = [];
  for (const [i, outcome] of running.entries()) {
    if (held[i] === undefined) console.log(heading(group[i]!));
    outcomes.push(await outcome);
    if (held[i] !== undefined) console.log(heading(group[i]!));
    held[i]?.show();
    const { failure } = outcomes[i]!;
    if (failure !== undefined) console.log(`${group[i]!.name} failed: ${failure}`);
  }
  return outcomes;
}

async function runOne(step: Step, before: readonly Outcome[], screen: Screen): Promise<Outcome> {
  const needed = before.find((outcome) => outcome.step.name === step.after && outcome.failure !== undefined);
  if (needed !== undefined) return blocked(step, needed);
  return await runStep(step, {
    run: (command) => runCommand(command, screen),
    now: seconds,
    noSkip: process.env["SELVAGE_NO_SKIP"] === "1",
  });
}

function seconds(): number {
  return performance.now() / 1000;
}

function blocked(step: Step, needed: Outcome): Outcome {
  const counts = { passed: 0, failed: 1, skipped: 0 };
  return { step, failure: `not run, it needs the step ${needed.step.name}`, counts, failed: [], seconds: 0 };
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
