/** What a request to attach asks for, checked and in one form: two that mean the same are the same. Pure. */
import { MeshError } from "../contracts/errors.ts";
import type { DefaultSubnets, Ipam } from "../contracts/ipam.ts";
import type { AttachRequest } from "../contracts/node.ts";
import type { Address, Prefix } from "../contracts/values.ts";
import { isNodeName } from "../identity/node_name.ts";
import { formatAddress, parseAddress } from "../wire/address.ts";
import { isDerivedMac, isGroupMac, parseMac } from "../wire/mac.ts";
import { addressWidth, containsPrefix, formatPrefix, parsePrefix, prefixOf } from "../wire/prefix.ts";

export type AddressWish =
  /** This very address. `bits` is the length of its on-link prefix; the range's when it is left out. */
  | { readonly kind: "claim"; readonly address: Address; readonly bits: number | undefined }
  /** A free one of the subnet. */
  | { readonly kind: "allocate"; readonly subnet: Prefix };

export interface EndpointWish {
  readonly addresses: readonly AddressWish[];
  readonly name: string | undefined;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly mtu: number;
  readonly mac: Uint8Array | undefined;
  readonly allowLayer2: boolean;
  readonly defaultRoute: boolean;
  readonly multicastRoute: boolean;
  /**
   * All but the addresses, as JSON: the same for two requests that ask for the same, also when what the network carries
   * has changed in between.
   */
  readonly text: string;
  /** The part of it that the request has said. */
  readonly said: Readonly<Record<string, unknown>>;
}

export interface WishLimits {
  /** What the network spans. */
  readonly ranges: readonly Prefix[];
  /** Where addresses come from when none is said. */
  readonly defaults: readonly Prefix[];
  /** IP bytes that the network carries. */
  readonly mtu: number;
}

const mostAddresses = 16;
const mostLabels = 64;
/** IPv6 asks it of every link (RFC 8200 §5). */
const leastMtu = 1280;
/** As Kubernetes limits them: a prefix with a slash before a name of 63, and a value of 63. */
const label = /^([A-Za-z0-9.-]{1,253}\/)?[A-Za-z0-9._-]{1,63}$/;
const labelValue = /^[A-Za-z0-9._-]{0,63}$/;

export function wishLimits(ipam: Ipam & Partial<DefaultSubnets>, mtu: number): WishLimits {
  const ranges = ipam.ranges();
  return { ranges, defaults: ipam.defaultSubnets?.() ?? ranges, mtu };
}

/** Throws `INVALID_ARGUMENT` naming what is wrong. */
export function wishOf(request: AttachRequest, limits: WishLimits): EndpointWish {
  const { name, namespace = "default", labels = {}, mtu = limits.mtu } = request;
  if (name !== undefined) requireName("name", name);
  requireName("namespace", namespace);
  requireLabels(labels);
  if (!Number.isInteger(mtu) || mtu < leastMtu || mtu > limits.mtu) {
    throw refused(`an MTU of ${mtu}: give ${leastMtu} to ${limits.mtu}, which the network carries`);
  }
  const mac = request.mac === undefined ? undefined : macOf(request.mac);
  // The host has ways of its own: nobody expects its traffic to take this one because it was attached.
  const hasRoutes = !("host" in request.where);
  const { allowLayer2 = false, defaultRoute = hasRoutes, multicastRoute = hasRoutes } = request;
  const addresses = addressWishes(request.addresses ?? [], limits);
  const rest = { name, namespace, labels, allowLayer2, defaultRoute, multicastRoute };
  const options = {
    ...rest,
    labels: Object.entries(labels).sort(),
    mtu: request.mtu,
    mac: mac && [...mac],
  };
  const isSaid = (key: string) =>
    (request as unknown as Readonly<Record<string, unknown>>)[key] !== undefined;
  const said = Object.fromEntries(Object.entries(options).filter(([key]) => isSaid(key)));
  return { ...rest, addresses, mtu, mac, text: JSON.stringify(options), said };
}

