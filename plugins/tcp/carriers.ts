/** All connections that carry datagrams, by the place at their other end. */
import { Drop } from "../../core/contracts/drop.ts";
import { MeshError } from "../../core/contracts/errors.ts";
import type { Host } from "../../core/contracts/host.ts";
import type { StreamDatagrams } from "../../core/contracts/transport.ts";
import type { Endpoint } from "../../core/contracts/values.ts";
import type { StreamSocket } from "../../core/runtime/stream_socket.ts";
import { formatEndpoint } from "../../core/wire/endpoint.ts";
import { sourceOf } from "../../core/wire/source.ts";
import { streamedTo, streamEndpoint } from "../../core/wire/stream_endpoint.ts";
import { Carrier } from "./carrier.ts";
import { datagramPreface, fitsFrame } from "./datagram_frames.ts";
import { type Fault, faults } from "./fault.ts";

export interface CarrierParts {
  readonly host: Pick<Host, "clock" | "log" | "drops">;
  readonly limits: CarrierLimits;
  connect(to: Endpoint): Promise<StreamSocket>;
  /** One that was accepted is over, or counts as somebody's from now on. */
  leftRoom(carrier: Carrier): void;
  /** A connection has ended by a fault. */
  failed(remote: Endpoint, fault: Fault): void;
}

/** Of connections that were accepted and have proved themselves. */
export interface CarrierLimits {
  readonly all: number;
  readonly perSource: number;
}

export class Carriers implements StreamDatagrams {
  readonly #parts: CarrierParts;
  readonly #all = new Set<Carrier>();
  /** Of all, those that can be sent to, by place. */
  readonly #open = new Map<string, Carrier>();
  /** By place. */
  readonly #opening = new Map<string, Promise<void>>();
  /** Those that were accepted and have proved themselves, by source. */
  readonly #proved = new Map<string, Set<Carrier>>();
  #provedCount = 0;
  #handler: ((datagram: Uint8Array, from: Endpoint) => void) | undefined;
  #isClosed = false;

  constructor(parts: CarrierParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#open.size;
  }

  receive(handler: (datagram: Uint8Array, from: Endpoint) => void): void {
    this.#handler = handler;
  }

  open(place: Endpoint): Promise<void> {
    const key = formatEndpoint(place);
    if (this.#open.get(key)?.hasDialled === true) return Promise.resolve();
    const opening = this.#opening.get(key) ?? this.#dial(place).finally(() => this.#opening.delete(key));
    this.#opening.set(key, opening);
    return opening;
  }

  send(datagram: Uint8Array, to: Endpoint): boolean {
    return this.#send(datagram, to, (carrier) => carrier.send(datagram));
  }

  refuse(datagram: Uint8Array, to: Endpoint): boolean {
    return this.#send(datagram, to, (carrier) => carrier.refuse(datagram));
  }

  /** A connection that was accepted and has begun as one for datagrams. */
  accept(socket: StreamSocket): Carrier {
    return this.#add(socket, false);
  }

  close(): void {
    this.#isClosed = true;
    for (const carrier of [...this.#all]) carrier.fail(faults.reset);
  }

  async #dial(place: Endpoint): Promise<void> {
    const to = streamedTo(place);
    if (to === undefined) {
      throw new MeshError(
        "INVALID_ARGUMENT",
        `Cannot open ${formatEndpoint(place)}: it is no place in a stream`,
      );
    }
    const socket = await this.#parts.connect(to);
    if (this.#isClosed) {
      socket.reset();
      throw new MeshError(
        "UNREACHABLE",
        `Cannot open ${formatEndpoint(place)}: the transport has been stopped`,
      );
    }
    this.#add(socket, true);
    socket.write(datagramPreface);
  }

  #add(socket: StreamSocket, hasDialled: boolean): Carrier {
    const from = streamEndpoint(socket.remote);
    const key = formatEndpoint(from);
    const source = sourceOf(from.host);
    const carrier: Carrier = new Carrier(socket, this.#parts.host.clock, {
      hasDialled,
      arrived: (datagram) => this.#arrived(datagram, from),
      proved: () => hasDialled ? undefined : this.#reserve(carrier, source),
      dropped: (count) => {
        for (let i = 0; i < count; i++) this.#parts.host.drops.count(Drop.queueFull);
      },
      finished: (fault) => {
        this.#all.delete(carrier);
        if (this.#open.get(key) === carrier) this.#open.delete(key);
        this.#release(carrier, source);
        this.#parts.leftRoom(carrier);
        if (fault !== undefined) this.#parts.failed(socket.remote, fault);
      },
    });
    this.#all.add(carrier);
    this.#place(carrier, key);
    return carrier;
  }

  /**
   * Whoever calls from the very port that this node has dialled is not who is there: a neighbour behind the same translator can.
   * It is heard, never answered, and gone after ten seconds.
   */
  #place(carrier: Carrier, key: string): void {
    const there = this.#open.get(key);
    if (there?.hasDialled === true && !carrier.hasDialled) return;
    there?.fail(faults.replaced);
    this.#open.set(key, carrier);
  }

  #send(datagram: Uint8Array, to: Endpoint, through: (carrier: Carrier) => boolean): boolean {
    const { drops } = this.#parts.host;
    if (!fitsFrame(datagram)) {
      drops.count(Drop.tooBig);
      return false;
    }
    const carrier = this.#open.get(formatEndpoint(to));
    const isSent = carrier !== undefined && through(carrier);
    if (!isSent) drops.count(Drop.underlay);
    return isSent;
  }

  #arrived(datagram: Uint8Array, from: Endpoint): void {
    try {
      this.#handler?.(datagram, from);
    } catch (error) {
      this.#parts.host.log.log("error", "A datagram could not be handled", { error });
    }
  }

  #reserve(carrier: Carrier, source: string): Fault | undefined {
    const { all, perSource } = this.#parts.limits;
    const ofSource = this.#proved.get(source) ?? new Set();
    if (this.#provedCount >= all || ofSource.size >= perSource) return faults.crowdedDatagrams;
    this.#proved.set(source, ofSource.add(carrier));
    this.#provedCount++;
    this.#parts.leftRoom(carrier);
    return undefined;
  }

  #release(carrier: Carrier, source: string): void {
    const ofSource = this.#proved.get(source);
    if (ofSource?.delete(carrier) !== true) return;
    this.#provedCount--;
    if (ofSource.size === 0) this.#proved.delete(source);
  }
}
