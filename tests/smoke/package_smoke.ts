/**
 * The package as a stranger gets it: packed by npm, unpacked elsewhere, run and imported from there. Needs `dist`; it is
 * a step of `npm test` and no `*_test.ts`, because a checkout has no `dist`.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "../harness.ts";
import { readJson, ROOT } from "../rules/source_files.ts";
import { installPackage, type Manifest, packagesAbove, type Ran } from "./consumer.ts";
import { namedFiles } from "./named_files.ts";

const manifest = readJson("package.json") as Manifest;
const consumer = installPackage(manifest);
process.on("exit", () => consumer.remove());

/** Specifiers that another project may import. */
const entries = Object.keys((manifest as { exports?: object }).exports ?? {})
  .map((key) => manifest.name + key.slice(1));

test("nothing above the installed package lends it a dependency", () => {
  assert.equal(packagesAbove(consumer.folder), undefined);
});

test("every file that package.json names is packed", () => {
  assert.deepEqual(namedFiles(manifest).filter((path) => !consumer.files.includes(path)), []);
});

test("nothing is packed but the build, the manifest and the documents", () => {
  const documents = ["package.json", "README.md", "LICENSE", "CHANGELOG.md"];
  assert.deepEqual(
    consumer.files.filter((path) => !path.startsWith("dist/") && !documents.includes(path)),
    [],
  );
  assert.ok(consumer.files.includes("LICENSE"));
  assert.ok(consumer.files.includes("README.md"));
});

test("nothing packed names the machine that built it", () => {
  assert.deepEqual(
    consumer.files.filter((path) => readFileSync(join(consumer.installed, path)).includes(ROOT)),
    [],
  );
});

test("every program starts under its installed name and tells the version", () => {
  for (const name of Object.keys(manifest.bin)) {
    const ran = succeeded(consumer.run(join(consumer.folder, "node_modules", ".bin", name), "version"));
    assert.ok(ran.stdout.includes(manifest.version), ran.stdout);
  }
});

test("Deno runs the built program too", () => {
  const path = join(consumer.installed, manifest.bin["selvage"] ?? "");
  const ran = succeeded(consumer.run("deno", "run", "-A", "--node-modules-dir=manual", path, "version"));
  assert.ok(ran.stdout.includes(manifest.version), ran.stdout);
});

test("every entry imports as an ES module, exports names and starts nothing", () => {
  for (const entry of entries) {
    const script = `import * as entry from "${entry}"; console.log(JSON.stringify(Object.keys(entry)));`;
    const ran = succeeded(consumer.run("node", "--input-type=module", "--eval", script));
    const names = JSON.parse(ran.stdout) as string[];
    assert.ok(names.length > 0, `${entry} exports nothing`);
    assert.ok(!names.includes("default"), `${entry} has a default export`);
  }
});

test("the worker's entry resolves inside the package and loads", () => {
  const script = 'const url = import.meta.resolve("#datapath-worker"); await import(url); console.log(url);';
  const ran = succeeded(consumer.runIn(consumer.installed, "node", "--input-type=module", "--eval", script));
  assert.match(ran.stdout, /\/dist\/datapath_worker\.js\n$/);
});

test("the types of every entry check in a strict project that trusts no library", () => {
  const lines = entries.map((entry, i) =>
    `import * as m${i} from "${entry}"; export const e${i}: typeof m${i} = m${i};`
  );
  writeFileSync(join(consumer.folder, "consumer.ts"), lines.join("\n"));
  writeFileSync(
    join(consumer.folder, "tsconfig.json"),
    JSON.stringify({ compilerOptions: STRICT, files: ["consumer.ts"] }),
  );
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  const ran = consumer.run("node", tsc, "--project", consumer.folder, "--pretty", "false");
  assert.ok(
    ran.status === 0 || ran.stdout.includes("error TS"),
    `tsc did not run: ${ran.stdout}${ran.stderr}`,
  );
  // What other packages' declarations get wrong among themselves is not ours to fail on.
  const ours = ran.stdout.split("\n").filter((line) =>
    line.startsWith("consumer.ts") || line.includes(`node_modules/${manifest.name}/`)
  );
  assert.deepEqual(ours, [], ran.stdout);
});

test("an author tests a plugin with the installed kits, on both runtimes and with nothing else installed", () => {
  writeFileSync(join(consumer.folder, "plugin_test.ts"), AUTHORS_TEST);
  const deno = ["test", "-A", "--no-check", "--node-modules-dir=manual", "plugin_test.ts"];
  assert.match(succeeded(consumer.run("deno", ...deno)).stdout, /7 passed \| 0 failed/);
  const node = ["--test", "--test-reporter=tap", "plugin_test.ts"];
  assert.match(succeeded(consumer.run("node", ...node)).stdout, /^# pass 7$/m);
});

const AUTHORS_TEST = `
import assert from "node:assert/strict";
import { definePlugin } from "selvage";
import { SimWorld, test, testHost, testPolicy } from "selvage/testing";
import { z } from "zod";

const plugin = definePlugin({
  slot: "policy",
  name: "open",
  config: z.strictObject({}),
  create: () => ({
    evaluate: () => ({ allow: true, because: "open" }),
    gate: (_endpoint, signal) => signal.aborted ? Promise.reject(signal.reason) : Promise.resolve(),
    forget: () => {},
    epoch: () => 1,
  }),
});
testPolicy({
  name: "open",
  create: () => plugin({}).create(testHost()),
  endpoint: { owner: "web", namespace: "default", labels: {}, addresses: [] },
});
test("open: nodes reach each other", async () => {
  await using world = new SimWorld(1, {}, { plugins: { policy: plugin({}) } });
  const [a, b] = await world.mesh("a", "b");
  await world.settle();
  assert.ok(await world.ping(a, b) > 0);
});
`;

const STRICT = {
  module: "nodenext",
  target: "es2024",
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  verbatimModuleSyntax: true,
  skipLibCheck: false,
  noEmit: true,
  types: ["node"],
};

function succeeded(ran: Ran): Ran {
  assert.equal(ran.status, 0, `${ran.stdout}${ran.stderr}`);
  return ran;
}
