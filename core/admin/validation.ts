import type { Hook } from "@hono/zod-openapi";
import type { Env } from "hono";
import { MeshError } from "../contracts/errors.ts";

/** What is shown of a request that is wrong in many places or by long words. */
const mostIssues = 16;
const longestMessage = 200;

interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** Turns what a schema found wrong into the error that says where: `endpoints[1]: expected string, …`. */
export const refuseInvalid: Hook<unknown, Env, string, void> = (result) => {
  if (result.success) return;
  const issues = result.error.issues.slice(0, mostIssues).map(({ path, message }: Issue) => ({
    path: pathText(path),
    message: cut(message),
  }));
  const found = issues.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`)).join("; ");
  throw new MeshError("INVALID_ARGUMENT", `Cannot take the request: ${found}`, { details: { issues } });
};

/** `["endpoints", 1]` as `endpoints[1]`. */
export function pathText(path: readonly PropertyKey[]): string {
  const parts = path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`));
  return cut(parts.join("").replace(/^\./, ""));
}

function cut(text: string): string {
  return text.length <= longestMessage ? text : `${text.slice(0, longestMessage)}…`;
}
