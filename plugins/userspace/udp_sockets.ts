import { Drop } from "../../core/contracts/drop.ts";
import { MeshError } from "../../core/contracts/errors.ts";
import type { Logger, Random } from "../../core/contracts/host.ts";
import type { UdpAddress, UdpHandler, UdpListenOptions, UdpSocket } from "../../core/contracts/port.ts";
import type { Address } from "../../core/contracts/values.ts";
import { formatAddress } from "../../core/wire/address.ts";
import { copyBytes } from "../../core/wire/bytes.ts";
import { formatEndpoint } from "../../core/wire/endpoint.ts";
import { readU16 } from "../../core/wire/field.ts";
import { ipHeaderLength } from "../../core/wire/ip.ts";
import { encodeUdp, type UdpDatagram, udpHeaderLength } from "../../core/wire/udp.ts";
import type { LocalEndpoint } from "./attachments.ts";

/** The dynamic ports (RFC 6335 §6). */
const firstEphemeral = 49_152;
const ephemeralPorts = 16_384;

/** Sends a finished IP packet from the endpoint to an address. */
export type Transmit = (packet: Uint8Array, from: LocalEndpoint, to: Address) => Drop;

export interface UdpSocketsParts {
  readonly random: Random;
  readonly log: Logger;
  readonly transmit: Transmit;
  /** Counts what a socket refuses by itself, and returns it. */
  readonly refused: (drop: Drop) => Drop;
}

/** The UDP sockets of all endpoints. */
export class UdpSockets {
  readonly #parts: UdpSocketsParts;
  /** By address, then by port. */
  readonly #bound = new Map<string, Map<number, OverlayUdpSocket>>();
  #failures = 0;

  constructor(parts: UdpSocketsParts) {
    this.#parts = parts;
  }

  /** Throws `ADDRESS_TAKEN`, or `INVALID_ARGUMENT` for what is no port. `endpoint` is the one that holds the address. */
  bind({ address, port }: UdpListenOptions, endpoint: LocalEndpoint, handler: UdpHandler): UdpSocket {
    const sockets = this.#at(address) ?? new Map<number, OverlayUdpSocket>();
    const local = { address, port: port === 0 ? this.#freePort(address, sockets) : requirePort(port) };
    if (sockets.has(local.port)) {
      const message = `Cannot listen on UDP ${nameOf(local)}: it is in use; choose another port, or 0`;
      throw new MeshError("ADDRESS_TAKEN", message);
    }
    const close = () => {
      if (sockets.get(local.port) === socket) sockets.delete(local.port);
    };
    const socket = new OverlayUdpSocket(local, { ...this.#parts, endpoint, handler, close });
    sockets.set(local.port, socket);
    this.#bound.set(formatAddress(address), sockets);
    return socket;
  }

  has(address: Address, port: number): boolean {
    return this.#at(address)?.has(port) ?? false;
  }

  /** False when nobody listens there. What a handler throws is logged and ends here. */
  hand(datagram: UdpDatagram, source: Address, destination: Address): boolean {
    const socket = this.#at(destination)?.get(datagram.destinationPort);
    if (socket === undefined) return false;
    try {
      socket.handler(copyBytes(datagram.payload), { address: source, port: datagram.sourcePort }, socket);
    } catch (error) {
      this.#report(error, socket);
    }
    return true;
  }

  /** Closes the sockets of an endpoint that is going. */
  closeAll(endpoint: LocalEndpoint): void {
    for (const { address } of endpoint.leases) {
      for (const socket of [...this.#at(address)?.values() ?? []]) socket.close();
      this.#bound.delete(formatAddress(address));
    }
  }

  #at(address: Address): Map<number, OverlayUdpSocket> | undefined {
    return this.#bound.get(formatAddress(address));
  }

  /** From a random one upwards: a free port that a stranger cannot foresee (RFC 6056 §3.3.1). */
  #freePort(address: Address, sockets: ReadonlyMap<number, unknown>): number {
    const start = readU16(this.#parts.random.fill(new Uint8Array(2)), 0);
    for (let i = 0; i < ephemeralPorts; i++) {
      const port = firstEphemeral + (start + i) % ephemeralPorts;
      if (!sockets.has(port)) return port;
    }
    throw new MeshError(
      "ADDRESS_TAKEN",
      `Cannot listen on UDP ${
        formatAddress(address)
      }: all ${ephemeralPorts} dynamic ports are in use; close some`,
    );
  }

  /** At the 1st, 2nd, 4th, 8th … time: whatever a stranger can cause must not fill the log. */
  #report(error: unknown, socket: OverlayUdpSocket): void {
    this.#failures++;
    if ((this.#failures & (this.#failures - 1)) !== 0) return;
    this.#parts.log.log("error", "The handler of an overlay socket threw", {
      error,
      address: nameOf(socket.local),
      count: this.#failures,
    });
  }
}

interface SocketParts extends UdpSocketsParts {
  readonly endpoint: LocalEndpoint;
  readonly handler: UdpHandler;
  readonly close: () => void;
}

class OverlayUdpSocket implements UdpSocket {
  readonly local: UdpAddress;
  readonly #parts: SocketParts;
  #closed = false;

  constructor(local: UdpAddress, parts: SocketParts) {
    this.local = local;
    this.#parts = parts;
  }

  get handler(): UdpHandler {
    return this.#parts.handler;
  }

  send(payload: Uint8Array, to: UdpAddress): Drop {
    const { endpoint, transmit, refused } = this.#parts;
    const refusal = this.#refusal(payload.length, to);
    if (refusal !== Drop.none) return refused(refusal);
    const { address: source, port: sourcePort } = this.local;
    const datagram = { sourcePort, destinationPort: to.port, payload };
    return transmit(encodeUdp({ source, destination: to.address }, datagram), endpoint, to.address);
  }

  close(): void {
    this.#closed = true;
    this.#parts.close();
  }

  #refusal(length: number, { address, port }: UdpAddress): Drop {
    const { family } = this.local.address;
    if (this.#closed) return Drop.noListener;
    if (address.family !== family || !isPort(port)) return Drop.malformed;
    const largest = this.#parts.endpoint.mtu - ipHeaderLength(family) - udpHeaderLength;
    return length > largest ? Drop.tooBig : Drop.none;
  }
}

function requirePort(port: number): number {
  if (isPort(port)) return port;
  throw new MeshError(
    "INVALID_ARGUMENT",
    `Cannot listen on UDP port ${port}: give 1 to 65535, or 0 for a free one`,
  );
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535;
}

function nameOf({ address, port }: UdpAddress): string {
  return formatEndpoint({ host: formatAddress(address), port });
}
