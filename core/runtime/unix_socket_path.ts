import { MeshError } from "../contracts/errors.ts";

/** Of Linux: `sockaddr_un` holds 108 bytes, the last of which is zero (unix(7)). The BSDs hold four less. */
export const longestSocketPath = 107;

/**
 * Throws `CONFIG_INVALID` for a path that no unix socket can have. The system would say EINVAL, which tells nobody what
 * is wrong with it.
 */
export function assertSocketPath(path: string): void {
  const length = new TextEncoder().encode(path).length;
  if (length > longestSocketPath) {
    const message =
      `Cannot use ${path} as a unix socket: it has ${length} bytes and may have ${longestSocketPath}; choose a shorter path`;
    throw new MeshError("CONFIG_INVALID", message, { details: { path, length } });
  }
  if (path !== "" && !path.includes("\0")) return;
  throw new MeshError(
    "CONFIG_INVALID",
    `Cannot use ${JSON.stringify(path)} as a unix socket: it names no file`,
  );
}
