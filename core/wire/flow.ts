/**
 * Who talks to whom in an inner packet: what forwarding looks up and policy judges, read once on entry.
 *
 * The checks keep a policy from being walked past. A transport header must be there whole, also in a first fragment
 * (RFC 7112 §5, RFC 1858 §3.2.1), or ports would be judged that the rest of the datagram can still replace; and a
 * later fragment may not overlap that header (RFC 3128).
 */
import { Drop } from "../contracts/drop.ts";
import type { Address } from "../contracts/values.ts";
import { readU16 } from "./field.ts";
import { GreProtocol } from "./gre.ts";
import { type IpPacket, IpProtocol } from "./ip.ts";
import { decodeIpv4 } from "./ipv4.ts";
import { decodeIpv6 } from "./ipv6.ts";

export interface ParsedPacket {
  readonly family: 4 | 6;
  /** Copies: both outlive the packet's buffer. */
  readonly source: Address;
  readonly destination: Address;
  /** IANA number of the upper-layer protocol, past all IPv6 extension headers. */
  readonly protocol: number;
  /** 0 for a protocol without ports and in a later fragment. */
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** A fragment other than the first: its ports are those of the first one, which it does not tell. */
  readonly isLaterFragment: boolean;
  readonly hopLimit: number;
  /** Where the upper-layer header, or a later fragment's data, starts in the packet. */
  readonly payloadOffset: number;
  /** Length of the IP packet; what follows in the buffer is padding and goes no further. */
  readonly length: number;
}

/** The shortest header of each protocol that starts with source and destination port. */
const portedHeaders: ReadonlyMap<number, number> = new Map([
  [IpProtocol.tcp, 20],
  [IpProtocol.udp, 8],
  [IpProtocol.sctp, 12],
  [IpProtocol.udpLite, 8],
]);

/**
 * The flow of `packet`, an IP packet that travelled as GRE `protocol`. Drops as {@link decodeIpv4} and
 * {@link decodeIpv6} do; malformed also for a cut or overlapped transport header, unsupported for what is no IP.
 */
export function parseFlow(protocol: number, packet: Uint8Array): ParsedPacket | Drop {
  const decoded = decodeAs(protocol, packet);
  if (typeof decoded === "number") return decoded;
  const ports = parsePorts(decoded);
  if (typeof ports === "number") return ports;
  return {
    family: decoded.family,
    source: decoded.source,
    destination: decoded.destination,
    protocol: decoded.protocol,
    ...ports,
    isLaterFragment: decoded.fragmentOffset > 0,
    hopLimit: decoded.hopLimit,
    payloadOffset: decoded.payloadOffset,
    length: decoded.bytes.length,
  };
}

function decodeAs(protocol: number, packet: Uint8Array): IpPacket | Drop {
  if (protocol === GreProtocol.ipv4) return decodeIpv4(packet);
  return protocol === GreProtocol.ipv6 ? decodeIpv6(packet) : Drop.unsupported;
}

type Ports = Pick<ParsedPacket, "sourcePort" | "destinationPort">;

const noPorts: Ports = { sourcePort: 0, destinationPort: 0 };

function parsePorts(packet: IpPacket): Ports | Drop {
  const headerLength = portedHeaders.get(packet.protocol);
  if (headerLength === undefined) return noPorts;
  const { bytes, payloadOffset, fragmentOffset } = packet;
  if (fragmentOffset > 0) return fragmentOffset < headerLength ? Drop.malformed : noPorts;
  if (bytes.length - payloadOffset < headerLength) return Drop.malformed;
  return { sourcePort: readU16(bytes, payloadOffset), destinationPort: readU16(bytes, payloadOffset + 2) };
}
