/** What a reader of the repository may rely on, beyond what compiler, formatter and linter see. */
import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { isExact } from "./layering/check_layers.ts";
import { allFiles, foldersIn, readJson, readText } from "./source_files.ts";

interface PackageJson {
  readonly version: string;
  readonly imports: Readonly<Record<string, { readonly source: string }>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

interface DenoJson {
  readonly version: string;
  readonly imports: Readonly<Record<string, string>>;
}

const TOP_LEVEL = new Set([
  ...["deno.json", "package.json", "mod.ts", "core", "plugins", "cli", "tests", "examples"],
  ...["README.md", "CHANGELOG.md", "LICENSE", "docs", "deploy", ".ci", ".gitignore", ".npmrc"],
]);

/** A lock made on one platform lacks the others' optional packages; exact versions in package.json stand for it. */
const LOCK_FILES = /(^|\/)(package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|deno\.lock)$/;

/** What editors, merges, packers and operating systems leave behind. */
const LEFTOVERS = /(\.(orig|rej|bak|swp|tmp|log|tgz)|~|\.DS_Store|(^|\/)tsconfig\.json)$/;

/** Homes and work folders of the machine that a file was written on. Written so that it does not match itself. */
const MACHINE_PATH = /(?<![\w.~-])\/(?:work|root|home\/\w+|Users\/\w+)\/|\b[A-Z]:\\Users\\/;

const PLUGIN_HEADINGS = ["Name", "Description", "Configuration", "Wire format|Behaviour", "Examples"];

const files = allFiles();

test("the top level holds what it is meant to hold and nothing else", () => {
  assert.deepEqual(files.map((file) => file.split("/")[0] ?? "").filter((name) => !TOP_LEVEL.has(name)), []);
});

test("no lock file and no leftovers lie in the tree", () => {
  assert.deepEqual(files.filter((file) => LOCK_FILES.test(file) || LEFTOVERS.test(file)), []);
});

test("no file names a path of somebody's machine", () => {
  const naming = files.flatMap((file) =>
    readText(file).split("\n").flatMap((line, i) =>
      MACHINE_PATH.test(line) ? [`${file}:${i + 1}: ${line.trim()}`] : []
    )
  );
  assert.deepEqual(naming, []);
});

test("every dependency is pinned to one version", () => {
  const { dependencies, devDependencies } = readJson("package.json") as PackageJson;
  const loose = Object.entries({ ...dependencies, ...devDependencies }).filter(([, version]) =>
    !isExact(version)
  );
  assert.deepEqual(loose, []);
});

test("package.json and deno.json agree on the version and on the worker's entry", () => {
  const node = readJson("package.json") as PackageJson;
  const deno = readJson("deno.json") as DenoJson;
  assert.equal(deno.version, node.version);
  assert.equal(deno.imports["#datapath-worker"], node.imports["#datapath-worker"]?.source);
});

test("every plugin folder has a README with the five headings", () => {
  const missing = foldersIn("plugins").flatMap((name) => {
    const path = `plugins/${name}/README.md`;
    const text = files.includes(path) ? readText(path) : "";
    return PLUGIN_HEADINGS.filter((heading) => !new RegExp(`^#+ (${heading})$`, "m").test(text))
      .map((heading) => `${path} lacks the heading ${heading.replace("|", " or ")}`);
  });
  assert.deepEqual(missing, []);
});

test("core/README.md speaks of every folder of core", () => {
  const text = files.includes("core/README.md") ? readText("core/README.md") : "";
  const silent = foldersIn("core").filter((name) =>
    !new RegExp(`\\bcore/${name}\\b|\`${name}/?\``).test(text)
  );
  assert.deepEqual(silent, []);
});

test("every test goes through the harness, so that leaks and skips are seen", () => {
  const tests = files.filter((file) => file.endsWith("_test.ts"));
  assert.deepEqual(tests.filter((file) => /from "node:test["/]|\bDeno\.test\(/.test(readText(file))), []);
});