/** Whether what was attached by the text of an earlier wish has all that `wish` says. Addresses are not looked at. */
export function isAnswered({ said }: EndpointWish, before: string): boolean {
  const had = JSON.parse(before) as Readonly<Record<string, unknown>>;
  return Object.entries(said).every(([key, value]) => JSON.stringify(had[key]) === JSON.stringify(value));
}

/** By the text of a wish. */
export function wantsDefaultRoute(text: string): boolean {
  return (JSON.parse(text) as { readonly defaultRoute?: boolean }).defaultRoute === true;
}

function requireName(what: string, text: string): void {
  if (isNodeName(text)) return;
  throw refused(
    `the ${what} "${text.slice(0, 64)}": it has 1 to 63 letters, digits, dots, dashes and underscores`,
  );
}

function requireLabels(labels: Readonly<Record<string, string>>): void {
  const entries = Object.entries(labels);
  if (entries.length > mostLabels) throw refused(`${entries.length} labels: at most ${mostLabels} are kept`);
  const bad = entries.find(([key, value]) => !label.test(key) || !labelValue.test(value));
  if (bad !== undefined) throw refused(`the label "${bad.join("=").slice(0, 128)}": write app=web`);
}

/** Not said means one of each default subnet. Each only once, however often it is said. */
function addressWishes(texts: readonly string[], limits: WishLimits): readonly AddressWish[] {
  if (texts.length > mostAddresses) {
    throw refused(`${texts.length} addresses: at most ${mostAddresses} are given`);
  }
  const all = (texts.length === 0 ? ["net:default"] : texts).flatMap((text) => parseWish(text, limits));
  return [...new Map(all.map((wish) => [wishText(wish), wish])).values()];
}

function parseWish(text: string, { ranges, defaults }: WishLimits): readonly AddressWish[] {
  const [, kind = "ip", rest = ""] = /^(?:(ip|net):)?(.*)$/s.exec(text) ?? [];
  if (kind === "net" && rest === "default") return defaults.map((subnet) => ({ kind: "allocate", subnet }));
  const wish = kind === "net" ? subnetWish(rest) : addressWish(rest);
  const network = ranges.map(formatPrefix).join(" or ");
  if (wish === undefined) {
    throw refused(
      `"${
        text.slice(0, 64)
      }": write 10.32.1.5, ip:10.32.1.5/24, net:10.32.2.0/24 or net:default, inside ${network}`,
    );
  }
  const spanned = wish.kind === "allocate"
    ? wish.subnet
    : prefixOf(wish.address, wish.bits ?? addressWidth(wish.address.family));
  if (ranges.some((range) => containsPrefix(range, spanned))) return [wish];
  throw refused(
    `"${
      text.slice(0, 64)
    }": it is not inside the network's range ${network}, and no address of elsewhere is given`,
  );
}

function subnetWish(text: string): AddressWish | undefined {
  const subnet = parsePrefix(text);
  return subnet && { kind: "allocate", subnet };
}

function addressWish(text: string): AddressWish | undefined {
  const [, host = "", length] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const address = parseAddress(host);
  if (address === undefined) return undefined;
  const bits = length === undefined ? undefined : Number(length);
  if ((bits ?? 0) > addressWidth(address.family)) return undefined;
  return { kind: "claim", address, bits };
}

function wishText(wish: AddressWish): string {
  return wish.kind === "allocate"
    ? `net:${formatPrefix(wish.subnet)}`
    : `ip:${formatAddress(wish.address)}/${wish.bits ?? ""}`;
}

/**
 * Throws for a group address, for zeros, which no interface may have, and for what stands for an address of the network:
 * every node sends frames for that one to whoever holds the address.
 */
function macOf(text: string): Uint8Array {
  const mac = parseMac(text);
  if (mac !== undefined && !isGroupMac(mac) && mac.some((byte) => byte !== 0) && !isDerivedMac(mac)) {
    return mac;
  }
  throw refused(
    `the MAC address "${text.slice(0, 64)}": write 02:00:00:00:00:01, the second digit even, ` +
      "and not beginning with 0a:5e or 0e, which the network makes itself",
  );
}

function refused(what: string): MeshError {
  return new MeshError("INVALID_ARGUMENT", `Cannot attach with ${what}`);
}
