/** Holds the whole tree against the layers. `deno info` sees what the compiler sees, so no import hides from it. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { test } from "../harness.ts";
import { layerViolations, type Packages } from "./layering/check_layers.ts";
import { findCycles } from "./layering/find_cycles.ts";
import { type Graph, graphOf } from "./layering/graph.ts";
import { declaredSlot } from "./layering/layers.ts";
import { foldersIn, readJson, readText, ROOT, sourceFiles } from "./source_files.ts";

const graph = readGraph(sourceFiles());

test("the graph holds every source file", () => {
  assert.deepEqual(graph.files.filter((file) => file.endsWith(".ts")), sourceFiles());
});

test("no file imports what its layer may not see", () => {
  const packages = readJson("package.json") as Packages;
  assert.deepEqual(layerViolations({ graph, packages, slots: readSlots() }), []);
});

test("no import leads back to where it started", () => {
  assert.deepEqual(findCycles(graph), []);
});

/**
 * One synthetic module imports every file, so that one run of `deno info` reads them all. It is a file and no `data:` URL: an
 * argument ends at 128 KiB, which hundreds of absolute paths exceed in a checkout that lies deep.
 */
function readGraph(files: readonly string[]): Graph {
  const root = pathToFileURL(ROOT).href;
  const folder = mkdtempSync(join(tmpdir(), "selvage-layering-"));
  try {
    const entry = join(folder, "every_file.ts");
    writeFileSync(entry, files.map((file) => `import ${JSON.stringify(root + file)};\n`).join(""));
    const json = execFileSync(process.execPath, ["info", "--json", entry], {
      cwd: ROOT,
      encoding: "utf8",
      maxBuffer: 1 << 28,
      stdio: ["ignore", "pipe", "inherit"],
    });
    return graphOf(JSON.parse(json), root);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function readSlots(): Map<string, string> {
  const sources = new Set(sourceFiles());
  return new Map(
    foldersIn("plugins").map((name) => `plugins/${name}`).flatMap((folder): [string, string][] => {
      const slot = sources.has(`${folder}/mod.ts`) ? declaredSlot(readText(`${folder}/mod.ts`)) : undefined;
      return slot === undefined ? [] : [[folder, slot]];
    }),
  );
}
