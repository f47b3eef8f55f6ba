/** What the runner says between and after the steps. */
import process from "node:process";
import { styleText } from "node:util";
import { addCounts, type Counts, NONE } from "./count_tests.ts";
import type { Outcome } from "./run_step.ts";
import type { Step } from "./steps.ts";

export function heading(step: Step): string {
  return `\n${styleText("bold", `=== ${step.name}: ${step.title} ===`, { stream: process.stdout })}`;
}

/** More would push the table out of sight. */
const MOST_NAMED = 10;

/**
 * One line for each step and below it the tests that failed, the total, and alone on the last line what a machine reads. Who
 * sees only the end of a long log sees what to look for.
 */
export function summary(outcomes: readonly Outcome[], seconds: number): string {
  const total = outcomes.map((outcome) => outcome.counts).reduce(addCounts, NONE);
  const failed = outcomes.filter((outcome) => outcome.failure !== undefined).map((outcome) =>
    outcome.step.name
  );
  const again = failed.length === 0 ? [] : [`again: npm test -- --only ${failed.join(",")}`];
  return [
    heading({
      name: "summary",
      title: `${outcomes.length} steps in ${duration(seconds)}`,
      commands: [],
      counts: "step",
    }),
    ...outcomes.flatMap((outcome) => [line(outcome), ...named(outcome)]),
    ...again,
    `${total.passed} passed, ${total.failed} failed`,
  ].join("\n");
}

function line({ step, failure, counts, seconds }: Outcome): string {
  const ok = failure === undefined;
  const word = styleText(ok ? "green" : "red", (ok ? "ok" : "FAILED").padEnd(8), { stream: process.stdout });
  const facts = step.counts === "tests" ? [counted(counts)] : [];
  const text = [...facts, ...(ok ? [] : [failure])].join(", ");
  return `${word}${step.name.padEnd(10)}${duration(seconds).padStart(9)}  ${text}`.trimEnd();
}

function named({ failed }: Outcome): string[] {
  const names = failed.slice(0, MOST_NAMED).map((name) => `        ${name}`);
  return failed.length > MOST_NAMED ? [...names, `        and ${failed.length - MOST_NAMED} more`] : names;
}

function counted({ passed, failed, skipped }: Counts): string {
  return [
    `${passed} passed`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
  ]
    .join(", ");
}

/** `0.4 s`, `12.0 s`, `2 min 5 s` */
function duration(seconds: number): string {
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
