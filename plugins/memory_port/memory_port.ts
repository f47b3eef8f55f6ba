import { Drop } from "../../core/contracts/drop.ts";
import type { OverlayPacket } from "../../core/contracts/encapsulation.ts";
import { MeshError } from "../../core/contracts/errors.ts";
import type { Lifecycle } from "../../core/contracts/lifecycle.ts";
import type { AttachedPort, Attachment, Port } from "../../core/contracts/port.ts";
import type { Address } from "../../core/contracts/values.ts";
import { formatAddress, sameAddress } from "../../core/wire/address.ts";
import { parseFlow } from "../../core/wire/flow.ts";
import type { PacketTap } from "./packet_tap.ts";

interface MemoryEndpoint extends AttachedPort {
  isOpen: boolean;
}

/** Attachments and their gate, nothing else. It does not check local senders: whether a node does is often the test. */
export class MemoryPort implements Port, Lifecycle {
  readonly #tap: PacketTap;
  readonly #endpoints = new Map<string, MemoryEndpoint>();
  #handler: ((packet: OverlayPacket) => Drop) | undefined;

  constructor(tap: PacketTap) {
    this.#tap = tap;
    tap.connect((packet) => this.#inject(packet));
  }

  deliver(packet: OverlayPacket): Drop {
    const flow = parseFlow(packet.protocol, packet.payload);
    if (typeof flow === "number") return flow;
    const endpoint = this.#holder(flow.destination);
    if (endpoint === undefined) return Drop.noListener;
    return endpoint.isOpen ? this.#tap.record(packet) : Drop.denied;
  }

  receive(handler: (packet: OverlayPacket) => Drop): void {
    this.#handler = handler;
  }

  // deno-lint-ignore require-await -- the contract is asynchronous; there is nothing to wait for
  async attach(request: Attachment, signal: AbortSignal): Promise<AttachedPort> {
    signal.throwIfAborted();
    const present = this.#endpoints.get(request.owner);
    if (present !== undefined && isSame(present, request)) return present;
    this.#check(request, present);
    const endpoint: MemoryEndpoint = {
      owner: request.owner,
      leases: [...request.leases],
      mtu: request.mtu,
      isOpen: false,
      open: () => {
        endpoint.isOpen = true;
        return Promise.resolve();
      },
    };
    this.#endpoints.set(endpoint.owner, endpoint);
    return endpoint;
  }

  // deno-lint-ignore require-await -- the contract is asynchronous; there is nothing to wait for
  async detach(owner: string): Promise<boolean> {
    return this.#endpoints.delete(owner);
  }

  attached(): Iterable<AttachedPort> {
    return this.#endpoints.values();
  }

  // deno-lint-ignore require-await -- the contract is asynchronous; there is nothing to wait for
  async [Symbol.asyncDispose](): Promise<void> {
    this.#endpoints.clear();
  }

  #inject(packet: OverlayPacket): Drop {
    const isOpen = [...this.#endpoints.values()].some((endpoint) => endpoint.isOpen);
    if (!isOpen) return Drop.denied;
    return this.#handler?.(packet) ?? Drop.noRoute;
  }

  #holder(address: Address): MemoryEndpoint | undefined {
    for (const endpoint of this.#endpoints.values()) {
      if (endpoint.leases.some((lease) => sameAddress(lease.address, address))) return endpoint;
    }
    return undefined;
  }

  #check({ owner, leases }: Attachment, present: MemoryEndpoint | undefined): void {
    if (present !== undefined || leases.length === 0) {
      const why = present === undefined ? "it has no address" : "it is attached otherwise; detach it first";
      throw new MeshError("INVALID_ARGUMENT", `Cannot attach "${owner}": ${why}`);
    }
    const taken = leases.find(({ address }) => this.#holder(address) !== undefined);
    if (taken === undefined) return;
    const message = `Cannot attach "${owner}": ${formatAddress(taken.address)} is held by another endpoint`;
    throw new MeshError("ADDRESS_TAKEN", message);
  }
}

function isSame(present: AttachedPort, { leases, mtu }: Attachment): boolean {
  return present.mtu === mtu && present.leases.length === leases.length &&
    leases.every(({ address }, i) => sameAddress(present.leases[i]!.address, address));
}
