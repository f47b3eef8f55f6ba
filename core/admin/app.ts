/**
 * The admin API: HTTP and JSON over a {@link MeshNode}, and nothing else of the node. The CLI, scripts and the
 * dashboard all come this way, so whatever a person can do here, a program can.
 */
import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import { methodNotAllowed } from "hono/method-not-allowed";
import type { Logger } from "../contracts/host.ts";
import { isMeshError } from "../contracts/errors.ts";
import { bearer } from "./bearer.ts";
import { EventHub } from "./event_hub.ts";
import type { AdminParts } from "./parts.ts";
import { httpProblem, problemOf, problemResponse } from "./problem.ts";
import { Refusals } from "./refusals.ts";
import { answering, boundedLength, sameSite } from "./request_guards.ts";
import { adminCounters, adminRoutes } from "./routes/admin.ts";
import { controlRoutes } from "./routes/control.ts";
import { endpointRoutes } from "./routes/endpoints.ts";
import { addressRoutes } from "./routes/addresses.ts";
import { bridgeRoutes } from "./routes/bridges.ts";
import { hostRoutes } from "./routes/host.ts";
import { eventRoutes } from "./routes/events.ts";
import { logRoutes } from "./routes/log.ts";
import { membershipRoutes } from "./routes/membership.ts";
import { meshRoutes } from "./routes/mesh.ts";
import { reportRoutes } from "./routes/report.ts";
import { statusRoutes } from "./routes/status.ts";
import { weaveIpRoutes } from "./routes/weave_ip.ts";
import { refuseInvalid } from "./validation.ts";

/** The API with the types of all its routes, from which the typed client is made. */
export type AdminApp = ReturnType<typeof createAdminApp>;

/**
 * The API as a Hono app: `app.fetch` answers a Request with a Response and never rejects. It opens nothing by itself;
 * who may reach it is decided by whoever serves it, with a {@link AdminDoor} for each way in. Listens to the node's events from here on.
 */
export function createAdminApp(parts: AdminParts) {
  const log = parts.log.child("admin");
  const inner = { ...parts, log };
  const fail = failures(log);
  const refusals = new Refusals(inner);
  const app = new OpenAPIHono({ defaultHook: refuseInvalid });
  app.use(
    answering(fail),
    sameSite(refusals),
    bearer(parts.clock, refusals),
    boundedLength,
    methodNotAllowed({ app, onMethodNotAllowed: refuseMethod }),
  );
  app.onError(fail);
  app.notFound((c) => {
    const detail = `Cannot find ${c.req.path}; GET /v1/openapi.json lists what there is`;
    return problemResponse(c, httpProblem(404, detail));
  });
  serveDocument(app, parts.version);
  const hub = new EventHub(inner);
  const counters = () => adminCounters({ ...inner, hub, refusals });
  // Not for the typed client: it has the same under /v1.
  app.route("/", weaveIpRoutes(inner));
  return app
    .route("/v1", statusRoutes(inner))
    .route("/v1", logRoutes(inner))
    .route("/v1", adminRoutes({ ...inner, hub, refusals }))
    .route("/v1", reportRoutes({ ...inner, counters }))
    .route("/v1", meshRoutes(inner))
    .route("/v1", membershipRoutes(inner))
    .route("/v1", endpointRoutes(inner))
    .route("/v1", addressRoutes(inner))
    .route("/v1", hostRoutes(inner))
    .route("/v1", bridgeRoutes(inner))
    .route("/v1", controlRoutes(inner))
    .route("/v1", eventRoutes(hub));
}

/** Logs what is this node's fault under a number, and answers with the problem that names the number. */
function failures(log: Logger): (error: unknown, c: Context) => Response {
  let count = 0;
  return (error, c) => {
    const problem = problemOf(error);
    const foreign = !isMeshError(error) && !(error instanceof HTTPException);
    if (!foreign) return problemResponse(c, problem);
    const instance = `urn:selvage:failure:${++count}`;
    log.log("error", "Admin request failed", { error, path: c.req.path, instance });
    return problemResponse(c, { ...problem, instance });
  };
}

function refuseMethod(c: Context, methods: string[]): Response {
  const allow = methods.join(", ");
  const detail = `Cannot ${c.req.method} ${c.req.path}; it takes ${allow}`;
  return problemResponse(c, httpProblem(405, detail), { allow });
}

/** Made at the first request, which few nodes ever get, and kept. */
function serveDocument(app: OpenAPIHono, version: string): void {
  app.openAPIRegistry.registerComponent("securitySchemes", "token", { type: "http", scheme: "bearer" });
  let document: string | undefined;
  app.get("/v1/openapi.json", (c) => {
    const description =
      "Admin API of a Selvage node, served on its unix socket and, where `admin.listen` says so, on " +
      "the loopback for who holds the node's token.";
    document ??= JSON.stringify(app.getOpenAPI31Document({
      openapi: "3.1.0",
      info: { title: "Selvage admin API", version, description, license: { name: "Apache-2.0" } },
      servers: [
        { url: "http://localhost", description: "The unix socket, by the host name it answers to" },
        { url: "http://127.0.0.1:6784", description: "`admin.listen`; every request shows the bearer token" },
      ],
      // An empty requirement: the socket asks for nothing more.
      security: [{}, { token: [] }],
    }));
    return c.body(document, 200, { "content-type": "application/json" });
  });
}
