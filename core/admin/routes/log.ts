import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import { MeshError } from "../../contracts/errors.ts";
import type { LogControl } from "../../contracts/log.ts";
import { audited } from "../audit.ts";
import { logStatus, requireKnown } from "../log_status.ts";
import type { AdminParts } from "../parts.ts";
import { jsonBody } from "../request_guards.ts";
import { logRequest, logStatus as status } from "../schemas.ts";
import { body, json, problems } from "./answers.ts";

const getLog = createRoute({
  method: "get",
  path: "/log",
  operationId: "getLog",
  summary: "What the node's log holds",
  responses: { 200: json("The levels", status), ...problems },
});

function setLogOf({ log }: Pick<AdminParts, "log">) {
  return createRoute({
    method: "put",
    path: "/log",
    operationId: "setLog",
    summary: "Change what the node's log holds, until the node stops",
    middleware: [audited(log, "log.set"), jsonBody],
    request: body(logRequest),
    responses: { 200: json("The levels from now on", status), ...problems },
  });
}

export function logRoutes(parts: Pick<AdminParts, "log" | "levels">) {
  return new OpenAPIHono()
    .openapi(getLog, (c) => c.json(logStatus(controlOf(parts)), 200))
    .openapi(setLogOf(parts), (c) => {
      const control = controlOf(parts);
      const { level, scopes = {} } = c.req.valid("json");
      requireKnown(Object.keys(scopes), control.known());
      control.change({ level, scopes });
      return c.json(logStatus(control), 200);
    });
}

function controlOf({ levels }: Pick<AdminParts, "levels">): LogControl {
  if (levels !== undefined) return levels;
  throw new MeshError(
    "UNSUPPORTED",
    "This node's log belongs to the program that the node is part of; change its level there",
  );
}
