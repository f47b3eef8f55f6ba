import { MeshError } from "../contracts/errors.ts";
import type { LinkPort } from "../contracts/port.ts";
import { formatPrefix } from "../wire/prefix.ts";
import type { FoundIntent } from "./entry.ts";
import { isHostPort } from "./port_set.ts";

/**
 * Throws `INVALID_ARGUMENT` when a network is about to be founded with a range that nobody has chosen, and the host has a
 * route in it: what is behind that route could be reached no more, from the host or from containers. Who has said the
 * range is told by an alert, and may have meant it.
 */
export async function refuseOverlap(
  port: LinkPort | undefined,
  { range, isDefaultRange = false }: FoundIntent,
  signal: AbortSignal,
): Promise<void> {
  if (!isDefaultRange || !isHostPort(port)) return;
  const routes = await port.host.overlaps([range], signal);
  if (routes.length === 0) return;
  const text = formatPrefix(range);
  throw new MeshError(
    "INVALID_ARGUMENT",
    `Cannot found the network: the host's route ${
      routes.slice(0, 3).join(", ")
    } overlaps with the default range ` +
      `${text}; choose another with --range, or say --range ${text} to take it all the same`,
    { details: { routes: routes.slice(0, 16) } },
  );
}
