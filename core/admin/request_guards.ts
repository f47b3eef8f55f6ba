/**
 * What every request must satisfy before a route sees it, beside the token that some doors ask for.
 *
 * On whatever way, a browser may have been made to speak to this node: a page of another site, or a name rebound to this
 * machine, shows itself in `Host`, `Origin` or `Sec-Fetch-Site`. No header allows another origin, so a page cannot read
 * an answer either; and no cookie is ever set, so it cannot borrow anybody's rights.
 */
import type { Context, MiddlewareHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import { callerOf, doorOf } from "./door.ts";
import { problemOf, problemResponse } from "./problem.ts";
import type { Refusals } from "./refusals.ts";

export const largestBody = 1024 * 1024;

const jsonType = /^application\/json(?:\s*;\s*charset\s*=\s*"?utf-8"?)?$/i;

/** Keeps an answer from being stored, sniffed as another type, framed, or used as a script. */
const answerHeaders: readonly (readonly [string, string])[] = [
  ["cache-control", "no-store"],
  ["content-security-policy", "default-src 'none'; frame-ancestors 'none'"],
  ["x-content-type-options", "nosniff"],
];

/**
 * The outermost layer. Hono hands only Error objects to its error handler; whatever else a plugin throws would leave
 * `fetch` as a rejection, so it becomes an answer here.
 */
export function answering(onFailure: (error: unknown, c: Context) => Response): MiddlewareHandler {
  return async (c, next) => {
    try {
      await next();
    } catch (error) {
      c.res = onFailure(error, c);
    }
    for (const [name, value] of answerHeaders) c.res.headers.set(name, value);
  };
}

export function sameSite(refusals: Refusals): MiddlewareHandler {
  return async (c, next) => {
    const foreign = foreignHeader(c);
    if (foreign === undefined) return await next();
    refusals.note("foreign", { reason: `foreign ${foreign}`, who: callerOf(c), path: c.req.path });
    const remedy = foreign === "Host" ? `send "Host: ${doorOf(c).hosts[0]}"` : `send no ${foreign}`;
    const detail = `Cannot serve this request: its ${foreign} header is foreign; ${remedy}`;
    return problemResponse(c, problemOf(new HTTPException(403, { message: detail })));
  };
}

function foreignHeader(c: Context): string | undefined {
  const host = c.req.header("host") ?? "";
  // A request target may be a whole URL, whose host then counts instead of the header (RFC 9112 §3.2.2).
  const { hosts } = doorOf(c);
  if (!hosts.includes(host) || !hosts.includes(new URL(c.req.url).host)) return "Host";
  const origin = c.req.header("origin");
  if (origin !== undefined && origin !== `http://${host}`) return "Origin";
  const site = c.req.header("sec-fetch-site") ?? "none";
  return site === "none" || site === "same-origin" ? undefined : "Sec-Fetch-Site";
}

/** Refuses by the announced length, before a byte of the body is read. {@link jsonBody} counts what really comes. */
export const boundedLength: MiddlewareHandler = async (c, next) => {
  const announced = Number(c.req.header("content-length") ?? 0);
  if (announced > largestBody) throw tooLarge();
  await next();
};

/**
 * Reads the body of a write. The JSON content type is demanded even of an empty body, because a form of a web page
 * cannot send it.
 */
export const jsonBody: MiddlewareHandler = async (c, next) => {
  if (!jsonType.test(c.req.header("content-type")?.trim() ?? "")) {
    throw new HTTPException(415, {
      message: "Cannot read the request: send it with Content-Type: application/json",
    });
  }
  const body = jsonText(await readBody(c.req.raw));
  const { method, headers, signal } = c.req.raw;
  c.req.raw = new Request(c.req.url, { method, headers: [...headers], signal, body });
  await next();
};

async function readBody(request: Request): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of bodyChunks(request)) {
    length += chunk.length;
    if (length > largestBody) throw tooLarge();
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(length);
  chunks.reduce((offset, chunk) => (bytes.set(chunk, offset), offset + chunk.length), 0);
  return bytes;
}

/** Does not cancel what it leaves unread: that would close the connection before the refusal is sent. */
async function* bodyChunks(request: Request): AsyncGenerator<Uint8Array> {
  const reader = request.body?.getReader();
  while (reader !== undefined) {
    const { done, value } = await reader.read().catch(() => {
      throw new HTTPException(400, {
        message: "Cannot read the request: the connection ended within its body",
      });
    });
    if (done) return;
    yield value;
  }
}

/**
 * The text of a whole body, which the route's validator parses. Blank stands for `{}`, so that a write without arguments
 * needs no body. Throws `HTTPException` 400 for what is not UTF-8.
 */
export function jsonText(body: Uint8Array): string {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(body);
    return text.trim() === "" ? "{}" : text;
  } catch {
    throw new HTTPException(400, { message: "Cannot read the request: its body is not UTF-8" });
  }
}

function tooLarge(): HTTPException {
  return new HTTPException(413, {
    message: `Cannot read the request: its body exceeds ${largestBody} bytes`,
  });
}
