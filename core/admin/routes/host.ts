import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { MeshError } from "../../contracts/errors.ts";
import type { HostAdmin, HostStatus } from "../../contracts/exposure.ts";
import { audited } from "../audit.ts";
import {
  exposeRequest,
  hidden,
  hideRequest,
  hostStatus,
  servicePath,
  serviceQuery,
  serviceRequest,
  serviceStatus,
} from "../host_schemas.ts";
import type { AdminParts } from "../parts.ts";
import { jsonBody } from "../request_guards.ts";
import { body, json, problems } from "./answers.ts";

const getHost = createRoute({
  method: "get",
  path: "/host",
  operationId: "getHost",
  summary: "This machine's own place in the network, and what that has changed on it",
  responses: { 200: json("The host", hostStatus), ...problems },
});

const getServices = createRoute({
  method: "get",
  path: "/host/services",
  operationId: "getServices",
  summary: "What is exported from the network at this host, and imported",
  responses: {
    200: json("The services", z.object({ services: z.array(serviceStatus).readonly() })),
    ...problems,
  },
});

type Parts = Pick<AdminParts, "node" | "log">;

function writes({ log }: Parts) {
  const expose = createRoute({
    method: "post",
    path: "/host/expose",
    operationId: "expose",
    summary: "Give this machine itself addresses of the network",
    middleware: [audited(log, "expose"), jsonBody],
    request: body(exposeRequest),
    responses: { 200: json("Exposed, now or before", hostStatus), ...problems },
  });
  const hide = createRoute({
    method: "post",
    path: "/host/hide",
    operationId: "hide",
    summary: "Take addresses of this machine away again",
    middleware: [audited(log, "hide"), jsonBody],
    request: body(hideRequest),
    responses: { 200: json("The addresses that it had", hidden), ...problems },
  });
  const putService = createRoute({
    method: "put",
    path: "/host/services",
    operationId: "putService",
    summary: "Lead a port of this machine to another place, or change where it leads",
    middleware: [audited(log, "service.put"), jsonBody],
    request: body(serviceRequest),
    responses: { 200: json("The service, now or before", serviceStatus), ...problems },
  });
  const removeService = createRoute({
    method: "delete",
    path: "/host/services/{listen}",
    operationId: "removeService",
    summary: "Lead a port of this machine nowhere any more",
    middleware: [audited(log, "service.remove")],
    request: { params: servicePath, query: serviceQuery },
    responses: { 204: { description: "Removed" }, ...problems },
  });
  return { expose, hide, putService, removeService };
}

export function hostRoutes(parts: Parts) {
  const { host } = parts.node;
  const { expose, hide, putService, removeService } = writes(parts);
  return new OpenAPIHono()
    .openapi(getHost, (c) => c.json(statusOf(host), 200))
    .openapi(getServices, (c) => c.json({ services: statusOf(host).services }, 200))
    .openapi(expose, async (c) => c.json(await host.expose(c.req.valid("json"), c.req.raw.signal), 200))
    .openapi(hide, async (c) => {
      const { addresses = [] } = c.req.valid("json");
      return c.json({ hidden: await host.hide(addresses, c.req.raw.signal) }, 200);
    })
    .openapi(
      putService,
      async (c) => c.json(await host.putService(c.req.valid("json"), c.req.raw.signal), 200),
    )
    .openapi(removeService, async (c) => {
      const { protocol = "tcp" } = c.req.valid("query");
      await host.removeService(protocol, c.req.valid("param").listen, c.req.raw.signal);
      return c.body(null, 204);
    });
}

function statusOf(host: HostAdmin): HostStatus {
  const status = host.status();
  if (status !== undefined) return status;
  throw new MeshError(
    "UNSUPPORTED",
    "This node runs rootless and leaves the host alone; start it with --host-mode",
  );
}
