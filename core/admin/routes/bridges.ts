import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import { audited } from "../audit.ts";
import { bridgeList, bridgePath, bridgeRequest, bridgeStatus } from "../bridge_schemas.ts";
import type { AdminParts } from "../parts.ts";
import { jsonBody } from "../request_guards.ts";
import { body, json, problems } from "./answers.ts";

const getBridges = createRoute({
  method: "get",
  path: "/bridges",
  operationId: "getBridges",
  summary: "Bridges of this host that are joined to the network, and the devices behind those of all members",
  responses: { 200: json("Bridges of this node, devices of all", bridgeList), ...problems },
});

type Parts = Pick<AdminParts, "node" | "log">;

function writes({ log }: Parts) {
  const attachBridge = createRoute({
    method: "post",
    path: "/bridges",
    operationId: "attachBridge",
    summary: "Join a bridge of this host, with all that is behind it, or open it again after a loop",
    middleware: [audited(log, "bridge.attach"), jsonBody],
    request: body(bridgeRequest),
    responses: { 200: json("Joined, now or before", bridgeStatus), ...problems },
  });
  const detachBridge = createRoute({
    method: "delete",
    path: "/bridges/{device}",
    operationId: "detachBridge",
    summary: "Part a bridge of this host from the network",
    middleware: [audited(log, "bridge.detach")],
    request: { params: bridgePath },
    responses: { 204: { description: "Parted" }, ...problems },
  });
  return { attachBridge, detachBridge };
}

export function bridgeRoutes(parts: Parts) {
  const { bridges } = parts.node;
  const { attachBridge, detachBridge } = writes(parts);
  return new OpenAPIHono()
    .openapi(getBridges, (c) => c.json({ bridges: bridges.list(), devices: bridges.devices() }, 200))
    .openapi(
      attachBridge,
      async (c) => c.json(await bridges.attach(c.req.valid("json").device, c.req.raw.signal), 200),
    )
    .openapi(detachBridge, async (c) => {
      await bridges.detach(c.req.valid("param").device, c.req.raw.signal);
      return c.body(null, 204);
    });
}
