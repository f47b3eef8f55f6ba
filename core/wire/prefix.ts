/**
 * CIDR blocks (RFC 4632 §3.1, RFC 4291 §2.3). A prefix never has bits set below its length: `10.0.0.5/24` is refused
 * rather than read as `10.0.0.0/24`, because who wrote it meant either a host or another length.
 */
import type { Address, Prefix } from "../contracts/values.ts";
import { MeshError } from "../contracts/errors.ts";
import { compareAddress, formatAddress, parseAddress, sameAddress } from "./address.ts";
import { copyBytes } from "./bytes.ts";

const decimal = /^(?:0|[1-9][0-9]{0,2})$/;

/** The block that `address/bits` names; undefined for bad text, a length beyond the family, or host bits set. */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.indexOf("/");
  const address = slash < 0 ? undefined : parseAddress(text.slice(0, slash));
  const length = text.slice(slash + 1);
  if (address === undefined || !decimal.test(length)) return undefined;
  const bits = Number(length);
  if (bits > addressWidth(address.family) || !sameAddress(address, maskAddress(address, bits))) {
    return undefined;
  }
  return { address, bits };
}

/** `10.32.0.0/12`; one text per block. */
export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress(prefix.address)}/${prefix.bits}`;
}

/** Bits of an address: 32 or 128. */
export function addressWidth(family: 4 | 6): number {
  return family === 4 ? 32 : 128;
}

/** The block of `bits` that holds `address`. Throws INVALID_ARGUMENT as {@link maskAddress} does. */
export function prefixOf(address: Address, bits: number): Prefix {
  return { address: maskAddress(address, bits), bits };
}

/** The block of this one address, /32 or /128. */
export function hostPrefix(address: Address): Prefix {
  return { address, bits: addressWidth(address.family) };
}

/** `address` with all but its first `bits` cleared; throws INVALID_ARGUMENT when the family has fewer bits. */
export function maskAddress(address: Address, bits: number): Address {
  checkBits(address.family, bits);
  const bytes = copyBytes(address.bytes);
  for (let i = bits >>> 3; i < bytes.length; i++) bytes[i] = bytes[i]! & byteMask(bits, i);
  return { family: address.family, bytes };
}

function checkBits(family: 4 | 6, bits: number): void {
  const width = addressWidth(family);
  if (Number.isInteger(bits) && bits >= 0 && bits <= width) return;
  // deno-lint-ignore selvage/no-throw-in-datapath -- a caller's mistake; no packet leads here
  throw new MeshError("INVALID_ARGUMENT", `Cannot use /${bits} with IPv${family}: use /0 to /${width}`);
}

/** The part of a mask of `bits` leading ones that falls on byte `index`. */
function byteMask(bits: number, index: number): number {
  const ones = Math.min(8, Math.max(0, bits - 8 * index));
  return (0xff00 >>> ones) & 0xff;
}

/** Whether `address` lies in `prefix`. Allocates nothing. */
export function contains(prefix: Prefix, address: Address): boolean {
  if (prefix.address.family !== address.family) return false;
  const whole = prefix.bits >>> 3;
  for (let i = 0; i < whole; i++) {
    if (prefix.address.bytes[i] !== address.bytes[i]) return false;
  }
  if ((prefix.bits & 7) === 0) return true;
  const difference = prefix.address.bytes[whole]! ^ address.bytes[whole]!;
  return (difference & byteMask(prefix.bits, whole)) === 0;
}

/** Whether every address of `inner` lies in `outer`; a block contains itself. */
export function containsPrefix(outer: Prefix, inner: Prefix): boolean {
  return outer.bits <= inner.bits && contains(outer, inner.address);
}

/** Whether the two share an address; then one contains the other. */
export function overlaps(left: Prefix, right: Prefix): boolean {
  return containsPrefix(left, right) || containsPrefix(right, left);
}

export function samePrefix(left: Prefix, right: Prefix): boolean {
  return left.bits === right.bits && sameAddress(left.address, right.address);
}

/** Order for `sort`: by first address, the larger block first among those that start together. */
export function comparePrefix(left: Prefix, right: Prefix): number {
  return compareAddress(left.address, right.address) || left.bits - right.bits;
}

/** How many addresses the block has, all of them counted: 2^32 for 0.0.0.0/0, 1 for a host. */
export function prefixSize(prefix: Prefix): bigint {
  return 1n << BigInt(addressWidth(prefix.address.family) - prefix.bits);
}

export function firstAddress(prefix: Prefix): Address {
  return prefix.address;
}

/** The highest address of the block; in an IPv4 subnet its broadcast address. */
export function lastAddress(prefix: Prefix): Address {
  const bytes = copyBytes(prefix.address.bytes);
  for (let i = prefix.bits >>> 3; i < bytes.length; i++) {
    bytes[i] = bytes[i]! | (~byteMask(prefix.bits, i) & 0xff);
  }
  return { family: prefix.address.family, bytes };
}

/** The lower and the upper half; undefined for a single address. */
export function splitPrefix(prefix: Prefix): readonly [Prefix, Prefix] | undefined {
  const { address, bits } = prefix;
  if (bits === addressWidth(address.family)) return undefined;
  const upper = copyBytes(address.bytes);
  upper[bits >>> 3] = upper[bits >>> 3]! | (0x80 >>> (bits & 7));
  return [{ address, bits: bits + 1 }, { address: { family: address.family, bytes: upper }, bits: bits + 1 }];
}
