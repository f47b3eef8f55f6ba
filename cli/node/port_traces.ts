/**
 * What the ports of a node have made on the host outlives it: interfaces, a namespace. `ports.json` in the state directory
 * says which ports they were, so that `reset` finds what to remove although the node runs no more and was perhaps started
 * with a flag that nobody remembers. It is written before they start, for a node may be killed at any moment.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { MeshError } from "../../core/contracts/errors.ts";
import type { Logger } from "../../core/contracts/host.ts";
import type { AnyPluginFactory, Plugin } from "../../core/contracts/plugin.ts";
import type { LinkPort } from "../../core/contracts/port.ts";
import { isLinkPort } from "../../core/node/port_set.ts";
import { openStateDirectory } from "../../core/runtime/state_directory.ts";
import { builtins } from "../../plugins/builtins.ts";
import type { LoadedConfig } from "../config/load.ts";
import { importPlugin } from "../config/plugin_module.ts";
import type { Io } from "../io.ts";

const file = "ports.json";
const version = 1;
/** Has nothing outside of the process. */
const inside = "userspace";

interface PortTrace {
  readonly use: string;
  readonly options: Readonly<Record<string, unknown>>;
}

interface PortTraces {
  readonly version: number;
  /** What modules of third parties are relative to. */
  readonly directory: string;
  readonly ports: readonly PortTrace[];
}

export interface NotedPorts {
  /** Nothing was noted before, so nothing of theirs was on the host. */
  readonly areNew: boolean;
  undo(): void;
}

/** `undo` takes it back after a start that has failed: what was there before it stays. */
export function notePorts(config: LoadedConfig): NotedPorts {
  const ports = config.chosen.filter(({ slot, use }) => slot === "port" && use !== inside)
    .map(({ use, options }): PortTrace => ({ use, options }));
  if (ports.length === 0) return { areNew: false, undo: () => {} };
  const { stateDir } = config.settings;
  const path = join(stateDir, file);
  const before = existsSync(path) ? readFileSync(path) : undefined;
  const opened = openStateDirectory(stateDir);
  const directory = config.file === undefined ? "." : dirname(config.file);
  const traces: PortTraces = { version, directory, ports };
  writeFileSync(path, `${JSON.stringify(traces)}\n`, { mode: 0o600 });
  return {
    areNew: before === undefined,
    undo: () => {
      if (before !== undefined) return writeFileSync(path, before, { mode: 0o600 });
      rmSync(path, { force: true });
      opened.undo();
    },
  };
}

/** Removes what ports have made on this host. Nothing where none were noted. Rejects as {@link LinkPort.reset}. */
export async function resetPorts(stateDir: string, io: Io): Promise<void> {
  const path = join(stateDir, file);
  if (!existsSync(path)) return;
  const { directory, ports } = readTraces(path);
  for (const trace of ports) {
    const port = await linkPort(trace, directory, io);
    if (port === undefined) continue;
    await port.reset();
    io.say(`selvage: removed what ${trace.use} had made on this host\n`);
  }
}

function readTraces(path: string): PortTraces {
  try {
    const traces = JSON.parse(readFileSync(path, "utf8")) as PortTraces;
    if (traces.version === version && Array.isArray(traces.ports)) return traces;
  } catch (cause) {
    throw unreadable(path, cause);
  }
  throw unreadable(path);
}

function unreadable(path: string, cause?: unknown): MeshError {
  return new MeshError(
    "STATE_CORRUPT",
    `Cannot read ${path}, which says what this node has made on the host; remove it to reset the rest`,
    { cause },
  );
}

/** Created, which is pure, and never started. */
async function linkPort(
  { use, options }: PortTrace,
  directory: string,
  io: Io,
): Promise<LinkPort | undefined> {
  const factory: AnyPluginFactory = Object.hasOwn(builtins, use)
    ? builtins[use]!
    : await importPlugin(use, directory);
  const plugin = factory(options as never) as Plugin<"port">;
  const log: Logger = { child: () => log, log: () => {} };
  const host = { clock: io.clock, log, drops: { count: () => {} }, events: { emit: () => {} } };
  const port = plugin.create(host as never);
  return isLinkPort(port) ? port : undefined;
}
