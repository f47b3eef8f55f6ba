/**
 * UDP sockets as plain descriptors, for a thread that reads and writes them by system calls of its own: what the runtimes'
 * sockets do not have are many datagrams per call.
 */
import { MeshError } from "../contracts/errors.ts";
import type { Endpoint } from "../contracts/values.ts";
import { IP_PKTINFO, SOL_IP, SOL_IPV6 } from "../datapath/source_address.ts";
import { isUnspecified, parseAddress } from "../wire/address.ts";
import { bindError } from "./bind_error.ts";
import type { PacketCalls } from "./ffi/packet_calls.ts";
import { callError } from "./ffi/system_error.ts";
import { AF_INET, AF_INET6, decodeSockaddr, encodeSockaddr, SOCKADDR_LENGTH } from "./socket_address.ts";

export interface UnderlaySocketOptions {
  /** An IP literal, `::` for all addresses of both families. */
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
}

export interface UnderlaySocket {
  /** Not blocking, and closed in programs that this one starts. */
  readonly descriptor: number;
  /** How addresses for it are written: {@link encodeSockaddr}. */
  readonly family: 4 | 6;
  /** With the port that it really got. */
  readonly local: Endpoint;
  /** Several datagrams of one sender may come as one read, with their size in a control message (UDP_GRO, Linux 5.0). */
  readonly joinsDatagrams: boolean;
  /**
   * Opens one more socket of the same address and port, and gives its descriptor, which is the caller's to close: the
   * kernel spreads senders over all of them (SO_REUSEPORT). Throws as {@link openUnderlaySocket} does.
   */
  another(): number;
  /** Once: afterwards the number may be another's. */
  close(): void;
}

/** socket(2), ipv6(7), udp(7): the same numbers on x86-64 and arm64. */
const SOCK_DGRAM = 2;
const NOT_BLOCKING_CLOSED_ON_EXEC = 0o4000 | 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEPORT = 15;
const IPV6_V6ONLY = 26;
const IPV6_RECVPKTINFO = 49;
const SOL_UDP = 17;
const UDP_GRO = 104;
/** The option that net.core.rmem_max or wmem_max cuts, and the one with CAP_NET_ADMIN that they do not cut. */
const BUFFERS = [{ plain: 7, forced: 32 }, { plain: 8, forced: 33 }] as const;

/** Two milliseconds at 16 Gbit/s: a turn of the thread, with the kernel's own use of memory reckoned in. */
const BUFFER_BYTES = 4 * 1024 * 1024;

/**
 * Opens one and binds it. Throws `BIND_FAILED`, with `details.reason`, as `bindDatagramSocket` does, and
 * `INVALID_ARGUMENT` for a host that is no IP literal. Path MTU discovery stays as the system has it by default.
 *
 * One of a wildcard tells with each read which address of this host it was sent to, for the answer to leave from there; one
 * of an address has no other to choose from.
 */
export function openUnderlaySocket(calls: PacketCalls, options: UnderlaySocketOptions): UnderlaySocket {
  const { host, port } = options;
  const address = parseAddress(host);
  if (address === undefined) {
    throw new MeshError("INVALID_ARGUMENT", `Cannot bind UDP "${host}": give an IP address, not a name`);
  }
  const { family } = address;
  const wanted = { host, family, tellsAddress: isUnspecified(address) };
  const { descriptor, joinsDatagrams, local } = opened(calls, { ...wanted, port, isFurther: false });
  return {
    descriptor,
    family,
    local,
    joinsDatagrams,
    another() {
      // Only now: a port that was bound with it could be another program's as well, which would get some of our datagrams.
      check("setsockopt", calls.setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, 1));
      return opened(calls, { ...wanted, port: local.port, isFurther: true }).descriptor;
    },
    close: () => calls.close(descriptor),
  };
}

interface Wanted extends UnderlaySocketOptions {
  readonly family: 4 | 6;
  /** In control messages, see `source_address.ts`. */
  readonly tellsAddress: boolean;
  /** Of a port that this process has already. */
  readonly isFurther: boolean;
}

type Opened = Pick<UnderlaySocket, "descriptor" | "joinsDatagrams" | "local">;

function opened(calls: PacketCalls, wanted: Wanted): Opened {
  const type = SOCK_DGRAM | NOT_BLOCKING_CLOSED_ON_EXEC;
  const descriptor = calls.socket(wanted.family === 4 ? AF_INET : AF_INET6, type, 0);
  if (descriptor < 0) throw bindError("UDP", wanted, callError("socket", descriptor));
  try {
    const joinsDatagrams = configure(calls, descriptor, wanted);
    return { descriptor, joinsDatagrams, local: bound(calls, descriptor, wanted) };
  } catch (cause) {
    calls.close(descriptor);
    throw bindError("UDP", wanted, cause);
  }
}

function configure(
  calls: PacketCalls,
  descriptor: number,
  { family, isFurther, tellsAddress }: Wanted,
): boolean {
  if (family === 6) check("setsockopt", calls.setsockopt(descriptor, SOL_IPV6, IPV6_V6ONLY, 0));
  if (isFurther) check("setsockopt", calls.setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, 1));
  for (const { plain, forced } of BUFFERS) {
    // Smaller buffers lose more in bursts, which is no reason not to run.
    if (calls.setsockopt(descriptor, SOL_SOCKET, forced, BUFFER_BYTES) < 0) {
      calls.setsockopt(descriptor, SOL_SOCKET, plain, BUFFER_BYTES);
    }
  }
  // Both families of a socket of IPv6 come in its own message. Without it, answers leave as the system's route says.
  if (tellsAddress && family === 6) calls.setsockopt(descriptor, SOL_IPV6, IPV6_RECVPKTINFO, 1);
  if (tellsAddress && family === 4) calls.setsockopt(descriptor, SOL_IP, IP_PKTINFO, 1);
  return calls.setsockopt(descriptor, SOL_UDP, UDP_GRO, 1) === 0;
}

function bound(calls: PacketCalls, descriptor: number, { host, port, family }: Wanted): Endpoint {
  const name = new Uint8Array(SOCKADDR_LENGTH);
  const length = encodeSockaddr({ host, port }, family, name, 0);
  check("bind", calls.bind(descriptor, name.subarray(0, length)));
  check("getsockname", calls.getsockname(descriptor, name));
  return decodeSockaddr(name, 0) ?? { host, port };
}

function check(call: string, result: number): void {
  if (result < 0) throw callError(call, result);
}
