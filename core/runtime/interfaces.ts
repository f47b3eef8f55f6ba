import os from "node:os";

export interface InterfaceAddress {
  /** `eth0`. */
  readonly name: string;
  /** An IP literal without a zone. */
  readonly host: string;
  readonly family: 4 | 6;
  /** Only this machine can reach it: an address of a loopback interface. */
  readonly internal: boolean;
  /** It means something only together with an interface: useless to anyone elsewhere. */
  readonly linkLocal: boolean;
}

/** The addresses this machine has now, IPv4 before IPv6, in the system's order of interfaces. Empty if it cannot tell. */
export function interfaceAddresses(): readonly InterfaceAddress[] {
  const addresses = Object.entries(listInterfaces()).flatMap(([name, entries = []]) =>
    entries.map((entry) => describe(name, entry))
  );
  return addresses.sort((left, right) => left.family - right.family);
}

/** Sandboxes that hide the interfaces make the call throw. A node there is reachable by nobody, but it can connect. */
function listInterfaces(): ReturnType<typeof os.networkInterfaces> {
  try {
    return os.networkInterfaces();
  } catch {
    return {};
  }
}

function describe(name: string, entry: os.NetworkInterfaceInfo): InterfaceAddress {
  const host = entry.address.split("%", 1)[0]!;
  const family = host.includes(":") ? 6 : 4;
  const linkLocal = family === 4 ? host.startsWith("169.254.") : /^fe[89ab]/i.test(host);
  return { name, host, family, internal: entry.internal, linkLocal };
}
