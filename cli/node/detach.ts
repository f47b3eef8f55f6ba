/** `--detach`: the node as a process of its own, which this one waits for until it is ready or has failed. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync } from "node:fs";
import { createInterface } from "node:readline";
import { MeshError } from "../../core/contracts/errors.ts";
import { openStateDirectory } from "../../core/runtime/state_directory.ts";
import { loadConfig } from "../config/load.ts";
import { ExitCode } from "../exit_code.ts";
import { describeFailure } from "../failure.ts";
import type { Io } from "../io.ts";
import { detachedCommand } from "./detached_command.ts";
import type { DetachedReport } from "./detached_node.ts";
import { type LogFile, openLogFile } from "./log_file.ts";
import type { NodeOrder } from "./node_order.ts";

/** Prints what the node would print in the foreground. Its failure and its exit code become this command's. */
export async function detach(io: Io, order: NodeOrder): Promise<ExitCode> {
  const { settings } = await loadConfig(order.flags, io);
  const directory = openStateDirectory(settings.stateDir);
  const log = openLog(settings.stateDir, directory.undo);
  try {
    const { pid, report } = await runChild(io, order, { log: log.descriptor, stateDir: settings.stateDir });
    if (report === undefined || "failed" in report) log.undo();
    if (report === undefined) return ExitCode.interrupted;
    if ("failed" in report) {
      io.say(describeFailure(report.failed.message, io));
      return report.failed.exitCode;
    }
    io.say(`selvage: running as process ${pid}, with its log in ${log.path}\n`);
    const { join: command, words } = report.ready;
    io.say(words);
    if (command !== null) io.out(`${command}\n`);
    return ExitCode.ok;
  } catch (error) {
    log.undo();
    throw error;
  } finally {
    closeSync(log.descriptor);
  }
}

/** Its `undo` also removes the directory, if that was made for this start and nothing else is in it. */
function openLog(stateDir: string, undoDirectory: () => void): LogFile {
  try {
    const log = openLogFile(stateDir);
    const undo = () => {
      log.undo();
      undoDirectory();
    };
    return { ...log, undo };
  } catch (error) {
    undoDirectory();
    throw error;
  }
}

interface ChildParts {
  readonly log: number;
  readonly stateDir: string;
}

interface ChildOutcome {
  readonly pid: number | undefined;
  /** Undefined when it was interrupted before it was ready. */
  readonly report: DetachedReport | undefined;
}

async function runChild(
  io: Io,
  order: NodeOrder,
  { log, stateDir }: ChildParts,
): Promise<ChildOutcome> {
  const [program, ...first] = io.program;
  const child = spawn(program, [...first, detachedCommand, stateDir], {
    detached: true,
    stdio: ["pipe", "pipe", log],
    env: withoutSecrets(io.environment),
  });
  const exited = once(child, "exit");
  const end = () => child.kill("SIGTERM");
  io.interrupted.addEventListener("abort", end, { once: true });
  try {
    child.stdin!.on("error", () => {});
    child.stdin!.end(JSON.stringify(order));
    const line = await firstLine(child);
    if (line === undefined || !isReady(line)) await exited;
    if (line !== undefined) return { pid: child.pid, report: JSON.parse(line) as DetachedReport };
    if (io.interrupted.aborted) return { pid: child.pid, report: undefined };
    throw new MeshError("INTERNAL", "The node ended without a word; its log says more");
  } finally {
    io.interrupted.removeEventListener("abort", end);
    child.stdout!.destroy();
    child.unref();
  }
}

/** They are in the order; the environment of a process that runs for months is easily read. */
function withoutSecrets(environment: Io["environment"]): Record<string, string | undefined> {
  const { SELVAGE_TOKEN: _token, SELVAGE_PASSWORD: _password, ...rest } = environment;
  return rest;
}

async function firstLine(child: ChildProcess): Promise<string | undefined> {
  for await (const line of createInterface({ input: child.stdout! })) return line;
  return undefined;
}

function isReady(line: string): boolean {
  return "ready" in (JSON.parse(line) as DetachedReport);
}
