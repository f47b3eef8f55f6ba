/**
 * What an endpoint is made of, step by step. Each can be undone, and is noted to be so before the next one begins.
 *
 *     leases ──► interface, closed ──► record on disk ──► policy ──► open
 *
 * The interface outlives the node, so its record is on disk before a packet can pass; one that a crash has left without a
 * record has never been open, and goes. Of one that is attached, what comes is known to policy and disk before it may
 * pass, and what goes passes no more before they forget it.
 */
import type { Logger } from "../contracts/host.ts";
import type { Ipam, Lease } from "../contracts/ipam.ts";
import type { Policy } from "../contracts/policy.ts";
import type { AttachedPort } from "../contracts/port.ts";
import type { Store } from "../contracts/store.ts";
import type { Address } from "../contracts/values.ts";
import { sameAddress } from "../wire/address.ts";
import { type EndpointRecord, putEndpoint, removeEndpoint } from "./endpoint_record.ts";
import type { AddressWish } from "./endpoint_wish.ts";
import type { PortSet } from "./port_set.ts";
import { Undo } from "./undo.ts";

export interface StepParts {
  readonly ipam: Ipam;
  readonly policy: Policy;
  readonly port: PortSet;
  readonly store: Store;
  readonly log: Logger;
  /** Aborts when the node stops. */
  readonly signal: AbortSignal;
}

export interface Steps {
  readonly undo: Undo;
  readonly signal: AbortSignal;
}

export class EndpointSteps {
  readonly #parts: StepParts;

  constructor(parts: StepParts) {
    this.#parts = parts;
  }

  /** What `run` has done is undone when it fails. */
  async undoing<T>(owner: string, run: (undo: Undo) => Promise<T>): Promise<T> {
    const undo = new Undo((error) =>
      this.#parts.log.log("error", "A step of an attachment cannot be undone", { owner, error })
    );
    try {
      return await run(undo);
    } catch (error) {
      await undo.run();
      throw error;
    }
  }

  /** One by one, so that what was given before a failure is known. An address that two wishes come to is one. */
  async lease(
    owner: string,
    wishes: readonly AddressWish[],
    { undo, signal }: Steps,
  ): Promise<readonly Lease[]> {
    const { ipam } = this.#parts;
    const before = [...ipam.leases()].filter((lease) => lease.owner === owner);
    const leases: Lease[] = [];
    for (const wish of wishes) {
      const lease = wish.kind === "allocate"
        ? await ipam.allocate({ owner, subnet: wish.subnet }, signal)
        : onLink(await ipam.claim(owner, wish.address, signal), wish.bits);
      if (hasAddress(leases, lease)) continue;
      leases.push(lease);
      if (!hasAddress(before, lease)) undo.add(() => ipam.release(owner, lease.address));
    }
    return leases;
  }

  /** Interface, record, policy, open. */
  async establish(
    record: EndpointRecord,
    gateways: readonly Address[],
    { undo, signal }: Steps,
  ): Promise<AttachedPort> {
    const { port, store, policy } = this.#parts;
    const { owner } = record;
    const attached = await this.#attach(record, signal, gateways);
    undo.add(() => port.detach(owner));
    signal.throwIfAborted();
    await store.commit([putEndpoint(record)]);
    undo.add(() => store.commit([removeEndpoint(owner)]));
    undo.add(() => policy.forget(owner));
    await this.#gate(record, signal);
    signal.throwIfAborted();
    await attached.open();
    return attached;
  }

  /** Policy, record, interface. */
  async extend(
    before: EndpointRecord,
    next: EndpointRecord,
    { undo, signal }: Steps,
  ): Promise<AttachedPort> {
    const { store, signal: life } = this.#parts;
    undo.add(() => this.#gate(before, life));
    await this.#gate(next, signal);
    signal.throwIfAborted();
    undo.add(() => store.commit([putEndpoint(before)]));
    await store.commit([putEndpoint(next)]);
    undo.add(() => this.#attach(before, life));
    return await this.#attach(next, signal);
  }

  /** Interface, policy, record. */
  async shrink(before: EndpointRecord, next: EndpointRecord, { undo, signal }: Steps): Promise<void> {
    const { store, signal: life } = this.#parts;
    undo.add(() => this.#attach(before, life));
    await this.#attach(next, signal);
    undo.add(() => this.#gate(before, life));
    await this.#gate(next, signal);
    await store.commit([putEndpoint(next)]);
  }

  /** Closed first: nobody may have the addresses while the interface can send. */
  async remove(owner: string): Promise<void> {
    const { port, policy, store, ipam } = this.#parts;
    // The host, gone as an endpoint, may have been exposed since.
    if (!port.isAnothers(owner, owner)) {
      await port.detach(owner);
      policy.forget(owner);
    }
    await store.commit([removeEndpoint(owner)]);
    await ipam.release(owner);
  }

  async #attach(
    { owner, path, leases, mtu, name, link }: EndpointRecord,
    signal: AbortSignal,
    gateways: readonly Address[] = [],
  ): Promise<AttachedPort> {
    const place = { owner, path };
    const request = { owner, leases, mtu, place, link: { ...link, gateways } };
    return await this.#parts.port.attach({ ...request, ...name !== undefined && { name } }, signal);
  }

  async #gate({ owner, namespace, labels, leases }: EndpointRecord, signal: AbortSignal): Promise<void> {
    const addresses = leases.map(({ address }) => address);
    await this.#parts.policy.gate({ owner, namespace, labels, addresses }, signal);
  }
}

function onLink(lease: Lease, bits = lease.bits): Lease {
  return { ...lease, bits };
}

export function hasAddress(leases: readonly Lease[], { address }: Lease): boolean {
  return leases.some((lease) => sameAddress(lease.address, address));
}
