/**
 * The data path's thread, until it throws: in the system call of packets that is due by number, so whichever that is. To
 * fail before a datagram leaves is the worst of them: it is sealed, and its counter is used.
 */
import { workerData } from "node:worker_threads";
import { PacketCalls } from "../../../core/runtime/ffi/packet_calls.ts";
import type { WorkerFault } from "./worker_faults.ts";

/** Before a datagram leaves, before some are taken, before packets are handed to the host. */
const victims = ["sendmsg", "recvmsg", "writev"] as const;

let { calls } = (workerData as { readonly fault: WorkerFault }).fault;

for (const victim of victims) {
  const call = PacketCalls.prototype[victim];
  PacketCalls.prototype[victim] = function (descriptor, address, third) {
    if (calls-- === 0) throw new Error(`the test ends this thread before ${victim}`);
    return call.call(this, descriptor, address, third);
  };
}

await import("../../../plugins/datapath_worker.ts");
