/**
 * Underlay endpoints as bytes, in tokens and records.
 *
 *     +---------------------------+----------------+
 *     | address, 4 or 16 bytes    | port, 2 bytes  |   network byte order
 *     +---------------------------+----------------+
 *
 * Text would take up to 47 bytes where this takes 18, in a handshake that must fit one datagram.
 */
import { MeshError } from "../contracts/errors.ts";
import type { Endpoint } from "../contracts/values.ts";
import { addressFromBytes, formatAddress, parseAddress, unmapAddress } from "../wire/address.ts";
import { concatBytes } from "../wire/bytes.ts";
import { readU16 } from "../wire/field.ts";

/** 6 or 18 bytes. Throws INVALID_ARGUMENT for a host that is no IP literal, and for a port that nobody can send to. */
export function endpointToBytes(endpoint: Endpoint): Uint8Array<ArrayBuffer> {
  const { host, port } = endpoint;
  const address = parseAddress(host);
  if (address === undefined || !Number.isInteger(port) || port < 1 || port > 0xffff) {
    throw new MeshError(
      "INVALID_ARGUMENT",
      `Cannot write the endpoint ${host}:${port}: give an IP literal and a port`,
    );
  }
  return concatBytes(unmapAddress(address).bytes, Uint8Array.of(port >>> 8, port & 0xff));
}

/** The endpoint, host in canonical form; undefined for another length or port 0. */
export function endpointFromBytes(bytes: Uint8Array): Endpoint | undefined {
  const address = bytes.length < 2 ? undefined : addressFromBytes(bytes.subarray(0, -2));
  if (address === undefined) return undefined;
  const port = readU16(bytes, bytes.length - 2);
  return port === 0 ? undefined : { host: formatAddress(unmapAddress(address)), port };
}
