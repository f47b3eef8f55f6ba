/** `struct sockaddr_in` and `struct sockaddr_in6`, as system calls take and give them: RFC 3493 §3.3. */
import type { Endpoint } from "../contracts/values.ts";
import { addressFromBytes, formatAddress, parseAddress, unmapAddress } from "../wire/address.ts";
import { readU16, writeU16 } from "../wire/field.ts";

export const AF_INET = 2;
export const AF_INET6 = 10;
/** Bytes of the longer of the two. */
export const SOCKADDR_LENGTH = 28;
const SOCKADDR_IN_LENGTH = 16;

/**
 * Writes the address of `endpoint` for a socket of that family and gives its length: 16 for IPv4, 28 for IPv6, where an
 * IPv4 endpoint is written as mapped (RFC 4291 §2.5.5.2), which a dual-stack socket takes. Zero, with nothing written, for
 * what such a socket cannot send to, and for a host that is no IP literal. The port is in network byte order, the
 * family in the machine's, which is little-endian wherever this runs; flow and scope are zero.
 */
export function encodeSockaddr(endpoint: Endpoint, family: 4 | 6, bytes: Uint8Array, offset: number): number {
  const parsed = parseAddress(endpoint.host);
  if (parsed === undefined || !isPort(endpoint.port)) return 0;
  const address = unmapAddress(parsed);
  if (family === 4 && address.family === 6) return 0;
  const length = family === 4 ? SOCKADDR_IN_LENGTH : SOCKADDR_LENGTH;
  if (offset + length > bytes.length) return 0;
  bytes.fill(0, offset, offset + length);
  bytes[offset] = family === 4 ? AF_INET : AF_INET6;
  writeU16(bytes, offset + 2, endpoint.port);
  if (family === 4) bytes.set(address.bytes, offset + 4);
  else if (address.family === 6) bytes.set(address.bytes, offset + 8);
  else {
    bytes.fill(0xff, offset + 18, offset + 20);
    bytes.set(address.bytes, offset + 20);
  }
  return length;
}

/** The endpoint at `offset`, IPv4-mapped addresses as IPv4. Undefined for another family, and where the bytes end early. */
export function decodeSockaddr(bytes: Uint8Array, offset: number): Endpoint | undefined {
  const family = bytes[offset];
  if (bytes[offset + 1] !== 0 || (family !== AF_INET && family !== AF_INET6)) return undefined;
  const [start, length] = family === AF_INET ? [offset + 4, 4] : [offset + 8, 16];
  const end = offset + (family === AF_INET ? SOCKADDR_IN_LENGTH : SOCKADDR_LENGTH);
  if (end > bytes.length) return undefined;
  const address = addressFromBytes(bytes.subarray(start, start + length));
  if (address === undefined) return undefined;
  return { host: formatAddress(unmapAddress(address)), port: readU16(bytes, offset + 2) };
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 0 && port <= 65_535;
}
