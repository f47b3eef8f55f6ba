/** What `npm test` does, as data. A step is one or more commands; the first that fails ends it, unless they count tests. */
import { pathToFileURL } from "node:url";
import { allFiles, readText, ROOT, sourceFiles } from "../rules/source_files.ts";
import { hasExample } from "./doc_examples.ts";

export interface Step {
  /** What `--only` takes. */
  readonly name: string;
  readonly title: string;
  readonly commands: readonly Command[];
  /** `tests`: the commands print how many passed; `step`: the step itself counts as one. */
  readonly counts: "tests" | "step";
  /** Not run when this step ran before and failed. */
  readonly after?: string;
  /** Runs at the same time as this step, right before it in the list: neither uses more than one core. Its output is shown afterwards. */
  readonly alongside?: string;
}

/** Program and arguments. Programs are found in node_modules/.bin first. */
export type Command = readonly [program: string, ...args: string[]];

/** Raw profiles; the report and its threshold (`coverage.thresholds` in deno.json) are a step of their own. */
const COVERAGE = "coverage";

/** Rules of the house are a step of their own, so that the suite's coverage and time speak of the product. */
const RULES = "tests/rules";

/** Registers the tests of whole folders in one isolate; what it is told follows after the flags. */
const ONE_PROCESS = "tests/run/one_process.ts";

/** What the coverage threshold is of. */
const MEASURED: ReadonlySet<string> = new Set(["core", "plugins"]);

/** Loads every module, so that lines no test reaches count; nothing may have loaded them before. */
const LOADING = "tests/loading_test.ts";

/** Folders whose tests share a process: many small files, of which none measures or ends its own process. */
const SHARED = ["core", "plugins", "cli", "examples"] as const;

export function allSteps(): readonly Step[] {
  return [
    { name: "fmt", title: "formatting", commands: [["deno", "fmt", "--check"]], counts: "step" },
    { name: "lint", title: "lint, house rules included", commands: [["deno", "lint"]], counts: "step" },
    { name: "check", title: "types of all sources and tests", commands: [["deno", "check"]], counts: "step" },
    {
      name: "rules",
      title: "layers, house rules and hygiene of the tree",
      commands: [["deno", "test", "-A", "--no-check", RULES]],
      counts: "tests",
    },
    ...suites(),
    {
      name: "coverage",
      title: "lines of core and plugins that the suite ran",
      commands: [["node", "tests/run/drop_torn_profiles.ts", COVERAGE], [
        "deno",
        "coverage",
        COVERAGE,
        `--include=^${escaped(pathToFileURL(ROOT).href)}(core|plugins)/`,
      ]],
      counts: "step",
      after: "test",
    },
    {
      name: "docs",
      title: "examples in the documentation",
      commands: [["deno", "test", "-A", "--doc", ...filesWithExamples()]],
      counts: "tests",
    },
    {
      name: "proofs",
      title: "fuzzing and models up to their floors, on both runtimes",
      commands: [["node", "-C", "source", "tests/proofs/main.ts", "--ci"]],
      counts: "tests",
    },
    {
      name: "smoke",
      title: "the built package, installed elsewhere",
      commands: [[
        "node",
        "--test",
        "--test-force-exit",
        "--test-reporter=spec",
        "tests/smoke/package_smoke.ts",
      ]],
      counts: "tests",
      after: "build",
    },
  ];
}

/** What is built first is there for the tests of the package. */
function suites(): readonly Step[] {
  return [
    {
      name: "build",
      title: "the package, built by tsup",
      commands: [["npm", "run", "--silent", "build"]],
      counts: "step",
    },
    { name: "test", title: "the suite on Deno", commands: suiteOnDeno(), counts: "tests" },
    {
      name: "node",
      title: "the suite on Node",
      commands: suiteOnNode(),
      counts: "tests",
      alongside: "test",
    },
  ];
}

/** The steps in groups, of which each runs at the same time. */
export function together(steps: readonly Step[]): Step[][] {
  const groups: Step[][] = [];
  for (const step of steps) {
    const last = groups.at(-1);
    if (step.alongside !== undefined && last?.[0]?.name === step.alongside) last.push(step);
    else groups.push([step]);
  }
  return groups;
}

/**
 * Types are the step `check`'s business; checking them here again would only repeat its report. Lines are counted for the
 * tests that stand beside what they test: counting nearly doubles the time, and what whole nodes touch on their way is not
 * tested by that.
 */
function suiteOnDeno(): readonly Command[] {
  const plain = ["deno", "test", "-A", "--no-check"] as const;
  const coverage = [`--coverage=${COVERAGE}`, "--coverage-raw-data-only"];
  return [
    [...plain, ...coverage, "--clean", LOADING],
    ...SHARED.map((folder): Command => [
      ...plain,
      ...(MEASURED.has(folder) ? coverage : []),
      ONE_PROCESS,
      "--",
      folder,
    ]),
    [...plain, `--ignore=${[RULES, LOADING, ...SHARED].join(",")}`],
  ];
}

/**
 * One process for each of the shared folders, so that a crash of one hides the least; files below `tests`, of which many
 * start programs or measure their own process, have one each. A test of a leak ends its file by itself (the harness fails
 * it by name); without `--test-force-exit` the leaked socket would then hold the process, and so the run, for ever.
 */
function suiteOnNode(): readonly Command[] {
  const plain = ["node", "-C", "source", "--test-force-exit", "--test-reporter=spec"] as const;
  const alone = sourceFiles().filter((path) =>
    runsOnNode(path) && !SHARED.some((folder) => isBelow(path, folder))
  );
  return [
    ...SHARED.map((folder): Command => [...plain, ONE_PROCESS, folder]),
    [...plain, "--test", ...alone],
  ];
}

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(`${folder}/`);
}

/** `*_deno_test.ts` tests what only Deno has: its linter's plugin interface and `deno info`. */
export function runsOnNode(path: string): boolean {
  return path.endsWith("_test.ts") && !path.endsWith("_deno_test.ts");
}

function filesWithExamples(): string[] {
  const shipped = (path: string) => !path.startsWith("tests/") && !path.endsWith("_test.ts");
  return allFiles().filter((path) =>
    /\.(md|ts)$/.test(path) && shipped(path) && hasExample(path, readText(path))
  );
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
