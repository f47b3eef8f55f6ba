import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { audited } from "../audit.ts";
import type { AdminParts } from "../parts.ts";
import { attachRequest, endpointPath, endpointQuery, endpointStatus } from "../endpoint_schemas.ts";
import { jsonBody } from "../request_guards.ts";
import { body, json, problems } from "./answers.ts";

const getEndpoints = createRoute({
  method: "get",
  path: "/endpoints",
  operationId: "getEndpoints",
  summary: "Who has addresses of the network on this node",
  responses: {
    200: json(
      "The endpoints, the node's own first",
      z.object({ endpoints: z.array(endpointStatus).readonly() }),
    ),
    ...problems,
  },
});

type Parts = Pick<AdminParts, "node" | "log">;

function writes({ log }: Parts) {
  const attach = createRoute({
    method: "post",
    path: "/endpoints",
    operationId: "attach",
    summary: "Give a network namespace of this host an interface with addresses, or more of them",
    middleware: [audited(log, "attach"), jsonBody],
    request: body(attachRequest),
    responses: { 200: json("Attached, now or before", endpointStatus), ...problems },
  });
  const detach = createRoute({
    method: "delete",
    path: "/endpoints/{endpoint}",
    operationId: "detach",
    summary: "Take the interface away and give the addresses back, or some of them only",
    middleware: [audited(log, "detach")],
    request: { params: endpointPath, query: endpointQuery },
    responses: { 204: { description: "Detached" }, ...problems },
  });
  return { attach, detach };
}

export function endpointRoutes(parts: Parts) {
  const { endpoints } = parts.node;
  const { attach, detach } = writes(parts);
  return new OpenAPIHono()
    .openapi(getEndpoints, (c) => c.json({ endpoints: endpoints.list() }, 200))
    .openapi(attach, async (c) => c.json(await endpoints.attach(c.req.valid("json"), c.req.raw.signal), 200))
    .openapi(detach, async (c) => {
      const { endpoint } = c.req.valid("param");
      const { by = "owner", address } = c.req.valid("query");
      const meant = by === "owner" ? endpoint : { [by]: by === "host" ? "" : endpoint };
      await endpoints.detach(meant, c.req.raw.signal, [address ?? []].flat());
      return c.body(null, 204);
    });
}
