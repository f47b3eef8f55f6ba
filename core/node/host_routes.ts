/** Default routes of endpoints through addresses of their host: as those come and go, also for who was there before. */
import type { Logger } from "../contracts/host.ts";
import type { Lease } from "../contracts/ipam.ts";
import type { Address } from "../contracts/values.ts";
import { contains, prefixOf } from "../wire/prefix.ts";
import type { EndpointRecord } from "./endpoint_record.ts";
import { wantsDefaultRoute } from "./endpoint_wish.ts";
import type { OwnerTurns } from "./owner_turns.ts";
import { isHostPort, type PortSet } from "./port_set.ts";

export interface RouteParts {
  readonly port: PortSet;
  readonly log: Logger;
  /** Addresses of the host. */
  gateways(): readonly Address[];
  /** Aborts when the node stops. */
  readonly signal: AbortSignal;
}

/** Those of the host that an endpoint sees on its link: an endpoint of a subnet is alone with its subnet. */
export function gatewaysFor(leases: readonly Lease[], own: readonly Address[]): readonly Address[] {
  return own.filter((address) =>
    leases.some((lease) => contains(prefixOf(lease.address, lease.bits), address))
  );
}

/**
 * Of all that were not attached without: each in its turn, by the addresses that the host has then. One that cannot be
 * changed is logged, and stays as it is until the next change.
 */
export async function routeAll(
  records: ReadonlyMap<string, EndpointRecord>,
  turns: OwnerTurns,
  { port: { link }, log, gateways, signal }: RouteParts,
): Promise<void> {
  if (!isHostPort(link)) return;
  await Promise.all([...records.keys()].map((owner) =>
    turns.take(owner, async () => {
      const record = records.get(owner);
      if (record === undefined || !wantsDefaultRoute(record.wish)) return;
      try {
        await link.route(owner, gatewaysFor(record.leases, gateways()), signal);
      } catch (error) {
        if (!signal.aborted) {
          log.log("warn", "The default route of an endpoint cannot be set", { owner, error });
        }
      }
    })
  ));
}
