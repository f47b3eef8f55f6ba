/** How the nodes of a cell are started: on which runtime, and with which settings. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Program } from "../../../examples/lab/lab_host.ts";
import { overhead } from "../../../plugins/noise/constants.ts";
import type { Cell } from "./cells.ts";
import { rekeyVariable, restartVariable } from "./node_variables.ts";

/** A thousandth of what it is without. Late datagrams must not outlive two sessions, or they would be losses of ours. */
const rekeyMillis = 100;
/** Bytes to a system call, if each took so many: it is a few for the ends of a train, and sixty thousand within. */
const bytesPerCall = 32_768;
/** A thread that has just begun must be seen to carry something. */
const leastCalls = 4_000;

const root = fileURLToPath(new URL("../../..", import.meta.url));
const program = join(root, "tests/datapath/transfers/node_program.ts");
const modules = join(root, "node_modules");

/** `bytes`: what is to be carried, so that threads fail a few times meanwhile. */
export function programOf({ nodes, event }: Cell, bytes: number): Program {
  const calls = Math.max(leastCalls, Math.floor(bytes / bytesPerCall));
  const environment = {
    // Every start of Node would read and strip the same sources again.
    NODE_COMPILE_CACHE: join(modules, ".cache/selvage-lab"),
    ...event === "rekeys" ? { [rekeyVariable]: `${rekeyMillis}` } : {},
    ...event === "workerRestart" ? { [restartVariable]: `${calls}` } : {},
  };
  const words = nodes === "deno"
    ? [join(modules, ".bin/deno"), "run", "-A", "--no-check", "--unstable-net", program] as const
    : [join(modules, ".bin/node"), "--max-old-space-size=1500", "-C", "source", program] as const;
  return { words, environment };
}

/** Bytes of the largest packet that the network below takes. */
export function underlayMtu({ size }: Cell): number {
  return size === "jumbo" ? 9_000 : 1_280 + Math.max(overhead[4], overhead[6]);
}

export function settingsOf(cell: Cell): Readonly<Record<string, string>> {
  return { SELVAGE_ENCAPSULATION__UNDERLAY_MTU: `${underlayMtu(cell)}`, ...pathSettings(cell) };
}

function pathSettings({ path, nodes }: Cell): Readonly<Record<string, string>> {
  return {
    SELVAGE_DATAPATH__USE: path === "fast" ? "auto" : "main",
    ...nodes === "deno" ? {} : { SELVAGE_DATAPATH__FFI: nodes },
  };
}
