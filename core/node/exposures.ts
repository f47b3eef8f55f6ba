/**
 * The host's own place in the network: an interface like that of any endpoint, and the rules around it that let others in
 * and out. Remembered on disk and made again by the next start.
 *
 *     leases ──► interface, closed ──► policy ──► rules of the host ──► record on disk ──► open
 *
 * Addresses come and go while the interface is up: connections of the others go on. One that somebody else takes away is
 * made anew.
 */
import { errorCode, MeshError } from "../contracts/errors.ts";
import type { Events } from "../contracts/events.ts";
import type {
  ClosedPort,
  ExposeRequest,
  HostAdmin,
  HostNetwork,
  HostPlan,
  HostStatus,
  ServiceProtocol,
  ServiceRequest,
  ServiceStatus,
} from "../contracts/exposure.ts";
import type { Clock, Logger, Timer } from "../contracts/host.ts";
import type { DefaultSubnets, Ipam, Lease } from "../contracts/ipam.ts";
import type { Policy } from "../contracts/policy.ts";
import type { Store } from "../contracts/store.ts";
import type { Address } from "../contracts/values.ts";
import { sameAddress } from "../wire/address.ts";
import { formatPrefix } from "../wire/prefix.ts";
import type { Alerts } from "./alerts.ts";
import { type AddressWish, wishLimits, wishOf } from "./endpoint_wish.ts";
import { HostInterface } from "./host_interface.ts";
import {
  hostOwner,
  type HostRecord,
  isLeaseOf,
  isSameLeases,
  leaseText,
  putHost,
  readHost,
  unexposed,
} from "./host_record.ts";
import { isActive, serviceStatus, withoutService, withService } from "./host_services.ts";
import { isHostPort, type PortSet } from "./port_set.ts";
import { Turns } from "./turns.ts";
import { Undo } from "./undo.ts";

export interface ExposureParts {
  readonly ipam: Ipam & Partial<DefaultSubnets>;
  readonly policy: Policy;
  readonly port: PortSet;
  readonly store: Store;
  readonly events: Events;
  readonly alerts: Pick<Alerts, "raise" | "clear">;
  readonly clock: Clock;
  readonly log: Logger;
  /** IP bytes that the network carries. */
  readonly mtu: number;
  /** Ports that the node itself listens at. */
  closed(): readonly ClosedPort[];
  /** Aborts when the node stops. */
  readonly signal: AbortSignal;
}

const exposeMillis = 30_000;
/** A start must not hang on a peer that does not answer for an address. */
const restoreMillis = 5_000;
/** Until an interface that cannot be made anew is tried again. */
const remakeMillis = 10_000;
/** Of the rules, and of addresses that the host should have and has not. */
const hostAlert = "host";
const exposureAlert = "host-not-exposed";

export class Exposures implements HostAdmin {
  readonly #parts: ExposureParts;
  readonly #turns = new Turns();
  readonly #interface: HostInterface;
  #record = unexposed;
  /** Interfaces that were taken away and made anew. */
  #remade = 0;
  #remaking: Timer | undefined;
  #moved: () => Promise<void> = () => Promise.resolve();

