/** Whether a node gets threads for its packets, how many, and why not. */
import { availableParallelism } from "node:os";
import { errorCode } from "../../core/contracts/errors.ts";
import type { Clock, Logger } from "../../core/contracts/host.ts";
import { type DatapathThread, startDatapath } from "../../core/runtime/datapath_thread.ts";
import { datapathWorkerUrl } from "../../core/runtime/worker.ts";
import type { ResolvedConfig } from "../config/resolve.ts";
import { messageOf } from "../failure.ts";

export type ChosenDatapath =
  | { readonly datapath: DatapathThread; readonly noDatapath?: undefined }
  | { readonly datapath?: undefined; readonly noDatapath: string };

/** Half of the processors at most: the kernel, the main thread and the containers themselves need the rest. */
export function workersFor(processors: number): number {
  return processors < 4 ? 1 : Math.min(4, Math.floor(processors / 2));
}

/** Where packets are carried by function calls alone, they never leave the thread that makes them. */
const inProcess: ReadonlySet<string> = new Set(["userspace", "memory"]);

/** Never rejects for want of something: what this machine cannot do, the main thread does. */
export async function chooseDatapath(
  { settings, chosen }: ResolvedConfig,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): Promise<ChosenDatapath> {
  const { use, workers, realtime, aead, ffi } = settings.datapath;
  if (use === "main") return { noDatapath: "the configuration says so" };
  if (chosen.every((choice) => choice.slot !== "port" || inProcess.has(choice.use))) {
    return { noDatapath: "this node has no interfaces" };
  }
  const processors = availableParallelism();
  const count = workers === "auto" ? workersFor(processors) : workers;
  try {
    return {
      datapath: await startDatapath({
        url: datapathWorkerUrl(),
        clock,
        log: log.child("datapath"),
        workers: count,
        // One processor has to stay for whoever decides.
        realtime: realtime === "auto" && count < processors,
        aead,
        ffi: ffi === "auto" ? undefined : ffi,
      }),
    };
  } catch (error) {
    if (errorCode(error) !== "UNSUPPORTED") throw error;
    log.log("warn", "Packets are carried by the main thread", { error });
    return { noDatapath: messageOf(error) };
  }
}
