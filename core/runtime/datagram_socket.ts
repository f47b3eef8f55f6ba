import { isIP } from "node:net";
import { Drop } from "../contracts/drop.ts";
import { isMeshError, MeshError } from "../contracts/errors.ts";
import type { Endpoint } from "../contracts/values.ts";
import { bindError, systemCode } from "./bind_error.ts";
import type { BindDatagrams, DatagramBackend, RawEndpoint } from "./datagram_backend.ts";
import { denoDatagrams } from "./deno_datagrams.ts";
import { nodeDatagrams } from "./node_datagrams.ts";

/** A bound UDP socket, alike on every runtime. */
export interface DatagramSocket {
  /** With the port that it really got. */
  readonly local: Endpoint;
  /**
   * Best effort, never blocks, never throws; `datagram` is free for reuse on return. False when it was not sent, for
   * a reason that the observer hears; a refusal of the system that comes later is told to the observer alone.
   */
  send(datagram: Uint8Array, to: Endpoint): boolean;
  /**
   * Called once, right after binding. `datagram` is valid during the call only. IPv4 senders show as IPv4. What the
   * handler throws goes to the observer: Deno's `node:dgram` would swallow it and Node would end the process.
   */
  receive(handler: DatagramHandler): void;
  /** Sends what it has taken, then resolves when the port is free again. Works twice. */
  close(): Promise<void>;
}

export type DatagramHandler = (datagram: Uint8Array, from: Endpoint) => void;

/** Hears what goes wrong where no caller waits for it. */
export interface DatagramObserver {
  /** A datagram was not sent. */
  dropped(reason: Drop): void;
  /** The handler threw, or the socket reported an error outside any call. */
  failed(error: unknown): void;
}

/** Datagrams taken and not yet in the kernel. Above that a sender outruns the machine. */
const maxQueued = 1024;
/** 65,535 less the headers of IPv4 and UDP. IPv6 would take 20 more; no path does. */
const maxDatagram = 65_507;

/**
 * Binds to an IP literal, `::` for all addresses of both families; port 0 picks a free one. Rejects `BIND_FAILED`, and
 * `INVALID_ARGUMENT` for a host that is no IP literal.
 */
export async function bindDatagramSocket(
  local: Endpoint,
  observer: DatagramObserver,
  backend: BindDatagrams = denoDatagrams() ?? nodeDatagrams,
): Promise<DatagramSocket> {
  if (isIP(local.host) === 0) {
    throw new MeshError(
      "INVALID_ARGUMENT",
      `Cannot bind UDP "${local.host}": give an IP address, not a name`,
    );
  }
  try {
    const bound = await backend(local, (error) => observer.failed(error));
    return new BoundDatagramSocket(bound, observer);
  } catch (cause) {
    throw isMeshError(cause) ? cause : bindError("UDP", local, cause);
  }
}

interface Outgoing {
  readonly datagram: Uint8Array;
  readonly host: string;
  readonly port: number;
}

class BoundDatagramSocket implements DatagramSocket {
  readonly local: Endpoint;
  readonly #backend: DatagramBackend;
  readonly #observer: DatagramObserver;
  readonly #queue: Outgoing[] = [];
  #sending: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(backend: DatagramBackend, observer: DatagramObserver) {
    this.#backend = backend;
    this.#observer = observer;
    this.local = plainEndpoint(backend.local);
  }

  send(datagram: Uint8Array, to: Endpoint): boolean {
    const host = this.#hostFor(to.host);
    const refusal = this.#refuse(datagram, host, to.port);
    if (host === undefined || refusal !== Drop.none) {
      this.#observer.dropped(refusal);
      return false;
    }
    if (this.#backend.sendNow !== undefined) return this.#sendNow(datagram, host, to.port);
    // A copy: it may wait in our queue, and in that of the runtime when the kernel's buffer is full.
    this.#queue.push({ datagram: new Uint8Array(datagram), host, port: to.port });
    this.#sending ??= this.#sendQueue();
    return true;
  }

  #sendNow(datagram: Uint8Array, host: string, port: number): boolean {
    try {
      this.#backend.sendNow!(datagram, host, port);
      return true;
    } catch (error) {
      this.#observer.dropped(reasonOf(error));
      return false;
    }
  }

  /**
   * One at a time, the first at once. Deno gives the kernel sends that are under way together in reverse order, by
   * both of its interfaces, whenever the socket was not known to be writable: 59, 58, 57 … was seen for 60 datagrams.
   */
  async #sendQueue(): Promise<void> {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      try {
        await this.#backend.send(next.datagram, next.host, next.port);
      } catch (error) {
        this.#observer.dropped(reasonOf(error));
      }
    }
    this.#sending = undefined;
  }

  receive(handler: DatagramHandler): void {
    this.#backend.receive((datagram, from) => {
      try {
        if (this.#closed === undefined) handler(datagram, plainEndpoint(from));
      } catch (error) {
        this.#observer.failed(error);
      }
    });
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#sending;
    await this.#backend.close();
  }

  #refuse(datagram: Uint8Array, host: string | undefined, port: number): Drop {
    if (!Number.isInteger(port) || port < 1 || port > 65_535) return Drop.malformed;
    if (this.#closed !== undefined || host === undefined) return Drop.underlay;
    if (datagram.length > maxDatagram) return Drop.tooBig;
    return this.#queue.length < maxQueued ? Drop.none : Drop.queueFull;
  }

  /**
   * The destination in the notation of this socket's family: one of IPv6 takes IPv4 as `::ffff:192.0.2.1` only.
   * Undefined for what it cannot send to, names among them: Deno would ask a name server, for every datagram.
   */
  #hostFor(host: string): string | undefined {
    const plain = plainHost(host);
    const family = isIP(plain);
    if (!this.local.host.includes(":")) return family === 4 ? plain : undefined;
    if (family === 4) return `::ffff:${plain}`;
    return family === 6 ? plain : undefined;
  }
}

function plainEndpoint(raw: RawEndpoint): Endpoint {
  return { host: plainHost(raw.host), port: raw.port };
}

const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** IPv4 out of `::ffff:192.0.2.1` (RFC 4291 §2.5.5.2), and no zone: an endpoint's host is an IP literal. */
function plainHost(host: string): string {
  const unzoned = host.includes("%") ? host.slice(0, host.indexOf("%")) : host;
  return mapped.exec(unzoned)?.[1] ?? unzoned;
}

function reasonOf(error: unknown): Drop {
  switch (systemCode(error)) {
    case "EMSGSIZE":
      return Drop.tooBig;
    case "EAGAIN":
    case "ENOBUFS":
    case "ENOMEM":
      return Drop.queueFull;
    default:
      return Drop.underlay;
  }
}
