import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import { reportOf, type ReportParts } from "../report.ts";
import { report } from "../schemas.ts";
import { json, problems } from "./answers.ts";

const getReport = createRoute({
  method: "get",
  path: "/report",
  operationId: "getReport",
  summary: "Everything about this node in one document without secrets, to be handed on",
  responses: { 200: json("The report", report), ...problems },
});

export function reportRoutes(parts: ReportParts) {
  return new OpenAPIHono().openapi(getReport, (c) => c.json(reportOf(parts), 200));
}
