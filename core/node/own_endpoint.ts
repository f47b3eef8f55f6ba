/**
 * The node's own attachment: the addresses it answers at itself. Allocated like any other endpoint's, under the owner
 * `node`, one address per family of the network.
 */
import type { Ipam, Lease } from "../contracts/ipam.ts";
import type { Policy } from "../contracts/policy.ts";
import type { AttachedPort, Port } from "../contracts/port.ts";
import type { Address } from "../contracts/values.ts";

export const ownOwner = "node";

export interface OwnEndpointParts {
  readonly name: string;
  readonly ipam: Ipam;
  readonly policy: Policy;
  readonly port: Pick<Port, "attach">;
  readonly mtu: number;
}

/** Leases first, policy next, and only then an open port: no packet passes in between. Waits for a range if need be. */
export async function attachSelf(parts: OwnEndpointParts, signal: AbortSignal): Promise<AttachedPort> {
  const leases = await Promise.all(
    parts.ipam.ranges().map((subnet): Promise<Lease> =>
      parts.ipam.allocate({ owner: ownOwner, subnet }, signal)
    ),
  );
  const attached = await parts.port.attach(
    { owner: ownOwner, name: parts.name, leases, mtu: parts.mtu },
    signal,
  );
  const addresses = leases.map((lease) => lease.address);
  await parts.policy.gate({ owner: ownOwner, namespace: "default", labels: {}, addresses }, signal);
  await attached.open();
  return attached;
}

/** Empty until it is attached. */
export function ownAddresses(port: Pick<Port, "attached">): readonly Address[] {
  return [...port.attached()].filter(({ owner }) => owner === ownOwner)
    .flatMap(({ leases }) => leases.map(({ address }) => address));
}
