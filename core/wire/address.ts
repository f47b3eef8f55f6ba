/**
 * Overlay and underlay IP addresses as text, bytes and numbers.
 *
 * Reading is strict: dotted quads of four decimal numbers without leading zeros (RFC 6943 §3.1.1 lists what happens
 * when two readers of `010.1` disagree), and RFC 4291 §2.2 forms of IPv6 without a zone. Writing is canonical
 * (RFC 5952), so equal addresses have equal texts and a text may serve as a map key.
 *
 * Own code, because policy hangs on it: the popular parsers read `1.2.3`, `0x7f.1` or `010.0.0.1`, each its own way.
 */
import type { Address } from "../contracts/values.ts";
import { MeshError } from "../contracts/errors.ts";
import { compareBytes, copyBytes, equalBytes } from "./bytes.ts";
import { readU16, readU32, writeU16, writeU32 } from "./field.ts";

const octet = /^(?:0|[1-9][0-9]{0,2})$/;
const group = /^[0-9a-fA-F]{1,4}$/;
/** `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255`. */
const longestText = 45;

/** The address that `text` names, or undefined. No names, ports, brackets, zones or spaces. */
export function parseAddress(text: string): Address | undefined {
  if (text.length > longestText) return undefined;
  const bytes = text.includes(":") ? parseIpv6(text) : parseIpv4(text);
  return bytes === undefined ? undefined : { family: bytes.length === 4 ? 4 : 6, bytes };
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split(".");
  const octets = parts.filter((part) => octet.test(part)).map(Number);
  if (parts.length !== 4 || octets.length !== 4 || octets.some((value) => value > 255)) return undefined;
  return Uint8Array.from(octets);
}

function parseIpv6(text: string): Uint8Array | undefined {
  const [left = "", right, extra] = text.split("::");
  if (extra !== undefined) return undefined;
  const head = parseGroups(left, right === undefined);
  const tail = right === undefined ? [] : parseGroups(right, true);
  if (head === undefined || tail === undefined) return undefined;
  const written = head.length + tail.length;
  // "::" stands for at least one group (RFC 4291 §2.2), so beside eight written ones it is wrong.
  if (right === undefined ? written !== 8 : written > 7) return undefined;
  const bytes = new Uint8Array(16);
  head.forEach((value, i) => writeU16(bytes, 2 * i, value));
  tail.forEach((value, i) => writeU16(bytes, 16 - 2 * (tail.length - i), value));
  return bytes;
}

/** The 16-bit groups of one side of `::`; only the last side may end in a dotted quad, which makes two. */
function parseGroups(text: string, isLast: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (group.test(part)) {
      groups.push(parseInt(part, 16));
      continue;
    }
    const quad = isLast && i === parts.length - 1 ? parseIpv4(part) : undefined;
    if (quad === undefined) return undefined;
    groups.push(readU16(quad, 0), readU16(quad, 2));
  }
  return groups;
}

/** The canonical text: lower case, shortest, `::` for the first longest run of zero groups (RFC 5952 §4, §5). */
export function formatAddress(address: Address): string {
  const { bytes } = address;
  if (address.family === 4) return formatIpv4(bytes, 0);
  if (isMappedIpv4(address)) return `::ffff:${formatIpv4(bytes, 12)}`;
  const groups = Array.from({ length: 8 }, (_, i) => readU16(bytes, 2 * i));
  const run = longestZeroRun(groups);
  const hex = groups.map((value) => value.toString(16));
  if (run.length < 2) return hex.join(":");
  return `${hex.slice(0, run.start).join(":")}::${hex.slice(run.start + run.length).join(":")}`;
}

