/** What is seen of a node while it works: from outside by the kernel, from inside by itself. */
import { readdirSync, readFileSync } from "node:fs";

/** Variable of the environment: the file to which a node writes its {@link InnerFigures}. */
export const innerFile = "SOAK_INNER_FILE";

/** Of the main thread; in MiB. The memory of the workers' JavaScript is seen in the whole only. */
export interface InnerFigures {
  readonly heap: number;
  readonly heapTotal: number;
  /** Buffers outside the heap. */
  readonly external: number;
  /** Undefined on Deno. */
  readonly timers?: number;
}

export interface ProcessFigures {
  /** MiB in memory: all, without files and what is shared, and what is shared. */
  readonly resident: number;
  readonly anonymous: number;
  readonly shared: number;
  readonly threads: number;
  readonly descriptors: number;
}

/** Throws when the process has ended. */
export function processFigures(pid: number): ProcessFigures {
  return {
    ...parseStatus(readFileSync(`/proc/${pid}/status`, "utf8")),
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
  };
}

/** Of the text of /proc/PID/status, whose sizes are in KiB. Throws when it lacks one. */
export function parseStatus(text: string): Omit<ProcessFigures, "descriptors"> {
  const field = (name: string) => {
    const value = new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)?.[1];
    if (value === undefined) throw new Error(`/proc/PID/status has no ${name}`);
    return Number(value);
  };
  const mib = (name: string) => field(name) / 1024;
  return {
    resident: mib("VmRSS"),
    anonymous: mib("RssAnon"),
    shared: mib("RssShmem"),
    threads: field("Threads"),
  };
}

/** Undefined before the first time that the node has told. */
export function innerFigures(file: string): InnerFigures | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as InnerFigures;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
