/** Engines of containers, each at work in the network of one host of a lab, with all that it keeps in one directory. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { until } from "../../../examples/lab/lab.ts";
import type { Namespace } from "../../../examples/lab/namespace.ts";
import { image } from "./image.ts";

export interface EngineKind {
  readonly name: string;
  readonly programs: readonly string[];
  /** Of Debian, that the programs are in. */
  readonly packages: string;
  /** Control groups below which it puts its containers: it leaves them behind, empty. */
  readonly group: string;
  /** What it makes on the machine wherever it is told to keep its things. */
  readonly traces: readonly string[];
  start(place: EnginePlace): Promise<Engine>;
}

export interface EnginePlace {
  readonly host: Namespace;
  /** Exists, and is its own. */
  readonly directory: string;
  /** Of the image, below the directory. */
  readonly imageFile: string;
}

export interface Engine extends AsyncDisposable {
  /** `20.10.24`, say. */
  readonly version: string;
  /** A container without a network that sleeps; its whole id. */
  run(name: string): string;
  /** The whole id of the container that is called so, as a person asks for it; undefined of an engine without names. */
  idOf(name: string): string | undefined;
  /** The same container in a new life. */
  restart(id: string): Promise<void>;
  /** What a program in the container printed; undefined when it failed. */
  exec(id: string, ...words: readonly [string, ...string[]]): string | undefined;
  remove(id: string): Promise<void>;
}

/** What one is told to do; far longer than all that is asked of it. */
export const asleep = ["sleep", "86400"] as const;

export async function startEngine(kind: EngineKind, host: Namespace, parent: string): Promise<Engine> {
  // Short, for podman takes no path of over 50 characters.
  const directory = join(parent, `${kind.name}-${host.name.split("-").at(-1)}`);
  mkdirSync(directory);
  const imageFile = join(directory, "image.tar");
  writeFileSync(imageFile, image());
  return await kind.start({ host, directory, imageFile });
}

/** Runs a program in the host's network; undefined when it fails. */
export function attempt(
  host: Namespace,
  words: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv = {},
): string | undefined {
  const [program, ...args] = host.command(...words);
  const { status, stdout } = spawnSync(program, args, { encoding: "utf8", env: environment(env) });
  return status === 0 ? stdout.trim() : undefined;
}

/** The same; throws what it complained of. */
export function order(
  host: Namespace,
  words: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv = {},
): string {
  const [program, ...args] = host.command(...words);
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: "utf8", env: environment(env) });
  if (status === 0) return stdout.trim();
  throw new Error(`${words.join(" ")} ended with ${status}: ${stderr.trim() || stdout.trim()}`);
}

/** Nothing of a person's own settings for an engine. */
export function environment(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const { PATH, HOME } = process.env;
  return { PATH, HOME, ...more };
}

const hierarchies = "/sys/fs/cgroup";
const groupMillis = 5_000;

/** What an engine leaves beside its own directory, as far as it was not there before: to be removed when it has ended. */
export class Traces implements AsyncDisposable {
  readonly #groups: readonly string[];
  readonly #files: readonly string[];

  constructor({ group, traces }: EngineKind) {
    const groups = [hierarchies, ...readdirSync(hierarchies).map((each) => join(hierarchies, each))];
    this.#groups = groups.map((path) => join(path, group)).filter((path) => !existsSync(path));
    this.#files = traces.filter((path) => !existsSync(path));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const path of this.#groups) await removeGroup(path);
    for (const path of this.#files) rmSync(path, { recursive: true, force: true });
  }
}

/** With the groups in it, as soon as the kernel is done with the last process in them. */
async function removeGroup(path: string): Promise<void> {
  if (!existsSync(path)) return;
  for (const inner of readdirSync(path, { withFileTypes: true })) {
    if (inner.isDirectory()) await removeGroup(join(path, inner.name));
  }
  const late = Date.now() + groupMillis;
  await until(() => isRemoved(path) || Date.now() > late);
  if (existsSync(path)) throw new Error(`${path} stays: a process is in it`);
}

function isRemoved(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch {
    return false;
  }
}

/** The most that a process of this machine may be granted, as `/proc` calls it: `open files`. */
export function hardLimit(what: string): string {
  return new RegExp(`^Max ${what} +\\S+ +(\\S+)`, "m").exec(readFileSync("/proc/self/limits", "utf8"))![1]!;
}
