/**
 * The host's own interface in the network: made, changed in place while it has addresses, taken away with the last one.
 * What comes is known to the policy before it may pass, and what goes passes no more before the policy forgets it.
 */
import { MeshError } from "../contracts/errors.ts";
import type { HostPort } from "../contracts/exposure.ts";
import type { Ipam } from "../contracts/ipam.ts";
import type { Policy } from "../contracts/policy.ts";
import type { AttachedPort, Place } from "../contracts/port.ts";
import type { Address } from "../contracts/values.ts";
import { hostOwner, type HostRecord } from "./host_record.ts";
import { isHostPort, type PortSet, rootless } from "./port_set.ts";

export interface InterfaceParts {
  readonly ipam: Pick<Ipam, "ranges">;
  readonly policy: Policy;
  readonly port: PortSet;
  /** IP bytes that the network carries. */
  readonly mtu: number;
}

export class HostInterface {
  readonly #parts: InterfaceParts;
  #place: Place | undefined;
  #attached: AttachedPort | undefined;

  constructor(parts: InterfaceParts) {
    this.#parts = parts;
  }

  get isThere(): boolean {
    return this.#attached !== undefined;
  }

  /** Name on the host, undefined without an interface. */
  get device(): string | undefined {
    return this.#attached?.device;
  }

  addresses(): readonly Address[] {
    return this.#attached?.leases.map(({ address }) => address) ?? [];
  }

  /** Addresses of the endpoints that are beside it on this host. */
  neighbours(): readonly Address[] {
    const attached = [...this.#parts.port.link?.attached() ?? []];
    return attached.filter(({ owner }) => owner !== this.#place?.owner)
      .flatMap(({ leases }) => leases.map(({ address }) => address));
  }

  /** Throws `UNSUPPORTED` on a rootless node. */
  port(): HostPort {
    const { link } = this.#parts.port;
    if (link === undefined) throw rootless();
    if (isHostPort(link)) return link;
    throw new MeshError("UNSUPPORTED", "The port plugin of this node gives the host no interface");
  }

  /** Rejects `ADDRESS_TAKEN` while the host is attached as an endpoint. */
  async requireFree(signal: AbortSignal): Promise<void> {
    this.#parts.port.requireOwn((await this.#locate(signal)).owner, hostOwner);
  }

  /**
   * Gives it the addresses of the record and no others; a new one is not open yet, and takes up what an earlier run has
   * left only when `adopts`.
   */
  async become(record: HostRecord, signal: AbortSignal, adopts = false): Promise<void> {
    const { port, policy } = this.#parts;
    const { owner } = await this.#locate(signal);
    const had = this.#attached?.leases.length ?? 0;
    if (had === 0 || record.leases.length === 0) {
      this.#attached = undefined;
      if (!adopts) await port.detach(owner);
      policy.forget(owner);
      if (record.leases.length === 0) return;
    }
    const isMore = had > 0 && record.leases.length >= had;
    if (isMore) await this.#gate(record, owner, signal);
    const attached = await this.#attach(record, signal);
    if (!isMore) await this.#gate(record, owner, signal);
    this.#attached = attached;
  }

  /** Idempotent. */
  async open(): Promise<void> {
    await this.#attached?.open();
  }

  /** Somebody has taken away the interface of `owner`. True when it was this one. */
  lose(owner: string): boolean {
    if (owner !== this.#place?.owner || this.#attached === undefined) return false;
    this.#attached = undefined;
    return true;
  }

  /** The host's own multicast stays where it was. */
  async #attach({ leases, name }: HostRecord, signal: AbortSignal): Promise<AttachedPort> {
    const { ipam, port, mtu } = this.#parts;
    const place = await this.#locate(signal);
    const link = { multicastRoute: false, forwards: ipam.ranges() };
    const request = { owner: place.owner, leases, mtu, place, link };
    return await port.attach({ ...request, ...name !== undefined && { name } }, signal);
  }

  async #gate({ leases }: HostRecord, owner: string, signal: AbortSignal): Promise<void> {
    const addresses = leases.map(({ address }) => address);
    await this.#parts.policy.gate({ owner, namespace: "default", labels: {}, addresses }, signal);
  }

  async #locate(signal: AbortSignal): Promise<Place> {
    return this.#place ??= await this.port().locate({ host: "" }, signal);
  }
}
