import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { audited } from "../audit.ts";
import type { AdminParts } from "../parts.ts";
import { jsonBody } from "../request_guards.ts";
import { connectRequest, forgetRequest, pingRequest, pingResult, stopRequest } from "../schemas.ts";
import { body, json, problems } from "./answers.ts";

type Parts = Pick<AdminParts, "node" | "log" | "clock" | "stop">;

const ping = createRoute({
  method: "post",
  path: "/ping",
  operationId: "ping",
  summary: "Send one echo request through the mesh and wait for the reply",
  middleware: [jsonBody],
  request: body(pingRequest),
  responses: { 200: json("The reply", pingResult), ...problems },
});

function writes({ log }: Parts) {
  const connect = createRoute({
    method: "post",
    path: "/connect",
    operationId: "connect",
    summary: "Connect to endpoints, now and after every start",
    middleware: [audited(log, "connect"), jsonBody],
    request: body(connectRequest),
    responses: { 204: { description: "Stored; connecting goes on by itself" }, ...problems },
  });
  const forget = createRoute({
    method: "post",
    path: "/forget",
    operationId: "forget",
    summary: "Take endpoints off the list of targets and stop trying them",
    middleware: [audited(log, "forget"), jsonBody],
    request: body(forgetRequest),
    responses: { 204: { description: "Not listed any more, whether it was or not" }, ...problems },
  });
  const stop = createRoute({
    method: "post",
    path: "/stop",
    operationId: "stop",
    summary: "Stop the node",
    middleware: [audited(log, "stop"), jsonBody],
    request: body(stopRequest),
    responses: {
      202: json("The node stops now", z.object({ state: z.literal("stopping") })),
      ...problems,
    },
  });
  return { connect, forget, stop };
}

export function controlRoutes(parts: Parts) {
  const { node } = parts;
  const { connect, forget, stop } = writes(parts);
  return new OpenAPIHono()
    .openapi(connect, async (c) => {
      const { endpoints, ...options } = c.req.valid("json");
      await node.connect(endpoints, options);
      return c.body(null, 204);
    })
    .openapi(forget, async (c) => {
      await node.forget(c.req.valid("json").endpoints);
      return c.body(null, 204);
    })
    .openapi(ping, async (c) => {
      const { to, ...options } = c.req.valid("json");
      return c.json(await node.ping(to, options, c.req.raw.signal), 200);
    })
    .openapi(stop, (c) => {
      stopSoon(parts);
      return c.json({ state: "stopping" as const }, 202);
    });
}

/** On the next turn, so that the answer is on its way before the socket that carries it closes. */
function stopSoon({ clock, log, stop }: Parts): void {
  clock.timer(clock.now(), () => {
    try {
      stop();
    } catch (error) {
      log.log("error", "Stop failed", { error });
    }
  });
}
