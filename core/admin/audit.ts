import type { MiddlewareHandler } from "hono";
import { errorCode } from "../contracts/errors.ts";
import type { Logger } from "../contracts/host.ts";
import { callerOf } from "./door.ts";
import { problemOf } from "./problem.ts";

/**
 * Logs a call that changes something: who, what, on what, with what result. Refused calls are logged too, for they are
 * the interesting ones. Bodies and answers are not, for they hold secrets.
 *
 * `who` is the door, and the address of who came by TCP. Of a unix socket the kernel knows the peer's user id, but
 * neither runtime hands it out, and the socket's mode lets in only one user anyway.
 */
export function audited(log: Logger, what: string): MiddlewareHandler {
  return async (c, next) => {
    const call = { who: callerOf(c), what, path: c.req.path };
    try {
      await next();
    } catch (error) {
      log.log("warn", "Admin call", { ...call, result: "failed", code: errorCode(error) });
      throw error;
    }
    if (c.error === undefined) return log.log("info", "Admin call", { ...call, result: "ok" });
    log.log("warn", "Admin call", { ...call, result: "failed", code: problemOf(c.error).code });
  };
}