function formatIpv4(bytes: Uint8Array, offset: number): string {
  return `${bytes[offset]}.${bytes[offset + 1]}.${bytes[offset + 2]}.${bytes[offset + 3]}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let length = 0;
  for (const [i, value] of groups.entries()) {
    length = value === 0 ? length + 1 : 0;
    if (length > best.length) best = { start: i + 1 - length, length };
  }
  return best;
}

/** An address of 4 or 16 bytes, copied; undefined for any other length. */
export function addressFromBytes(bytes: Uint8Array): Address | undefined {
  if (bytes.length !== 4 && bytes.length !== 16) return undefined;
  return { family: bytes.length === 4 ? 4 : 6, bytes: copyBytes(bytes) };
}

export function sameAddress(left: Address, right: Address): boolean {
  return left.family === right.family && equalBytes(left.bytes, right.bytes);
}

/** Order for `sort`: IPv4 before IPv6, then by value. */
export function compareAddress(left: Address, right: Address): number {
  return left.family - right.family || compareBytes(left.bytes, right.bytes);
}

/** The address as an unsigned number of 32 or 128 bits. */
export function addressToBigInt(address: Address): bigint {
  let value = 0n;
  for (let offset = 0; offset < address.bytes.length; offset += 4) {
    value = (value << 32n) | BigInt(readU32(address.bytes, offset));
  }
  return value;
}

/** The address of `value`; throws INVALID_ARGUMENT for a value that the family cannot hold. */
export function addressFromBigInt(family: 4 | 6, value: bigint): Address {
  const bytes = new Uint8Array(family === 4 ? 4 : 16);
  if (value < 0n || value >> BigInt(8 * bytes.length) !== 0n) {
    // deno-lint-ignore selvage/no-throw-in-datapath -- a caller's mistake; no packet leads here
    throw new MeshError("INVALID_ARGUMENT", `Cannot make an IPv${family} address of ${value}: out of range`);
  }
  let rest = value;
  for (let offset = bytes.length - 4; offset >= 0; offset -= 4) {
    writeU32(bytes, offset, Number(rest & 0xffff_ffffn));
    rest >>= 32n;
  }
  return { family, bytes };
}

/** `address` moved by `distance`, which may be negative; undefined beyond either end of the family. */
export function offsetAddress(address: Address, distance: bigint): Address | undefined {
  const value = addressToBigInt(address) + distance;
  const fits = value >= 0n && value >> BigInt(8 * address.bytes.length) === 0n;
  return fits ? addressFromBigInt(address.family, value) : undefined;
}

/** 224.0.0.0/4 (RFC 5771) and ff00::/8 (RFC 4291 §2.7). */
export function isMulticast({ family, bytes }: Address): boolean {
  return family === 4 ? bytes[0]! >>> 4 === 14 : bytes[0] === 0xff;
}

/** 0.0.0.0 and ::, "this host" in a source, nobody in a destination. */
export function isUnspecified({ bytes }: Address): boolean {
  return bytes.every((byte) => byte === 0);
}

/** 169.254.0.0/16 (RFC 3927) and fe80::/10 (RFC 4291 §2.5.6). */
export function isLinkLocal({ family, bytes }: Address): boolean {
  return family === 4
    ? bytes[0] === 169 && bytes[1] === 254
    : bytes[0] === 0xfe && (bytes[1]! & 0xc0) === 0x80;
}

/** 127.0.0.0/8 and ::1. */
export function isLoopback({ family, bytes }: Address): boolean {
  return family === 4
    ? bytes[0] === 127
    : bytes[15] === 1 && bytes.subarray(0, 15).every((byte) => byte === 0);
}

/** 255.255.255.255. Broadcast addresses of subnets are not known here. */
export function isLimitedBroadcast({ family, bytes }: Address): boolean {
  return family === 4 && bytes.every((byte) => byte === 255);
}

/** True for `::ffff:a.b.c.d`, IPv4 as dual-stack sockets show it (RFC 4291 §2.5.5.2). */
export function isMappedIpv4({ family, bytes }: Address): boolean {
  return family === 6 && readU16(bytes, 10) === 0xffff && bytes.subarray(0, 10).every((byte) => byte === 0);
}

/** The IPv4 address inside an IPv4-mapped one; any other address as it is. */
export function unmapAddress(address: Address): Address {
  return isMappedIpv4(address) ? { family: 4, bytes: copyBytes(address.bytes, 12) } : address;
}

/** What a map finds an address by: IPv4 as its number; IPv6 as one character per byte, the cheapest hashable form of 16. */
export function addressKey({ family, bytes }: Address): number | string {
  if (family === 4) return ((bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!) >>> 0;
  return String.fromCharCode(...bytes);
}
