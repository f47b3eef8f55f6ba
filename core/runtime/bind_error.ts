import type { Endpoint } from "../contracts/values.ts";
import { MeshError } from "../contracts/errors.ts";
import { formatEndpoint } from "../wire/endpoint.ts";

/**
 * `BIND_FAILED` that says what to do about it. `details.reason` is the system's code (`EADDRINUSE`) where it gave one.
 */
export function bindError(protocol: "UDP" | "TCP", local: Endpoint, cause: unknown): MeshError {
  const reason = systemCode(cause);
  const message = `Cannot bind ${protocol} ${formatEndpoint(local)}: ${explain(reason, cause)}`;
  return new MeshError("BIND_FAILED", message, { cause, details: { reason } });
}

/** The code of a failed system call, alike in both runtimes; undefined for any other value. */
export function systemCode(cause: unknown): string | undefined {
  const code = (cause as { code?: unknown } | undefined)?.code;
  return typeof code === "string" ? code : undefined;
}

/** Of several transports the flag means the first. */
const listenSetting = "with --listen, or with the option `listen` of a further transport";

function explain(reason: string | undefined, cause: unknown): string {
  switch (reason) {
    case "EADDRINUSE":
      return `address in use; stop the program that holds it, or choose another port ${listenSetting}`;
    case "EACCES":
    case "EPERM":
      return `not permitted; ports below 1024 need root or CAP_NET_BIND_SERVICE: choose another ${listenSetting}`;
    case "EADDRNOTAVAIL":
      return "no interface of this machine has that address; choose one that it has, or [::] for all";
    case "EAFNOSUPPORT":
      return "this machine does not speak that address family; listen on 0.0.0.0";
    default:
      return cause instanceof Error ? cause.message : String(cause);
  }
}
