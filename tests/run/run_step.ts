/** Runs the commands of one step and counts what they tested. */
import { addCounts, type Counts, countTests, failedTests, NONE } from "./count_tests.ts";
import type { Finished } from "./run_command.ts";
import type { Command, Step } from "./steps.ts";

export interface Outcome {
  readonly step: Step;
  /** Why it failed, undefined when it passed. */
  readonly failure: string | undefined;
  readonly counts: Counts;
  /** The tests that failed, by name. */
  readonly failed: readonly string[];
  readonly seconds: number;
}

/** What a step needs of the machine. */
export interface Shell {
  run(command: Command): Promise<Finished>;
  /** Seconds, from any start. */
  now(): number;
  /** A skipped test is a failure. */
  readonly noSkip: boolean;
}

/** Commands that build on each other end with the first that fails; of tests all run, so that one run shows all that is wrong. */
export async function runStep(step: Step, shell: Shell): Promise<Outcome> {
  const start = shell.now();
  let counts = NONE;
  const failed: string[] = [];
  let failure = step.commands.length === 0 ? "there is nothing to run" : undefined;
  for (const command of step.commands) {
    const finished = await shell.run(command);
    const counted = step.counts === "tests" ? countTests(finished.output) : NONE;
    counts = addCounts(counts, counted ?? NONE);
    failed.push(...failedTests(finished.output));
    failure ??= finished.failure ?? verdict(counted, shell.noSkip);
    if (failure !== undefined && step.counts === "step") break;
  }
  return { step, failure, counts: settled(step, counts, failure), failed, seconds: shell.now() - start };
}

/** Exit code 0 is not enough: a run that tested nothing has proved nothing. */
function verdict(counted: Counts | undefined, noSkip: boolean): string | undefined {
  if (counted === undefined) return "it printed no count of tests";
  if (counted.failed > 0) return `${counted.failed} failed`;
  if (noSkip && counted.skipped > 0) return `${counted.skipped} skipped and SELVAGE_NO_SKIP=1`;
  return undefined;
}

/** A failure is always counted, also when no test of its own failed: a type error, a crash. */
function settled(step: Step, counts: Counts, failure: string | undefined): Counts {
  if (failure !== undefined) return { ...counts, failed: Math.max(counts.failed, 1) };
  return step.counts === "step" ? { ...counts, passed: 1 } : counts;
}
