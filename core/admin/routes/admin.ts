import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import type { AdminAnswer } from "../answer_documents.ts";
import type { EventHub } from "../event_hub.ts";
import type { AdminParts } from "../parts.ts";
import type { Refusals } from "../refusals.ts";
import { adminStatus } from "../schemas.ts";
import { json, problems } from "./answers.ts";

const getAdmin = createRoute({
  method: "get",
  path: "/admin",
  operationId: "getAdmin",
  summary: "Counters of this API itself: readers, refusals, connections",
  responses: { 200: json("The counters", adminStatus), ...problems },
});

interface Parts extends Pick<AdminParts, "crowd"> {
  readonly hub: EventHub;
  readonly refusals: Refusals;
}

const nobody = { displaced: 0, turnedAway: 0 };

export function adminRoutes(parts: Parts) {
  return new OpenAPIHono().openapi(getAdmin, (c) => c.json(adminCounters(parts), 200));
}

export function adminCounters({ hub, refusals, crowd = () => nobody }: Parts): AdminAnswer {
  return { readers: hub.counts(), refused: refusals.counts(), crowd: crowd() };
}