  constructor(parts: ExposureParts) {
    this.#parts = parts;
    this.#interface = new HostInterface(parts);
    parts.signal.addEventListener("abort", () => this.#remaking?.cancel(), { once: true });
  }

  async expose(request: ExposeRequest, signal: AbortSignal): Promise<HostStatus> {
    const { host } = this.#interface.port();
    const wishes = this.#wishes(request.addresses, request.name);
    await this.#turn(exposeMillis, [signal], async (until) => {
      await this.#refuseOverlap(host, until);
      const { masquerade = true, randomFully = false, noMasqLocal = false } = request;
      const name = request.name ?? this.#record.name;
      await this.#undoing(async (undo) => {
        const leases = await this.#lease(wishes, undo, until);
        await this.#change(
          { ...this.#record, leases, name, masquerade, randomFully, noMasqLocal },
          undo,
          until,
        );
      });
    });
    await this.#moved();
    const status = this.#statusOf(host);
    this.#parts.log.log("info", "Host exposed", { address: status.addresses, name: status.name });
    return status;
  }

  async hide(addresses: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
    this.#interface.port();
    const wishes = addresses.length === 0 ? undefined : this.#wishes(addresses);
    const hidden = await this.#turn(exposeMillis, [signal], async (until) => {
      const { ipam, log } = this.#parts;
      const gone = this.#record.leases.filter((lease) =>
        wishes?.some((wish) => isLeaseOf(wish, lease)) ?? true
      );
      const leases = this.#record.leases.filter((lease) => !gone.includes(lease));
      if (gone.length === 0) return [];
      await this.#undoing((undo) => this.#change({ ...this.#record, leases }, undo, until));
      for (const { address } of gone) await ipam.release(hostOwner, address);
      const texts = gone.map(leaseText);
      log.log("info", "Host hidden", { address: texts });
      return texts;
    });
    await this.#moved();
    return hidden;
  }

  status(): HostStatus | undefined {
    const port = this.#parts.port.link;
    return isHostPort(port) ? this.#statusOf(port.host) : undefined;
  }

  async putService(request: ServiceRequest, signal: AbortSignal): Promise<ServiceStatus> {
    this.#interface.port();
    return await this.#turn(exposeMillis, [signal], async (until) => {
      const limits = { ranges: this.#parts.ipam.ranges(), closed: this.#parts.closed() };
      const { services, service } = withService(this.#record.services, request, limits);
      await this.#undoing((undo) => this.#change({ ...this.#record, services }, undo, until));
      return serviceStatus(service, this.gateways());
    });
  }

  async removeService(protocol: ServiceProtocol, listen: string, signal: AbortSignal): Promise<void> {
    this.#interface.port();
    await this.#turn(exposeMillis, [signal], async (until) => {
      const services = withoutService(this.#record.services, protocol, listen);
      await this.#undoing((undo) => this.#change({ ...this.#record, services }, undo, until));
    });
  }

  /** Addresses of the host that a container here may have its default route through: none while it has none. */
  gateways(): readonly Address[] {
    return this.#interface.addresses();
  }

  /** One handler, which never rejects, called after `expose` and `hide`: the gateways may be others. */
  onMove(handler: () => Promise<void>): void {
    this.#moved = handler;
  }

  /**
   * Takes up the interface that the last run has left: before endpoints are, which forget what is left over. A host that
   * cannot be exposed again is an alert, not the end of the start. Rejects `UNSUPPORTED` for a record of a newer version.
   */
  async restore(): Promise<void> {
    const { port: { link }, log } = this.#parts;
    this.#record = this.#read();
    if (this.#record.leases.length === 0) return;
    if (!isHostPort(link)) return log.log("warn", "The host waits to be exposed for a start in host mode");
    await this.#turn(restoreMillis, [], (until) => this.#reclaim(until))
      .catch((error) => this.#raise(exposureAlert, "The host cannot be exposed again", error));
  }

  /** Sets the rules of the host, which close the node's own ports too, and keeps them. Never rejects. */
  async enforce(): Promise<void> {
    const { port: { link }, events, signal } = this.#parts;
    if (!isHostPort(link)) return;
    link.host.onChange(() => this.#tellProblems(link.host));
    for (const name of ["endpoint:attached", "endpoint:detached"] as const) {
      events.on(name, () => void this.#endpointsChanged(link.host), signal);
    }
    await this.#apply(link.host);
  }

  /** Somebody has taken away an interface: if it was the host's, it is made anew. */
  vanished(owner: string): void {
    if (this.#interface.lose(owner)) void this.#remake();
  }

  /** Resolves when no step is under way. */
  async settled(): Promise<void> {
    await this.#turns.take(() => Promise.resolve()).catch(() => {});
  }

  #read(): HostRecord {
    try {
      return readHost(this.#parts.store);
    } catch (error) {
      if (errorCode(error) !== "STATE_CORRUPT") throw error;
      this.#raise(exposureAlert, "The host is not exposed any more", error);
      return unexposed;
    }
  }

  #wishes(addresses: readonly string[] | undefined, name?: string): readonly AddressWish[] {
    const { ipam, mtu } = this.#parts;
    const request = {
      where: { host: "" },
      ...addresses !== undefined && addresses.length > 0 && { addresses },
      ...name !== undefined && { name },
    };
    return wishOf(request, wishLimits(ipam, mtu)).addresses;
  }

  /** Only before there is an interface: its own route is none of others. */
  async #refuseOverlap(host: HostNetwork, signal: AbortSignal): Promise<void> {
    if (this.#interface.isThere) return;
    await this.#interface.requireFree(signal);
    const ranges = this.#parts.ipam.ranges();
    const found = await host.overlaps(ranges, signal);
    if (found.length === 0) return;
    throw new MeshError(
      "INVALID_ARGUMENT",
      `Cannot expose the host: its route ${found.slice(0, 3).join(", ")} overlaps with the network's range ` +
        `${ranges.map(formatPrefix).join(" or ")}; remove the route, or found the network with another range`,
      { details: { routes: found.slice(0, 16) } },
    );
  }

  /** Those that the host has, and what the wishes add. */
  async #lease(wishes: readonly AddressWish[], undo: Undo, signal: AbortSignal): Promise<readonly Lease[]> {
    const { ipam } = this.#parts;
    const leases = [...this.#record.leases];
    // What a start could not take up is not held; what is held is only asked for again.
    for (const { address } of leases) await ipam.claim(hostOwner, address, signal);
    for (const wish of wishes) {
      const lease = wish.kind === "allocate"
        ? await ipam.allocate({ owner: hostOwner, subnet: wish.subnet }, signal)
        : await ipam.claim(hostOwner, wish.address, signal);
      if (leases.some(({ address }) => sameAddress(address, lease.address))) continue;
      undo.add(() => ipam.release(hostOwner, lease.address));
      leases.push({ ...lease, bits: wish.kind === "claim" ? wish.bits ?? lease.bits : lease.bits });
    }
    return leases;
  }

  /** From the record that counts to `next`: interface, rules, disk. The rules follow the interface, also back. */
  async #change(next: HostRecord, undo: Undo, signal: AbortSignal): Promise<void> {
    const { store, signal: life } = this.#parts;
    const { host } = this.#interface.port();
    const before = this.#record;
    const isExposed = next.leases.length > 0;
    undo.add(() => host.apply(this.#plan(before), life));
    if (!isSameLeases(before.leases, next.leases) || isExposed !== this.#interface.isThere) {
      undo.add(() => this.#reopened(before, life));
      await this.#interface.become(next, signal);
    }
    await host.apply(this.#plan(next), signal);
    undo.add(() => store.commit([putHost(before)]));
    await store.commit([putHost(next)]);
    undo.add(() => this.#record = before);
    this.#record = next;
    await this.#interface.open();
    this.#parts.alerts.clear(exposureAlert);
    this.#tellProblems(host);
  }

  async #reopened(record: HostRecord, signal: AbortSignal): Promise<void> {
    await this.#interface.become(record, signal);
    await this.#interface.open();
  }

  /** Until it is there, or there is to be none. */
  async #remake(): Promise<void> {
    const { log, clock, alerts, signal } = this.#parts;
    try {
      const isRemade = await this.#turn(exposeMillis, [], async (until) => {
        if (this.#record.leases.length === 0 || this.#interface.isThere) return false;
        await this.#reopened(this.#record, until);
        return true;
      });
      if (!isRemade) return;
      this.#remade++;
      alerts.clear(exposureAlert);
      log.log("warn", "The host's interface was taken away by somebody else, and is made anew");
      await this.#apply(this.#interface.port().host);
    } catch (error) {
      if (signal.aborted) return;
      this.#raise(exposureAlert, "The host's interface was taken away, and cannot be made anew", error);
      this.#remaking?.cancel();
      this.#remaking = clock.timer(clock.now() + remakeMillis, () => void this.#remake());
    }
  }

  /** Its addresses are asked for again: an ipam may have given the range to somebody else meanwhile. */
  async #reclaim(signal: AbortSignal): Promise<void> {
    const { leases } = this.#record;
    for (const { address } of leases) await this.#parts.ipam.claim(hostOwner, address, signal);
    await this.#interface.become(this.#record, signal, true);
    await this.#interface.open();
    this.#parts.log.log("info", "Host exposed again", { address: leases.map(leaseText) });
  }

  #plan({ masquerade, randomFully, noMasqLocal, services }: HostRecord): HostPlan {
    const { ipam, closed } = this.#parts;
    const own = this.gateways();
    return {
      device: this.#interface.device,
      ranges: ipam.ranges(),
      masquerade: masquerade
        ? { randomFully, unmasked: noMasqLocal ? this.#interface.neighbours() : [] }
        : undefined,
      services: services.filter((service) => isActive(service, own)),
      closed: closed(),
    };
  }

  async #endpointsChanged(host: HostNetwork): Promise<void> {
    if (this.#record.noMasqLocal && this.#interface.isThere) await this.#apply(host);
  }

  async #apply(host: HostNetwork): Promise<void> {
    try {
      await this.#turn(exposeMillis, [], (until) => host.apply(this.#plan(this.#record), until));
      this.#tellProblems(host);
    } catch (error) {
      this.#raise(hostAlert, "The host's rules cannot be set", error);
    }
  }

  #statusOf(host: HostNetwork): HostStatus {
    const { leases, name, masquerade, randomFully, noMasqLocal, services } = this.#record;
    const own = this.gateways();
    const state = host.state();
    return {
      device: this.#interface.device ?? null,
      name: name ?? null,
      addresses: leases.map(leaseText),
      masquerade,
      randomFully,
      noMasqLocal,
      services: services.map((service) => serviceStatus(service, own)),
      ...state,
      restored: state.restored + this.#remade,
    };
  }

  #tellProblems(host: HostNetwork): void {
    const { problems } = host.state();
    if (problems.length === 0) this.#parts.alerts.clear(hostAlert);
    else this.#parts.alerts.raise(hostAlert, problems.join("; "));
  }

  #raise(alert: string, what: string, error: unknown): void {
    if (this.#parts.signal.aborted) return;
    const reason = error instanceof Error ? error.message : String(error);
    this.#parts.alerts.raise(alert, `${what}: ${reason}`);
  }

  /** What `run` has done is undone when it fails. */
  async #undoing(run: (undo: Undo) => Promise<void>): Promise<void> {
    const undo = new Undo((error) =>
      this.#parts.log.log("error", "A change of the host cannot be undone", { error })
    );
    try {
      await run(undo);
    } catch (error) {
      await undo.run();
      throw error;
    }
  }

  /** One after the other; the signal of `run` aborts with one of `signals`, when the node stops, and when the time is over. */
  #turn<T>(
    millis: number,
    signals: readonly AbortSignal[],
    run: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    return this.#turns.take(async () => {
      const { clock } = this.#parts;
      const late = new AbortController();
      const error = new MeshError("TIMEOUT", `Cannot change the host's addresses in ${millis / 1000} s`);
      const timer = clock.timer(clock.now() + millis, () => late.abort(error));
      try {
        return await run(AbortSignal.any([...signals, this.#parts.signal, late.signal]));
      } finally {
        timer.cancel();
      }
    });
  }
}
