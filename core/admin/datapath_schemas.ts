/** What carries a node's packets, as a document of the API; `schemas.ts` says what all of these are for. */
import { z } from "@hono/zod-openapi";
import type { AeadName } from "../contracts/aead.ts";
import type { DatapathCounters, DatapathStatus } from "../contracts/node.ts";
import { count } from "./document_parts.ts";

export const datapathPath = z.enum(["worker", "main"]) satisfies z.ZodType<DatapathStatus["path"]>;

function counted(description: string) {
  return count.openapi({ description });
}

const datapathCounters = z.object({
  datagramsIn: counted("UDP datagrams taken from the socket"),
  datagramBytesIn: count,
  datagramsOut: counted("UDP datagrams given to the socket"),
  datagramBytesOut: count,
  framesIn: counted("Ethernet frames from interfaces; one of many segments counts once"),
  frameBytesIn: count,
  framesOut: counted("Ethernet frames to interfaces; one of many segments counts once"),
  frameBytesOut: count,
  turns: counted("Rounds of its loop"),
  sleeps: counted("Rounds that began with a wait, because there was nothing to do"),
  left: counted("What it has left to the main thread"),
  leftLost: counted(
    "What was lost because the main thread was not quick enough; also among the drops as queueFull",
  ),
  backlog: z.number().min(0).max(1).openapi({ description: "How full the queue to the main thread is now" }),
  sendsRefused: counted("Calls to send that the kernel refused"),
  writesRefused: counted("Calls to write to an interface that the kernel refused"),
  sourcesLost: counted(
    "Addresses of this host to answer peers from that were gone, so that the route chooses since",
  ),
  commandsRefused: counted("Commands of the main thread that it could not follow; 0 in a node that is well"),
  tablesRefused: counted(
    "Tables that were too large for it, so that the main thread carries what they are about",
  ),
}).openapi("DatapathCounters") satisfies z.ZodType<DatapathCounters>;

export function datapathStatusOf(aead: z.ZodType<AeadName, AeadName>) {
  return z.object({
    path: datapathPath.openapi({ description: "worker: a thread of its own, with the main thread's help" }),
    reason: z.string().nullable().openapi({ description: "Why it is main" }),
    ffi: z.string().nullable().openapi({ description: "How the thread calls C libraries" }),
    ciphers: z.array(z.object({ aead, implementation: z.string() })).readonly()
      .openapi({ description: "What seals packets there, the cheapest cipher first" }),
    workers: counted("How many such threads there are"),
    isRealtime: z.boolean().openapi({ description: "They run before threads without a real-time priority" }),
    restarts: counted("How often one of them has failed and begun anew"),
    counters: datapathCounters.nullable().openapi({ description: "Since the start; null without a thread" }),
  }).openapi("DatapathStatus") satisfies z.ZodType<DatapathStatus>;
}
