import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import type { AdminParts } from "../parts.ts";
import { drops, health, nodeStatus, version } from "../schemas.ts";
import { json, problems } from "./answers.ts";

const getStatus = createRoute({
  method: "get",
  path: "/status",
  operationId: "getStatus",
  summary: "All about this node on one page",
  responses: { 200: json("The node's status", nodeStatus), ...problems },
});

const getHealth = createRoute({
  method: "get",
  path: "/health",
  operationId: "getHealth",
  summary: "Whether the node is well, for probes",
  responses: { 200: json("No alert, and every target has a session", health), 503: json("Degraded", health) },
});

const getVersion = createRoute({
  method: "get",
  path: "/version",
  operationId: "getVersion",
  summary: "Version of the software and of this API",
  responses: { 200: json("The versions", version), ...problems },
});

const getDrops = createRoute({
  method: "get",
  path: "/drops",
  operationId: "getDrops",
  summary: "Packets that went no further, by every reason there is",
  responses: { 200: json("The counts since the start", drops), ...problems },
});

export function statusRoutes({ node, version }: Pick<AdminParts, "node" | "version">) {
  return new OpenAPIHono()
    .openapi(getStatus, (c) => c.json(node.status(), 200))
    .openapi(getHealth, (c) => {
      const { healthy, state, alerts } = node.status();
      return c.json({ healthy, state, alerts }, healthy ? 200 : 503);
    })
    .openapi(getDrops, (c) => c.json({ drops: node.drops() }, 200))
    .openapi(getVersion, (c) => c.json({ name: "selvage" as const, version, api: "v1" as const }, 200));
}
