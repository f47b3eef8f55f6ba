/**
 * Failures as `application/problem+json` (RFC 9457).
 *
 * A failure of the node has a `type` of its own. A failure of HTTP (no such route, wrong method, body too large) means
 * no more than its status does, so its type is `about:blank` and its title the status phrase (§4.2.1). Both carry
 * `code`, by which the client makes a MeshError again. Stacks and the messages of foreign errors never leave: they may
 * hold paths and secrets, and go to the log under the problem's `instance`.
 */
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { ErrorCode } from "../contracts/errors.ts";
import { isMeshError } from "../contracts/errors.ts";
import { errorKinds, isErrorCode } from "./error_kinds.ts";

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  /** What was attempted, what was wrong, and what to do about it. */
  readonly detail: string;
  readonly code: ErrorCode;
  /** Names the entry in the node's log, where there is one. */
  readonly instance?: string;
  /** Facts for programs. */
  readonly details?: Readonly<Record<string, unknown>>;
}

interface HttpKind {
  readonly title: string;
  readonly code: ErrorCode;
}

/** The failures of HTTP that this API gives; any other status of a library is shown as the 400 that it is for us. */
const httpKinds: Readonly<Record<number, HttpKind>> = {
  400: { title: "Bad Request", code: "MALFORMED" },
  401: { title: "Unauthorized", code: "TOKEN_INVALID" },
  403: { title: "Forbidden", code: "INVALID_ARGUMENT" },
  404: { title: "Not Found", code: "NOT_FOUND" },
  405: { title: "Method Not Allowed", code: "UNSUPPORTED" },
  413: { title: "Content Too Large", code: "INVALID_ARGUMENT" },
  415: { title: "Unsupported Media Type", code: "UNSUPPORTED" },
  429: { title: "Too Many Requests", code: "POOL_EXHAUSTED" },
};

/** The problem of any thrown value. `instance` is set by the caller who has logged it. */
export function problemOf(error: unknown): Problem {
  if (error instanceof HTTPException) return httpProblem(error.status, error.message);
  if (!isMeshError(error) || !isErrorCode(error.code)) {
    return meshProblem("INTERNAL", "The node failed while answering; its log says more");
  }
  return meshProblem(error.code, error.message, error.details);
}

export function meshProblem(code: ErrorCode, detail: string, details: Problem["details"] = {}): Problem {
  const { status, title } = errorKinds[code];
  const type = `urn:selvage:problem:${code.toLowerCase().replaceAll("_", "-")}`;
  const facts = plainFacts(details);
  return { type, title, status, detail, code, ...(facts === undefined ? {} : { details: facts }) };
}

export function httpProblem(status: number, detail: string): Problem {
  const kind = httpKinds[status];
  if (kind === undefined) return httpProblem(400, detail);
  return { type: "about:blank", title: kind.title, status, detail, code: kind.code };
}

export function problemResponse(
  c: Context,
  problem: Problem,
  headers: Record<string, string> = {},
): Response {
  const contentType = { "content-type": "application/problem+json", ...headers };
  return c.body(JSON.stringify(problem), problem.status as ContentfulStatusCode, contentType);
}

/** Facts that JSON can hold, or none: a plugin's bigint or cycle must not turn its error into another one. */
function plainFacts(details: Problem["details"]): Problem["details"] {
  if (details === undefined || Object.keys(details).length === 0) return undefined;
  try {
    return JSON.parse(JSON.stringify(details));
  } catch {
    return undefined;
  }
}
