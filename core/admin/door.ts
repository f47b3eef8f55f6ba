/**
 * The ways into the API. One app answers on all of them; what a request must show depends on the way it came, so whoever
 * serves the app says with each request which one it was: `app.fetch(request, { door, source })`.
 */
import type { Context } from "hono";

export interface AdminDoor {
  /** What the audit log calls it: `unix`, `tcp`. */
  readonly name: string;
  /** Host headers that are taken, whole: a port makes it a different one. Never empty. */
  readonly hosts: readonly string[];
  /** Whether this is the bearer token of the API. Absent where whoever comes in may do everything. */
  readonly bearer?: (token: string) => boolean;
}

/** What whoever serves the app hands over beside a request. */
export interface AdminBindings {
  /** The unix socket when it is left out. */
  readonly door?: AdminDoor;
  /** Whose connection it is, as far as that can be told: an address, without a port. */
  readonly source?: string;
}

/** A unix socket has no name, so clients send one of these. Its mode is the authentication. */
export const unixDoor: AdminDoor = { name: "unix", hosts: ["localhost", "selvage"] };

/** RFC 6750 §2.1; the scheme's name is compared as RFC 9110 §11.1 asks. A longer one is none of ours. */
const bearerForm = /^bearer +([A-Za-z0-9._~+/=-]{1,512})$/i;

/** Whether an `Authorization` header shows what the door asks for. */
export function opens({ bearer }: AdminDoor, authorization: string | undefined): boolean {
  if (bearer === undefined) return true;
  const token = bearerForm.exec(authorization ?? "")?.[1];
  return token !== undefined && bearer(token);
}

/** The way this request came; an app that is called directly is as close as the socket. */
export function doorOf(c: Context): AdminDoor {
  return bindingsOf(c).door ?? unixDoor;
}

export function bindingsOf(c: Context): AdminBindings {
  return (c.env ?? {}) as AdminBindings;
}

/** `unix`, or `tcp 127.0.0.1`. */
export function callerOf(c: Context): string {
  const { source } = bindingsOf(c);
  return source === undefined ? doorOf(c).name : `${doorOf(c).name} ${source}`;
}

/**
 * The door of a TCP listener: the names that this machine gives to its own loopback, each with the port, and nothing
 * else. A name of the DNS that was rebound to 127.0.0.1 shows itself by being none of them.
 */
export function tcpDoor(
  { host, port }: { readonly host: string; readonly port: number },
  bearer: (token: string) => boolean,
): AdminDoor {
  const own = host.includes(":") ? `[${host}]` : host;
  const names = new Set([own, "localhost", "127.0.0.1", "[::1]"]);
  // Clients leave out the port that HTTP has by default (RFC 9110 §4.2.3).
  const hosts = [...names].flatMap((name) => port === 80 ? [name, `${name}:80`] : [`${name}:${port}`]);
  return { name: "tcp", hosts, bearer };
}
