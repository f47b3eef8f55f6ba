/** The documents of the event stream, for `/v1/openapi.json`: events go out only, so nothing is validated here. */
import { z } from "@hono/zod-openapi";
import type { EventName } from "../contracts/events.ts";
import type { EventDocuments } from "./event_documents.ts";
import { errorCode, peerId } from "./schemas.ts";

const text = z.string();
const lease = z.object({ owner: text, address: text, bits: z.int().min(0).max(128) });
const liveness = z.enum(["alive", "suspect", "dead", "left"]);
const connectionStates = ["connecting", "established", "retrying", "failed"] as const;

export const eventSchemas = {
  "node:ready": z.object({ id: peerId }),
  "node:stopping": z.object({}),
  "peer:up": z.object({ peer: peerId, name: text, endpoint: text }),
  "peer:down": z.object({ peer: peerId, name: text, reason: text }),
  "peer:roamed": z.object({ peer: peerId, endpoint: text, relay: peerId.nullable() }),
  "peer:liveness": z.object({ peer: peerId, liveness }),
  "peer:encryption": z.object({ peer: peerId, encrypted: z.boolean() }),
  "peer:admitted": z.object({ peer: peerId, name: text }),
  "peer:revoked": z.object({ peer: peerId }),
  "ring:changed": z.object({ version: z.int().min(0) }),
  "lease:changed": z.object({ lease, state: z.enum(["allocated", "released"]) }),
  "lease:waiting": z.object({ owner: text, subnet: text }),
  "endpoint:attached": z.object({ owner: text, addresses: z.array(text).readonly() }),
  "endpoint:detached": z.object({ owner: text }),
  "connection:changed": z.object({
    endpoint: text,
    peer: peerId.nullable(),
    state: z.enum([...connectionStates, "gone"]),
    reason: text.nullable(),
  }),
  "target:changed": z.object({
    target: text,
    state: z.enum([...connectionStates, "forgotten"]),
    reason: text.nullable(),
  }),
  "target:resolved": z.object({ target: text, places: z.array(text).readonly(), reason: text.nullable() }),
  "target:failed": z.object({ endpoint: text, code: errorCode, reason: text }),
  "alert:raised": z.object({ alert: text, detail: text }),
  "alert:cleared": z.object({ alert: text }),
} satisfies { readonly [K in EventName]: z.ZodType<EventDocuments[K]> };

/** The last event of a reader that was too slow. It has no id, for it is none of the node's. */
export const droppedEvent = z.object({
  reason: text,
  limit: z.int().openapi({ description: "Events that a reader may be behind, and fewer if they are long" }),
});

/** One event of the stream as its three fields: `id:`, `event:` and the JSON of `data:`. */
export const streamEvent = z.union([
  ...Object.entries(eventSchemas).map(([name, data]) =>
    z.object({ id: text, event: z.literal(name), data }).openapi({ title: name })
  ),
  z.object({ event: z.literal("stream:dropped"), data: droppedEvent }).openapi({ title: "stream:dropped" }),
]).openapi("StreamEvent");
