/**
 * For tests: a node with endpoints of all kinds, in a mesh of three.
 *
 *     us       10.40.0.0/20, fd00:40::/32   .1 inside the process; .2 on an interface; .3 on one with a MAC of its own
 *     other    10.41.0.0/20, fd00:41::/32
 *     founder  10.32.0.0/12, fd00::/16      all the rest
 *     router   192.168.7.0/24               a device
 *     other    192.168.50.9                 behind a bridge of it, of whose frames one has just come
 *     us       192.168.50.2                 behind a bridge of ours
 */
import type { Address, PeerId } from "../contracts/values.ts";
import { isMulticast, parseAddress } from "../wire/address.ts";
import { encodeEthernet, EtherType } from "../wire/ethernet.ts";
import { encodeIp } from "../wire/ip.ts";
import { macOfAddress, macOfGroup, parseMac, sameMac } from "../wire/mac.ts";
import { parsePrefix } from "../wire/prefix.ts";
import { ForeignClaims } from "./foreign_claims.ts";
import type { LinkView } from "./link.ts";
import { LinkTable } from "./link_table.ts";
import { Neighbours } from "./neighbours.ts";
import { RangeTable } from "./range_table.ts";

export const us = "us" as PeerId;
export const founder = "founder" as PeerId;
export const other = "other" as PeerId;
export const router = "router" as PeerId;

/** Of 10.40.0.3 and fd00:40::3. */
export const fixedMac = parseMac("02:42:ac:11:00:02")!;

const routes = new RangeTable([
  { prefix: parsePrefix("10.32.0.0/12")!, owner: founder },
  { prefix: parsePrefix("10.40.0.0/20")!, owner: us, grantedBy: founder },
  { prefix: parsePrefix("10.41.0.0/20")!, owner: other, grantedBy: founder },
  { prefix: parsePrefix("fd00::/16")!, owner: founder },
  { prefix: parsePrefix("fd00:40::/32")!, owner: us, grantedBy: founder },
  { prefix: parsePrefix("fd00:41::/32")!, owner: other, grantedBy: founder },
  { prefix: parsePrefix("192.168.7.0/24")!, owner: router, isDevice: true },
  { prefix: parsePrefix("192.168.50.9/32")!, owner: other },
  { prefix: parsePrefix("192.168.50.2/32")!, owner: us },
]);

/** Of 192.168.50.9 and of 192.168.50.2. */
export const farMac = parseMac("52:54:00:00:00:09")!;
export const nearMac = parseMac("52:54:00:00:00:02")!;

const devices = new ForeignClaims([
  { owner: other, device: { mac: farMac, since: 2, addresses: [ip("192.168.50.9")] } },
  { owner: us, device: { mac: nearMac, since: 1, addresses: [ip("192.168.50.2")] } },
]);

const table = new LinkTable([
  { leases: leases("10.40.0.1", "fd00:40::1") },
  { leases: leases("10.40.0.2", "fd00:40::2"), mac: macOf("10.40.0.2") },
  { leases: leases("10.40.0.3", "fd00:40::3"), mac: fixedMac },
  // A device that has been learned answers as an interface does.
  { leases: leases("192.168.50.2"), mac: nearMac },
]);

function leases(...addresses: readonly string[]) {
  return addresses.map((address) => ({ owner: "any", address: ip(address), bits: 12 }));
}

/** A view of its own for each test: its neighbours are changed by decisions. */
export function linkView(): LinkView {
  return {
    self: us,
    routes,
    holds: (address) => table.linkOf(address) !== undefined,
    linkOf: (address) => table.linkOf(address),
    localMac: (mac) => table.localMac(mac),
    holderOf: (mac) => table.holderOf(mac),
    deviceMac: (address) => devices.ofAddress(address)?.device.mac,
    deviceOwner: (mac) => devices.ofMac(mac)?.owner,
    isEcho: (mac) => sameMac(mac, farMac),
    neighbours: new Neighbours(),
  };
}

export function ip(text: string): Address {
  return parseAddress(text)!;
}

/** Of an address or as it is written. */
export function macOf(text: string): Uint8Array {
  return parseMac(text) ?? macOfAddress(ip(text));
}

export interface FrameSpec {
  /** Addresses of the packet. */
  readonly from: string;
  readonly to: string;
  /** MACs, or the addresses that they stand for; those of the packet's addresses if absent. */
  readonly fromMac?: string;
  readonly toMac?: string;
}

/** An IP packet with 12 bytes of an unknown protocol, in its frame. */
export function frameOf({ from, to, fromMac = from, toMac }: FrameSpec): Uint8Array {
  const destination = ip(to);
  const mac = toMac === undefined ? usualMac(destination) : macOf(toMac);
  return encodeEthernet(mac, macOf(fromMac), etherTypeOf(destination), packetOf(from, to));
}

/** The packet of {@link frameOf}. */
export function packetOf(from: string, to: string): Uint8Array {
  return encodeIp({ source: ip(from), destination: ip(to), protocol: 253 }, new Uint8Array(12).fill(7));
}

export function etherTypeOf(address: Address): number {
  return address.family === 4 ? EtherType.ipv4 : EtherType.ipv6;
}

function usualMac(destination: Address): Uint8Array {
  return isMulticast(destination) ? macOfGroup(destination) : macOfAddress(destination);
}
