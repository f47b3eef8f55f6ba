import type { Context, MiddlewareHandler } from "hono";
import type { Clock } from "../contracts/host.ts";
import { BadTokenDelays } from "./bad_token_delays.ts";
import { bindingsOf, callerOf, doorOf, opens } from "./door.ts";
import { httpProblem, problemResponse } from "./problem.ts";
import type { Refusals } from "./refusals.ts";

/**
 * Lets in who shows the door's token, at once. Everybody else is refused, more slowly from one time to the next. The
 * token is taken from the header alone: one in a URL would end up in histories and logs.
 */
export function bearer(clock: Clock, refusals: Refusals): MiddlewareHandler {
  const delays = new BadTokenDelays(clock);
  return async (c, next) => {
    const authorization = c.req.header("authorization");
    if (opens(doorOf(c), authorization)) return await next();
    const source = bindingsOf(c).source ?? "";
    const reason = authorization === undefined ? "no token" : "wrong token";
    if (await delays.wait(source, c.req.raw.signal)) {
      refusals.note("token", { reason, who: callerOf(c), path: c.req.path });
      return unauthorized(c, reason);
    }
    refusals.note("delayed", { reason, who: callerOf(c), path: c.req.path });
    return tooMany(c, delays.secondsFor(source));
  };
}

/** RFC 9110 §15.5.2 demands the challenge; RFC 6750 §3.1 gives no error to who showed nothing. */
function unauthorized(c: Context, reason: string): Response {
  const detail =
    `Cannot serve this request: ${reason}; send "Authorization: Bearer" with the token of the node's ` +
    "admin.tokenFile";
  const error = reason === "no token" ? "" : ', error="invalid_token"';
  return problemResponse(c, httpProblem(401, detail), {
    "www-authenticate": `Bearer realm="selvage"${error}`,
  });
}

function tooMany(c: Context, seconds: number): Response {
  const detail =
    `Cannot serve this request: too many wrong tokens; try again in ${seconds} s with the right one`;
  return problemResponse(c, httpProblem(429, detail), { "retry-after": String(seconds) });
}
