/**
 * Namespaces of this host that have addresses of the network: attached, changed and detached step by step, each of which is
 * undone when a later one fails, remembered on disk, and taken up again by the next start. Those that end by themselves
 * are noticed, and leave their addresses to whoever comes in their place soon (`departures.ts`).
 */
import { errorCode, MeshError } from "../contracts/errors.ts";
import type { Events } from "../contracts/events.ts";
import type { Clock, LogFields, Logger } from "../contracts/host.ts";
import type { DefaultSubnets, Ipam, Lease, LeaseTransfer } from "../contracts/ipam.ts";
import type { AttachRequest, EndpointAdmin, EndpointStatus } from "../contracts/node.ts";
import type { Policy } from "../contracts/policy.ts";
import type { AttachedPort, LinkPort, Where } from "../contracts/port.ts";
import type { Store } from "../contracts/store.ts";
import type { Address } from "../contracts/values.ts";
import { formatAddress } from "../wire/address.ts";
import { formatMac } from "../wire/mac.ts";
import { isExternal } from "./addresses.ts";
import { Departures, isSamePlace } from "./departures.ts";
import { type EndpointRecord, type Made, mostLeases, readEndpoints, recordOf } from "./endpoint_record.ts";
import { EndpointSteps, hasAddress } from "./endpoint_steps.ts";
import { type EndpointWish, isAnswered, wishLimits, wishOf } from "./endpoint_wish.ts";
import { isLeaseOf } from "./host_record.ts";
import { gatewaysFor, routeAll } from "./host_routes.ts";
import { ownOwner } from "./own_endpoint.ts";
import { OwnerTurns } from "./owner_turns.ts";
import { type PortSet, rootless } from "./port_set.ts";
import { Undo } from "./undo.ts";

export interface EndpointParts {
  readonly ipam: Ipam & Partial<DefaultSubnets & LeaseTransfer>;
  readonly policy: Policy;
  readonly port: PortSet;
  readonly store: Store;
  readonly events: Events;
  readonly clock: Clock;
  readonly log: Logger;
  /** IP bytes that the network carries. */
  readonly mtu: number;
  /** Of the node itself. */
  readonly name: string;
  /** Addresses of the host that endpoints can have their default route through. */
  gateways(): readonly Address[];
  /** Aborts when the node stops. */
  readonly signal: AbortSignal;
}

/** Longest time for all of it. What takes longer waits for space that a peer does not give. */
const attachMillis = 30_000;
/** The same for what an earlier run has left: a start must not hang on a peer that has taken a range away. */
const adoptionMillis = 5_000;

export class Endpoints implements EndpointAdmin {
  readonly #parts: EndpointParts;
  readonly #records = new Map<string, EndpointRecord>();
  readonly #turns = new OwnerTurns();
  readonly #steps: EndpointSteps;
  readonly #departures: Departures;

