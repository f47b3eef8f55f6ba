/** What a listener's address means: which families a wildcard takes, and where others can reach it. */
import { isMeshError } from "../contracts/errors.ts";
import type { Endpoint } from "../contracts/values.ts";
import type { InterfaceAddress } from "./interfaces.ts";

/** On a machine without IPv6 the wildcard of both families means that of IPv4; `withoutIpv6` is told. */
export async function bindWildcard<T>(
  listen: Endpoint,
  bind: (local: Endpoint) => Promise<T>,
  withoutIpv6: () => void,
): Promise<T> {
  try {
    return await bind(listen);
  } catch (error) {
    if (listen.host !== "::" || !lacksIpv6(error)) throw error;
    withoutIpv6();
    return await bind({ host: "0.0.0.0", port: listen.port });
  }
}

function lacksIpv6(error: unknown): boolean {
  const reason = isMeshError(error) ? error.details["reason"] : undefined;
  return reason === "EAFNOSUPPORT" || reason === "EADDRNOTAVAIL";
}

/** Where others can reach what is bound at `local`: of a wildcard the interfaces' addresses, of another itself. */
export function reachableEndpoints(
  { host, port }: Endpoint,
  interfaces: () => readonly InterfaceAddress[],
): readonly Endpoint[] {
  if (host === "0.0.0.0") return reachableHosts([4], interfaces()).map((host) => ({ host, port }));
  if (host === "::") return reachableHosts([4, 6], interfaces()).map((host) => ({ host, port }));
  return [{ host, port }];
}

/** Loopback only where there is nothing else; link-local addresses mean nothing to anybody elsewhere. */
function reachableHosts(
  families: readonly (4 | 6)[],
  interfaces: readonly InterfaceAddress[],
): readonly string[] {
  const all = interfaces.filter(({ family, linkLocal }) => families.includes(family) && !linkLocal);
  const outward = all.filter(({ internal }) => !internal);
  return [...new Set((outward.length > 0 ? outward : all).map(({ host }) => host))];
}
