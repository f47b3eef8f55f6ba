/** Every proof up to its floor, on both runtimes, two at a time: what `npm test` runs as the step `proofs`. */
import { type Job, type Ran, runJob, type Runtime } from "./run_job.ts";
import type { Proof } from "./proof.ts";

/** The cores of a CI machine. */
const atOnce = 2;

/** All proofs together may take so much of CI, in seconds. */
export const ciShare = 12 * 60;

/** A proof that is slow today may take more than its budget, as long as the whole stays within the share. */
const patience = 3;

export interface CiJob extends Job {
  /** Units that must be reached. */
  readonly floor: number;
}

/** Longest first, so that none is left to run by itself at the end; those that must be alone come last. */
export function ciJobs(proofs: readonly Proof[], seed: number): readonly CiJob[] {
  const jobs = proofs.flatMap((proof) => [
    ...jobOf(proof, "node", proof.ciFloor, seed),
    ...jobOf(proof, "deno", proof.ciFloorSecond, seed),
  ]);
  return jobs.toSorted((a, b) =>
    Number(a.proof.alone ?? false) - Number(b.proof.alone ?? false) || b.seconds - a.seconds
  );
}

function jobOf(proof: Proof, runtime: Runtime, floor: number, seed: number): CiJob[] {
  if (floor === 0) return [];
  // The second runtime runs other chunks than the first: what both ran twice would be half as much.
  const from = runtime === "node" ? 0 : Math.ceil(proof.ciFloor / proof.chunkSize);
  return [{ proof, runtime, floor, seed, from, units: floor, seconds: secondsOf(proof, runtime) }];
}

/** A tenth of the work takes more than a tenth of the time: a runtime has to start, and code to get warm. */
export function secondsOf(proof: Proof, runtime: Runtime): number {
  return runtime === "node" ? proof.ciBudgetSeconds : Math.ceil(proof.ciBudgetSeconds / 3);
}

export interface Verdict {
  readonly job: CiJob;
  readonly ran: Ran;
  /** Why it failed; undefined when it passed. */
  readonly failure: string | undefined;
}

export function judgeJob(job: CiJob, ran: Ran): Verdict {
  const short = ran.units < job.floor
    ? `reached ${count(ran.units)} of ${count(job.floor)} ${job.proof.unit} in ${ran.seconds.toFixed(0)} s`
    : undefined;
  const failure = ran.finding?.message ?? short ?? job.proof.judge?.(ran.figures);
  return { job, ran, failure };
}

/** Runs all jobs and calls `report` as each ends. None is begun, or goes on, when the share of all is used up. */
export async function runCi(
  jobs: readonly CiJob[],
  report: (verdict: Verdict) => void,
  run: (job: CiJob) => Promise<Ran> = (job) => runJob(job, () => {}),
): Promise<readonly Verdict[]> {
  const verdicts: Verdict[] = [];
  const end = performance.now() + 1000 * ciShare;
  const runOne = async (job: CiJob) => {
    const left = Math.max(0, (end - performance.now()) / 1000);
    const seconds = Math.min(left, patience * job.seconds);
    const verdict = judgeJob(job, await run({ ...job, seconds }));
    verdicts.push(verdict);
    report(verdict);
  };
  const waiting = jobs.filter(({ proof }) => proof.alone !== true);
  const lanes = Array.from({ length: atOnce }, async () => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) await runOne(job);
  });
  await Promise.all(lanes);
  for (const job of jobs.filter(({ proof }) => proof.alone === true)) await runOne(job);
  return verdicts;
}

/** What a run may take at most, in seconds, when every job takes all that it is granted. */
export function longestSeconds(jobs: readonly CiJob[]): number {
  const sum = (chosen: readonly CiJob[]) => chosen.reduce((total, { seconds }) => total + seconds, 0);
  const shared = jobs.filter(({ proof }) => proof.alone !== true);
  return sum(shared) / atOnce + sum(jobs.filter(({ proof }) => proof.alone === true));
}

export function count(number: number): string {
  return number.toLocaleString("en");
}
