/** What the configuration says of a device, checked: where it is, what is behind it, which key it uses. */
import { z } from "zod";
import type { FixedPeer } from "../../core/contracts/encapsulation.ts";
import type { Address, Endpoint, PeerId, Prefix } from "../../core/contracts/values.ts";
import { domainHash } from "../../core/identity/domain.ts";
import { foldName, isNodeName } from "../../core/identity/node_name.ts";
import {
  isLimitedBroadcast,
  isLoopback,
  isMappedIpv4,
  isMulticast,
  isUnspecified,
  parseAddress,
} from "../../core/wire/address.ts";
import { encodeBase32 } from "../../core/wire/base32.ts";
import { parseEndpoint } from "../../core/wire/endpoint.ts";
import { formatPrefix, overlaps, parsePrefix } from "../../core/wire/prefix.ts";

export interface Device extends FixedPeer {
  /** RFC 2890, 32 bits: sent, and required of what comes. Absent: no K bit either way. */
  readonly key?: number | undefined;
  /** Whether it sends and takes Ethernet frames. */
  readonly isEthernet: boolean;
  /** Next hops on the link of a device with frames, at most one of each family. */
  readonly gateways: readonly Address[];
}

const device = z.strictObject({
  name: z.string().refine(isNodeName, "expected 1 to 63 letters, digits, dots, dashes and underscores")
    .describe("What status and logs call the device"),
  endpoint: z.string().superRefine((text, context) => report(context, endpointProblem(text)))
    .describe("IP address and port where the device takes GRE in UDP, for example 198.51.100.9:4754"),
  prefixes: z.array(z.string().superRefine((text, context) => report(context, prefixProblem(text)))).min(1, {
    error: "expected at least one prefix: what is not listed is neither sent to the device nor taken from it",
  }).describe("The addresses behind the device, outside of the network's ranges"),
  key: z.int().min(0).max(0xffff_ffff).optional()
    .describe("GRE key of RFC 2890; the device must use the same one both ways"),
  ethernet: z.boolean().optional()
    .describe("Whether the device sends Ethernet frames, as Linux's gretap does, and not IP packets"),
  gateways: z.array(z.string().superRefine((text, context) => report(context, gatewayProblem(text))))
    .optional()
    .describe(
      "Routers on the device's link, one per family: packets go to their MACs; without one, to each address's",
    ),
});

type DeviceText = z.output<typeof device>;

export const deviceList = z.array(device).min(1, "expected at least one peer")
  .superRefine((devices, context) => {
    for (const { path, message } of repetitions(devices)) context.addIssue({ code: "custom", path, message });
  });

/** What {@link deviceList} has let through. */
export function deviceOf(text: DeviceText): Device {
  const { name, endpoint, prefixes, key, ethernet = false, gateways = [] } = text;
  return {
    id: deviceId(name),
    name,
    endpoint: parseEndpoint(endpoint)!,
    prefixes: prefixes.map((text) => parsePrefix(text)!),
    key,
    isEthernet: ethernet,
    gateways: gateways.map((gateway) => parseAddress(gateway)!),
  };
}

/** In the form of a member's id, but of another domain than the hash of a member's public key. */
export function deviceId(name: string): PeerId {
  const bytes = new TextEncoder().encode(foldName(name));
  return encodeBase32(domainHash("gre_udp device id 1", 20, bytes)) as PeerId;
}

/** What tells the devices of one host apart. */
export function sourceOf({ host }: Endpoint, key: number | undefined): string {
  return `${host} ${key ?? "-"}`;
}

function report(context: z.RefinementCtx, message: string | undefined): void {
  if (message !== undefined) context.addIssue({ code: "custom", message });
}

function endpointProblem(text: string): string | undefined {
  const endpoint = parseEndpoint(text);
  if (endpoint === undefined) {
    return `expected address:port or [IPv6]:port, got ${JSON.stringify(text)}; names are not resolved here`;
  }
  const address = parseAddress(endpoint.host)!;
  const kinds = [isMulticast, isUnspecified, isLimitedBroadcast];
  return kinds.some((is) => is(address)) ? `${endpoint.host} is no host's address` : undefined;
}

function prefixProblem(text: string): string | undefined {
  const prefix = parsePrefix(text);
  if (prefix === undefined) {
    return `expected a CIDR without bits behind its length, got ${JSON.stringify(text)}`;
  }
  if (prefix.bits === 0) return `${text} overlaps every network's own range; list what is behind the device`;
  const block = nowhere.find((each) => overlaps(each, prefix));
  return block && `${text} overlaps ${formatPrefix(block)}, which is not routed to any host`;
}

/** A router's link-local address is on the link, and so a possible next hop (RFC 4861 §8). */
function gatewayProblem(text: string): string | undefined {
  const address = parseAddress(text);
  if (address === undefined) return `expected an IP address without prefix, got ${JSON.stringify(text)}`;
  const isNoHost = [isMulticast, isUnspecified, isLimitedBroadcast, isLoopback, isMappedIpv4].some((is) =>
    is(address)
  );
  return isNoHost ? `${text} is no host's address` : undefined;
}

/**
 * This host, loopback, link-local, multicast and broadcast. IPv4-mapped addresses are none on any wire (RFC 6890 §2.2.3):
 * whoever writes one means its IPv4 form, and would wait in vain for packets.
 */
const nowhere: readonly Prefix[] = [
  ...["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "255.255.255.255/32"],
  ...["::/127", "::ffff:0:0/96", "fe80::/10", "ff00::/8"],
].map((text) => parsePrefix(text)!);

interface Problem {
  readonly path: (string | number)[];
  readonly message: string;
}

function gatewayProblems({ ethernet, gateways = [] }: Pick<DeviceText, "ethernet" | "gateways">): string[] {
  if (gateways.length === 0) return [];
  if (ethernet !== true) return ["only a peer with ethernet: true has gateways; an IP packet needs no MAC"];
  const families = gateways.map((text) => parseAddress(text)?.family);
  return new Set(families).size < families.length ? ["expected at most one gateway of each family"] : [];
}

/** Names, sources and prefixes that an earlier device has already. */
function repetitions(devices: readonly DeviceText[]): Problem[] {
  const seen = new Set<string>();
  const isRepeated = (what: string) => seen.size === seen.add(what).size;
  return devices.flatMap(({ name, endpoint, prefixes, key, ...link }, i) => {
    const problems: Problem[] = gatewayProblems(link).map((message) => ({ path: [i, "gateways"], message }));
    if (isRepeated(`name ${foldName(name)}`)) {
      problems.push({ path: [i, "name"], message: `there is a peer "${name}" already` });
    }
    const place = parseEndpoint(endpoint);
    if (place !== undefined && isRepeated(`source ${sourceOf(place, key)}`)) {
      const message =
        `there is a peer at ${place.host} with the same key already; give each a key of its own`;
      problems.push({ path: [i, "endpoint"], message });
    }
    for (const [j, text] of prefixes.entries()) {
      const prefix = parsePrefix(text);
      if (prefix === undefined || !isRepeated(`prefix ${formatPrefix(prefix)}`)) continue;
      problems.push({ path: [i, "prefixes", j], message: `${text} is listed already` });
    }
    return problems;
  });
}
