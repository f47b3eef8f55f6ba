/**
 * A project that has installed the package, far from this repository: both runtimes look for packages in the folders
 * above too, so below it an undeclared dependency would be found by luck.
 */
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { ROOT } from "../rules/source_files.ts";

export interface Consumer {
  readonly folder: string;
  /** The package as it was unpacked. */
  readonly installed: string;
  /** Paths in the package, relative to it, sorted. */
  readonly files: readonly string[];
  run(program: string, ...args: string[]): Ran;
  runIn(folder: string, program: string, ...args: string[]): Ran;
  remove(): void;
}

export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly bin: Readonly<Record<string, string>>;
}

/** Packs what is in `dist` and installs it without a network: its dependencies are links to those of the repository. */
export function installPackage(manifest: Manifest): Consumer {
  const folder = mkdtempSync(join(tmpdir(), "selvage-smoke-"));
  const installed = join(folder, "node_modules", manifest.name);
  mkdirSync(join(folder, "node_modules", ".bin"), { recursive: true });
  mkdirSync(installed);
  execFileSync("tar", ["-xzf", packInto(folder), "--strip-components=1", "-C", installed]);
  for (const name of [...Object.keys(manifest.dependencies), "@types/node"]) linkPackage(folder, name);
  for (const [name, path] of Object.entries(manifest.bin)) linkProgram(folder, name, join(installed, path));
  writeFileSync(
    join(folder, "package.json"),
    JSON.stringify({ name: "consumer", private: true, type: "module" }),
  );
  return {
    folder,
    installed,
    files: filesBelow(installed).sort(),
    run: (program, ...args) => runIn(folder, program, ...args),
    runIn,
    remove: () => rmSync(folder, { recursive: true }),
  };
}

/** The nearest folder above that holds packages; there must be none. */
export function packagesAbove(folder: string): string | undefined {
  const above = dirname(folder);
  if (above === folder) return undefined;
  return existsSync(join(above, "node_modules")) ? above : packagesAbove(above);
}

function packInto(folder: string): string {
  const npm = process.env["npm_execpath"];
  const [program, ...first] = npm === undefined ? ["npm"] : [process.execPath, npm];
  const args = [...first, "pack", "--json", "--ignore-scripts", "--offline", "--pack-destination", folder];
  execFileSync(program ?? "npm", args, { cwd: ROOT, stdio: ["ignore", "ignore", "inherit"] });
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"));
  if (tarball === undefined) throw new Error(`npm pack left no tarball in ${folder}`);
  return join(folder, tarball);
}

function linkPackage(folder: string, name: string): void {
  const link = join(folder, "node_modules", name);
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync(join(ROOT, "node_modules", name), link, "dir");
}

/** As npm does it: a link in `.bin` to a file that may be executed. */
function linkProgram(folder: string, name: string, target: string): void {
  if (!existsSync(target)) return;
  chmodSync(target, 0o755);
  symlinkSync(target, join(folder, "node_modules", ".bin", name));
}

function runIn(folder: string, program: string, ...args: string[]): Ran {
  const { NODE_TEST_CONTEXT: _nested, ...inherited } = process.env;
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: folder,
    encoding: "utf8",
    env: { ...inherited, NO_COLOR: "1" },
    timeout: 45_000,
  });
  if (error !== undefined) throw new Error(`cannot run ${program}: ${error.message}`);
  return { status, stdout, stderr };
}

function filesBelow(folder: string, below = ""): string[] {
  return readdirSync(join(folder, below), { withFileTypes: true }).flatMap((entry) => {
    const path = below === "" ? entry.name : `${below}/${entry.name}`;
    return entry.isDirectory() ? filesBelow(folder, path) : [path];
  });
}
