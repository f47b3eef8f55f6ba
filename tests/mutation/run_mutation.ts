/**
 * `npm run prove -- mutation [--file core/forwarding/forward.ts …]`: breaks the sources in one place at a time and runs
 * the tests that should notice, two at once on two cores. What was tried is remembered by the texts of source and tests,
 * so a run can be interrupted, and repeated after a test was added without trying what was killed before.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { addRecord, commitName, machineName, recordsFile } from "../proofs/records.ts";
import { ROOT } from "../rules/source_files.ts";
import { applyMutant, describeMutant, type Mutant, mutantsOf } from "./mutants.ts";
import { Sandbox } from "./sandbox.ts";
import { killedFloor, type MutationTarget, mutationTargets } from "./targets.ts";

const FOLDER = join(ROOT, "node_modules/.cache/selvage-proofs/mutation");
/** Cores that this process may use: `taskset` makes it one. */
const atOnce = Math.min(2, availableParallelism());
const longestTest = 300_000;

type Fate = "killed" | "survived";

interface Tried {
  readonly mutant: Mutant;
  readonly fate: Fate;
}

/** True when enough mutants were killed, of all targets or of the files named. */
export async function runMutation(files: readonly string[]): Promise<boolean> {
  const start = performance.now();
  const targets = mutationTargets.filter(({ file }) => files.length === 0 || files.includes(file));
  if (targets.length === 0) throw new Error(`no such target: ${files.join(", ")}`);
  const tried: Tried[] = [];
  for (const target of targets) tried.push(...await runTarget(target));
  const survivors = tried.filter(({ fate }) => fate === "survived").map(({ mutant }) =>
    describeMutant(mutant)
  );
  for (const survivor of survivors) console.log(`survived: ${survivor}`);
  const score = 1 - survivors.length / Math.max(1, tried.length);
  const isGood = tried.length > 0 && score >= killedFloor;
  const percent = (100 * score).toFixed(1);
  console.log(`mutation: ${tried.length - survivors.length} of ${tried.length} mutants killed, ${percent} %`);
  addRecord({
    date: new Date().toISOString(),
    proof: files.length === 0 ? "mutation" : `mutation of ${targets.map(({ file }) => file).join(", ")}`,
    unit: "mutants",
    count: tried.length,
    seed: 0,
    seconds: Math.round((performance.now() - start) / 1000),
    runtime: `node ${process.version}`,
    machine: machineName(),
    commit: commitName(),
    result: isGood ? "ok" : `${percent} % killed, ${100 * killedFloor} % wanted`,
    figures: {
      sums: { killed: tried.length - survivors.length, survived: survivors.length },
      notes: survivors,
    },
  });
  console.log(`recorded in ${recordsFile}`);
  return isGood;
}

async function runTarget({ file, tests }: MutationTarget): Promise<readonly Tried[]> {
  using lanes = new Lanes();
  const [first] = lanes.all;
  const present = tests.filter((test) => first!.has(test));
  const source = first!.read(file);
  const suite = await timed(present, first!);
  const memory = new Memory([source, ...present.map((test) => first!.read(test))]);
  const mutants = mutantsOf(file, source);
  const waiting = [...mutants];
  const tried: Tried[] = [];
  await Promise.all(lanes.all.map(async (sandbox) => {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      const fate = memory.recall(mutant) ?? await fateOf(mutant, source, suite, sandbox);
      memory.keep(mutant, fate);
      tried.push({ mutant, fate });
    }
  }));
  const killed = tried.filter(({ fate }) => fate === "killed").length;
  console.log(`${file}: ${killed} of ${mutants.length} killed`);
  return tried.toSorted((a, b) => a.mutant.start - b.mutant.start);
}

/** A test file, and when it must have ended. */
interface TimedTest {
  readonly file: string;
  readonly limitMillis: number;
}

/** An endless loop is a mutant that was noticed; a test that is only slow, on a machine that does other things, is not. */
async function timed(files: readonly string[], sandbox: Sandbox): Promise<readonly TimedTest[]> {
  const suite: TimedTest[] = [];
  for (const file of files) {
    const start = performance.now();
    if (await sandbox.test(file, longestTest) !== "passed") throw new Error(`${file} fails without a mutant`);
    suite.push({ file, limitMillis: 10_000 + 4 * (performance.now() - start) });
  }
  return suite;
}

/** The tests stand cheapest first, and one that fails is enough. */
async function fateOf(
  mutant: Mutant,
  source: string,
  suite: readonly TimedTest[],
  sandbox: Sandbox,
): Promise<Fate> {
  sandbox.write(mutant.file, applyMutant(source, mutant));
  try {
    for (const { file, limitMillis } of suite) {
      if (await sandbox.test(file, limitMillis) !== "passed") return "killed";
    }
    return "survived";
  } finally {
    sandbox.write(mutant.file, source);
  }
}

class Lanes implements Disposable {
  readonly all = Array.from({ length: atOnce }, () => new Sandbox());

  [Symbol.dispose](): void {
    for (const sandbox of this.all) sandbox[Symbol.dispose]();
  }
}

/** Fates of mutants of one text of a source, under one text of its tests. */
class Memory {
  readonly #path: string;
  readonly #fates: Record<string, Fate>;

  constructor(texts: readonly string[]) {
    const hash = createHash("sha256").update(texts.join("\0")).digest("hex").slice(0, 16);
    this.#path = join(FOLDER, `${hash}.json`);
    this.#fates = readJson(this.#path);
  }

  recall(mutant: Mutant): Fate | undefined {
    return this.#fates[keyOf(mutant)];
  }

  keep(mutant: Mutant, fate: Fate): void {
    this.#fates[keyOf(mutant)] = fate;
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(this.#path, JSON.stringify(this.#fates));
  }
}

function keyOf({ start, mutator, replacement }: Mutant): string {
  return `${start} ${mutator} ${replacement}`;
}

function readJson(path: string): Record<string, Fate> {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Record<string, Fate>;
  } catch {
    return {};
  }
}
