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

export const refuseInvalid: Hook<unknown, Env, string, void> = (result) => {
  if (!result.success) throw invalidRequest(result.error.issues);
};

/** What a schema found wrong as the error that says where: `endpoints[1]: expected string, …`. */
export function invalidRequest(found: readonly Issue[]): MeshError {
  const issues = found.slice(0, mostIssues).map(({ path, message }) => ({
    path: pathText(path),
    message: cut(message),
  }));
  const text = issues.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`)).join("; ");
  return new MeshError("INVALID_ARGUMENT", `Cannot take the request: ${text}`, { details: { issues } });
}

/** `["endpoints", 1]` as `endpoints[1]`. */
export function pathText(path: readonly PropertyKey[]): string {
  const parts = path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`));
  return cut(parts.join("").replace(/^\./, ""));
}

function cut(text: string): string {
  return text.length <= longestMessage ? text : `${text.slice(0, longestMessage)}…`;
}
