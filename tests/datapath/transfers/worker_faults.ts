/** Puts threads of the data path that fail where those of the program would be started. */
import { createRequire, syncBuiltinESMExports } from "node:module";
import type * as threads from "node:worker_threads";

export interface WorkerFault {
  /** System calls for packets that a thread makes before it fails. */
  readonly calls: number;
}

/**
 * From now on, for modules of this process that are loaded later or already: both runtimes let the exports of a module of
 * their own be replaced. Threads with other work are started as they are.
 */
export function breakWorkers(fault: WorkerFault): void {
  const own = createRequire(import.meta.url)("node:worker_threads") as { Worker: typeof threads.Worker };
  own.Worker = class extends own.Worker {
    constructor(url: string | URL, options: threads.WorkerOptions = {}) {
      const work = options.workerData as { readonly kind?: unknown } | null | undefined;
      const isDatapath = work?.kind === "datapath";
      super(
        isDatapath ? new URL("./failing_worker.ts", import.meta.url) : url,
        isDatapath ? { ...options, workerData: { ...work, fault } } : options,
      );
    }
  };
  syncBuiltinESMExports();
}
