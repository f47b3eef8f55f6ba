/** What the client makes of an answer: the document, or the MeshError that the node meant. */
import type { ClientRequestOptions, ClientResponse } from "hono/client";
import type { SuccessStatusCode } from "hono/utils/http-status";
import { MeshError } from "../contracts/errors.ts";
import { isErrorCode } from "./error_kinds.ts";

/** The bodies of a route's good answers; its problems are among the others. */
export type Good<R> = R extends ClientResponse<infer T, infer S, "json">
  ? S extends SuccessStatusCode ? Parsed<T> : never
  : never;

/** Hono types a member that may be absent as one that may be `undefined`, which nothing read from JSON is. */
type Parsed<T> = T extends string | number | boolean | null ? T
  : T extends readonly (infer E)[] ? readonly Parsed<E>[]
  : { [K in keyof T]: Parsed<Exclude<T[K], undefined>> };

/** `alsoGood` names a status that is an answer although HTTP calls it an error. */
export async function answer<R extends Pick<Response, "ok" | "status" | "text">>(
  pending: Promise<R>,
  alsoGood?: number,
): Promise<Good<R>> {
  const response = await pending;
  if (!response.ok && response.status !== alsoGood) throw await refusal(response);
  return parseJson(await response.text()) as Good<R>;
}

/** For a write whose answer has nothing to say. */
export async function accepted(pending: Promise<Pick<Response, "ok" | "status" | "text">>): Promise<void> {
  const response = await pending;
  if (!response.ok) throw await refusal(response);
  await response.text();
}

/** The error in a problem document. What is none, from a proxy say, is told by its status. */
export async function refusal(response: Pick<Response, "status" | "text">): Promise<MeshError> {
  const { code, detail, details } = problemIn(await response.text());
  if (!isErrorCode(code)) {
    return new MeshError("INTERNAL", `The admin API answered ${response.status} without saying why`);
  }
  const facts = typeof details === "object" && details !== null ? { details: { ...details } } : {};
  return new MeshError(code, String(detail), facts);
}

function problemIn(text: string): { code?: unknown; detail?: unknown; details?: unknown } {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new MeshError("MALFORMED", "Cannot read the answer of the admin API: it is not JSON", { cause });
  }
}

export function abortable(signal: AbortSignal | undefined): ClientRequestOptions {
  return signal === undefined ? {} : { init: { signal } };
}

/**
 * A name as one segment of a path. `.` and `..` cannot be written as one: URLs resolve them, percent-encoded or not, and
 * the request would go to another route.
 */
export function segment(name: string): string {
  if (name !== "" && name !== "." && name !== "..") return encodeURIComponent(name);
  throw new MeshError(
    "INVALID_ARGUMENT",
    `Cannot ask the admin API for ${JSON.stringify(name)}: no name or id is like that`,
  );
}