  constructor(parts: EndpointParts) {
    this.#parts = parts;
    this.#steps = new EndpointSteps(parts);
    this.#departures = new Departures(
      parts,
      (owner) => void this.#turns.take(owner, () => this.#bury(owner)),
    );
  }

  async attach(request: AttachRequest, signal: AbortSignal): Promise<EndpointStatus> {
    const link = this.#link();
    const { where } = request;
    const wish = wishOf(request, wishLimits(this.#parts.ipam, this.#parts.mtu));
    const place = await link.locate(where, signal);
    await this.#lookAfter(link, place.owner, where);
    return await this.#turns.take(place.owner, () =>
      this.#within(attachMillis, [signal], async (until) => {
        until.throwIfAborted();
        return await this.#add(place.owner, wish, until) ?? await this.#make({ place, where, wish }, until);
      }));
  }

  list(): readonly EndpointStatus[] {
    const rank = ({ owner }: AttachedPort) => owner === ownOwner ? "" : owner;
    return [...this.#parts.port.attached()].toSorted((a, b) => rank(a) < rank(b) ? -1 : 1)
      .map((endpoint) => this.#statusOf(endpoint));
  }

  async detach(
    endpoint: string | Where,
    signal: AbortSignal,
    addresses: readonly string[] = [],
  ): Promise<void> {
    const link = this.#link();
    const owner = typeof endpoint === "string" ? endpoint : await this.#ownerAt(endpoint, link, signal);
    await this.#turns.take(owner, async () => {
      const record = this.#records.get(owner);
      if (record === undefined && (addresses.length > 0 || !this.#departures.has(owner))) {
        throw new MeshError("NOT_FOUND", `Nothing is attached as "${owner}"; see \`selvage ps\``);
      }
      const kept = record === undefined ? [] : this.#without(record, addresses);
      if (kept.length === 0) await this.#remove(owner);
      else await this.#within(attachMillis, [signal], (until) => this.#keep(record!, kept, until));
    });
  }

  /** The port has lost an endpoint; a step of it that is under way ends first. */
  vanished(owner: string): void {
    void this.#turns.take(owner, async () => {
      await Promise.resolve();
      const record = this.#records.get(owner);
      if (record === undefined || this.#attached(owner) !== undefined) return;
      this.#depart(record);
    });
  }

  /** The host has other addresses than before. */
  async reroute(): Promise<void> {
    await routeAll(this.#records, this.#turns, this.#parts);
  }

  /**
   * Takes up what an earlier run has left: before the node is ready, so that its containers are back as soon as it is.
   * Rejects `UNSUPPORTED` for records of a newer version.
   */
  async restore(): Promise<void> {
    const { store, port, log, signal } = this.#parts;
    const { records, unreadable } = readEndpoints(store);
    for (const path of unreadable) {
      log.log("error", "The record of an endpoint is damaged; it is dropped", { path });
    }
    await this.#forgetKeys(unreadable);
    if (port.link === undefined) {
      if (records.length > 0) {
        log.log("warn", "Endpoints wait for a start in host mode", { what: records.length });
      }
      return;
    }
    const remains = new Set(port.link.remains());
    await Promise.all(records.map((record) => this.#restoreOne(record, remains.has(record.owner))));
    await port.link.forgetRemains();
    // A node that stops has no departures any more: what they hold would be taken for orphans.
    signal.throwIfAborted();
    await this.#releaseOrphans();
  }

  /** Resolves when no step is under way any more. */
  async settled(): Promise<void> {
    await this.#turns.settled();
  }

  /** A container that has ended is found by what it was called. */
  async #ownerAt(where: Where, link: LinkPort, signal: AbortSignal): Promise<string> {
    const said = [...this.#records.values()].find((record) => isSamePlace(record.where, where))?.owner ??
      this.#departures.ownerAt(where);
    try {
      const { owner } = await link.locate(where, signal);
      return this.#records.has(owner) ? owner : said ?? owner;
    } catch (error) {
      if (errorCode(error) !== "NOT_FOUND" || said === undefined) throw error;
      return said;
    }
  }

  #link(): LinkPort {
    const { link } = this.#parts.port;
    if (link === undefined) throw rootless();
    return link;
  }

  /**
   * What seems to be attached may be gone, and its number be that of another namespace: whoever comes under the number or
   * the words of an endpoint has it looked after first.
   */
  async #lookAfter(link: LinkPort, owner: string, where: Where): Promise<void> {
    const known = [...this.#records.values()]
      .filter((record) => record.owner === owner || isSamePlace(record.where, where));
    if (known.length === 0) return;
    await link.look();
    // What the look has found is noted in the turn of each.
    for (const record of known) await this.#turns.take(record.owner, () => Promise.resolve());
  }

  /** Of an endpoint that is attached, undefined for any other. Throws `INVALID_ARGUMENT` when it was asked for otherwise. */
  async #add(owner: string, wish: EndpointWish, signal: AbortSignal): Promise<EndpointStatus | undefined> {
    const record = this.#records.get(owner);
    const endpoint = this.#attached(owner);
    if (record === undefined || endpoint === undefined) return undefined;
    if (!isAnswered(wish, record.wish)) throw otherwise(owner);
    return await this.#steps.undoing(owner, async (undo) => {
      await this.#departures.inherit({ owner, where: record.where, wishes: wish.addresses }, undo);
      const asked = await this.#steps.lease(owner, wish.addresses, { undo, signal });
      const added = asked.filter((lease) => !hasAddress(record.leases, lease));
      if (added.length === 0) return this.#statusOf(endpoint);
      const next = { ...record, leases: [...record.leases, ...added] };
      if (next.leases.length > mostLeases) throw tooMany(owner);
      const attached = await this.#steps.extend(record, next, { undo, signal });
      this.#tell("Endpoint has more addresses", next);
      return this.#statusOf(attached);
    });
  }

  /** Leases that stay without `addresses`: none when none are named. Throws `NOT_FOUND` for one that it does not have. */
  #without({ owner, where, leases }: EndpointRecord, addresses: readonly string[]): readonly Lease[] {
    if (addresses.length === 0) return [];
    const wishes = wishOf({ where, addresses }, wishLimits(this.#parts.ipam, this.#parts.mtu)).addresses;
    if (!wishes.every((wish) => leases.some((lease) => isLeaseOf(wish, lease)))) {
      const message = `Cannot detach ${
        addresses.join(", ")
      }: "${owner}" does not have all of it; see \`selvage ps\``;
      throw new MeshError("NOT_FOUND", message);
    }
    return leases.filter((lease) => !wishes.some((wish) => isLeaseOf(wish, lease)));
  }

  /** These leases, and no others any more. */
  async #keep(record: EndpointRecord, leases: readonly Lease[], signal: AbortSignal): Promise<void> {
    const { owner } = record;
    const next = { ...record, leases };
    await this.#steps.undoing(owner, (undo) => this.#steps.shrink(record, next, { undo, signal }));
    this.#tell("Endpoint has fewer addresses", next);
    for (const lease of record.leases) {
      if (!leases.includes(lease)) await this.#parts.ipam.release(owner, lease.address);
    }
  }

  #attached(owner: string): AttachedPort | undefined {
    return [...this.#parts.port.attached()].find((endpoint) => endpoint.owner === owner);
  }

  async #make({ place, where, wish }: Made, signal: AbortSignal): Promise<EndpointStatus> {
    const { owner } = place;
    return await this.#steps.undoing(owner, async (undo) => {
      this.#refuseTaken(wish.mac);
      await this.#departures.inherit({ owner, where, wishes: wish.addresses }, undo);
      const leases = await this.#steps.lease(owner, wish.addresses, { undo, signal });
      const record = recordOf({ place, where, wish }, leases);
      const attached = await this.#steps.establish(record, this.#gateways(wish, leases), { undo, signal });
      this.#tell("Endpoint attached", record);
      return this.#statusOf(attached);
    });
  }

  #tell(message: string, record: EndpointRecord): void {
    const { owner, leases } = record;
    this.#records.set(owner, record);
    const addresses = leases.map(({ address }) => address);
    this.#parts.log.log("info", message, { ...named(record), address: addresses.map(formatAddress) });
    this.#parts.events.emit("endpoint:attached", { owner, addresses });
  }

  #refuseTaken(mac: Uint8Array | undefined): void {
    if (mac === undefined || !this.#parts.port.table.localMac(mac)) return;
    const message = `Cannot attach with the MAC address ${formatMac(mac)}: another interface here has it`;
    throw new MeshError("ADDRESS_TAKEN", message);
  }

  #gateways({ defaultRoute }: EndpointWish, leases: readonly Lease[]): readonly Address[] {
    return defaultRoute ? gatewaysFor(leases, this.#parts.gateways()) : [];
  }

  async #remove(owner: string): Promise<void> {
    await this.#steps.remove(owner);
    this.#departures.end(owner);
    // One that is gone was told to be detached when it went.
    if (!this.#records.delete(owner)) return;
    this.#parts.log.log("info", "Endpoint detached", { owner });
    this.#parts.events.emit("endpoint:detached", { owner });
  }

  #depart(record: EndpointRecord): void {
    const { policy, log, events } = this.#parts;
    const { owner } = record;
    this.#records.delete(owner);
    policy.forget(owner);
    this.#departures.add(record);
    log.log("info", "Endpoint is gone; its addresses are kept for a while", named(record));
    events.emit("endpoint:detached", { owner });
  }

  /** Nobody has come back for its addresses. */
  async #bury(owner: string): Promise<void> {
    const { log, signal } = this.#parts;
    if (!this.#departures.has(owner) || signal.aborted) return;
    try {
      await this.#remove(owner);
      log.log("info", "Addresses of an endpoint that is gone are released", { owner });
    } catch (error) {
      log.log("error", "An endpoint cannot be forgotten; it is tried again at the next start", {
        owner,
        error,
      });
    }
  }

  async #restoreOne(record: EndpointRecord, isThere: boolean): Promise<void> {
    const { log, signal } = this.#parts;
    const { owner } = record;
    if (!isThere) return this.#depart(record);
    try {
      await this.#adopt(record);
      this.#records.set(owner, record);
      log.log("info", "Endpoint adopted", named(record));
    } catch (error) {
      if (signal.aborted) throw error;
      const code = errorCode(error);
      log.log("error", "Endpoint dropped", { owner, code, reason: reasonOf(error) });
      await this.#steps.remove(owner).catch((second: unknown) =>
        log.log("error", "An endpoint cannot be forgotten; it is tried again at the next start", {
          owner,
          error: second,
        })
      );
    }
  }

  /** Its addresses are asked for again: an ipam may have given the range to somebody else meanwhile. */
  async #adopt(record: EndpointRecord): Promise<void> {
    const { owner, leases } = record;
    await this.#within(adoptionMillis, [], async (signal) => {
      for (const { address } of leases) await this.#parts.ipam.claim(owner, address, signal);
      await this.#steps.establish(record, [], { undo: new Undo(() => {}), signal });
    });
  }

  /** The signal of `run` aborts with the first of `signals`, when the node stops, and when the time is over. */
  async #within<T>(
    millis: number,
    signals: readonly AbortSignal[],
    run: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { clock, signal } = this.#parts;
    const late = new AbortController();
    const error = new MeshError(
      "TIMEOUT",
      `Cannot attach in ${millis / 1000} s; see the addresses with \`selvage status ipam\``,
    );
    const timer = clock.timer(clock.now() + millis, () => late.abort(error));
    try {
      return await run(AbortSignal.any([...signals, signal, late.signal]));
    } finally {
      timer.cancel();
    }
  }

  /** What a crash between two steps has left: only namespaces have owners with a colon. */
  async #releaseOrphans(): Promise<void> {
    const { ipam, log, signal } = this.#parts;
    const owners = new Set([...ipam.leases()].map(({ owner }) => owner));
    for (const owner of owners) {
      const isKnown = this.#records.has(owner) || this.#departures.has(owner);
      if (!owner.includes(":") || isExternal(owner) || isKnown) continue;
      log.log("info", "Addresses of an endpoint that was never attached are released", { owner });
      await ipam.release(owner);
      signal.throwIfAborted();
    }
  }

  async #forgetKeys(keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return;
    await this.#parts.store.commit(keys.map((key) => ({ key, value: undefined })));
  }

  #statusOf({ owner, leases, mac, device, mtu }: AttachedPort): EndpointStatus {
    const record = this.#records.get(owner);
    return {
      owner,
      where: record?.where ?? null,
      name: owner === ownOwner ? this.#parts.name : record?.name ?? null,
      namespace: record?.namespace ?? "default",
      labels: record?.labels ?? {},
      addresses: leases.map(({ address, bits }) => `${formatAddress(address)}/${bits}`),
      mac: mac === undefined ? null : formatMac(mac),
      device: device ?? null,
      mtu,
    };
  }
}

function otherwise(owner: string): MeshError {
  const message = `Cannot attach "${owner}": it is attached otherwise; detach it first`;
  return new MeshError("INVALID_ARGUMENT", message);
}

function tooMany(owner: string): MeshError {
  const message = `Cannot attach "${owner}": it would have over ${mostLeases} addresses; detach some first`;
  return new MeshError("INVALID_ARGUMENT", message);
}

function named({ owner, name }: EndpointRecord): LogFields {
  return { owner, ...name !== undefined && { name } };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
