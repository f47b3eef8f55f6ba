import type { ErrorCode } from "../contracts/errors.ts";

/** What an error code means to an HTTP client. */
export interface ErrorKind {
  readonly status: ErrorStatus;
  /** The same for every occurrence (RFC 9457 §3.1.3); what happened this time is the problem's `detail`. */
  readonly title: string;
}

type ErrorStatus = 400 | 403 | 404 | 409 | 410 | 422 | 500 | 501 | 502 | 503 | 504 | 507;

/**
 * The one table from code to HTTP status; a code added to the union is a compile error here until it has a row.
 *
 * 400 is for what cannot be parsed, 422 for what was parsed and cannot be accepted. 502 and 504 say that this node did
 * its part and another peer did not: the caller may try again, and need not look into this node's log.
 */
export const errorKinds: { readonly [C in ErrorCode]: ErrorKind } = {
  ADDRESS_TAKEN: { status: 409, title: "The address is held by another owner" },
  ALREADY_RUNNING: { status: 409, title: "A node is running already" },
  BIND_FAILED: { status: 500, title: "A socket cannot be bound" },
  CONFIG_INVALID: { status: 422, title: "The configuration is not valid" },
  DISK_FULL: { status: 507, title: "The disk is full" },
  EXPIRED: { status: 410, title: "The credential has expired" },
  IDENTITY_CLONED: { status: 409, title: "Two nodes use one identity" },
  INTERNAL: { status: 500, title: "The node failed" },
  INVALID_ARGUMENT: { status: 422, title: "An argument is not valid" },
  MALFORMED: { status: 400, title: "The input cannot be parsed" },
  NAME_TAKEN: { status: 409, title: "The name is taken" },
  NETWORK_MISMATCH: { status: 409, title: "The other side belongs to another network" },
  NOT_ADMITTED: { status: 403, title: "Not a member of the network" },
  NOT_FOUND: { status: 404, title: "No such thing" },
  NOT_RUNNING: { status: 503, title: "The node is not running" },
  PLUGIN_FAILED: { status: 500, title: "A plugin failed" },
  POOL_EXHAUSTED: { status: 503, title: "Nothing is left to give" },
  REVOKED: { status: 403, title: "The credential has been revoked" },
  STATE_CORRUPT: { status: 500, title: "The stored state is damaged" },
  STATE_INSECURE: { status: 500, title: "The stored state is open to others" },
  STATE_UNWRITABLE: { status: 500, title: "The state cannot be written" },
  TIMEOUT: { status: 504, title: "No answer in time" },
  TOKEN_INVALID: { status: 422, title: "The token is not valid" },
  UNREACHABLE: { status: 502, title: "The other side cannot be reached" },
  UNSUPPORTED: { status: 501, title: "This node cannot do that" },
};

export const errorCodes: readonly ErrorCode[] = Object.keys(errorKinds) as ErrorCode[];

/** True for a code of this build's union: a newer node or another copy of the module may send a different one. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === "string" && Object.hasOwn(errorKinds, value);
}
