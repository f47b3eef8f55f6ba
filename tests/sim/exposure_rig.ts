/** The host's own place in the network on a host without a kernel, whose rules are fake. */
import type { HostNetwork, HostPlan, HostState } from "../../core/contracts/exposure.ts";
import type { Ipam } from "../../core/contracts/ipam.ts";
import type { Place, Where } from "../../core/contracts/port.ts";
import type { Policy } from "../../core/contracts/policy.ts";
import type { Address } from "../../core/contracts/values.ts";
import { Exposures } from "../../core/node/exposures.ts";
import { PortSet } from "../../core/node/port_set.ts";
import { formatAddress } from "../../core/wire/address.ts";
import { memoryPort, PacketTap } from "../../plugins/memory_port/mod.ts";
import { EndpointRig } from "./endpoint_rig.ts";
import { type MemoryHost, MemoryLinks } from "./memory_links.ts";

/** What the rules of a host would be. */
export class FakeRules implements HostNetwork {
  readonly plans: HostPlan[] = [];
  readonly #step: (step: string) => Promise<void>;
  found: readonly string[] = [];
  now: HostState = { changes: [], restored: 0, problems: [] };
  changed: () => void = () => {};

  constructor(step: (step: string) => Promise<void>) {
    this.#step = step;
  }

  async apply(plan: HostPlan): Promise<void> {
    await this.#step(`rules ${plan.device ?? "-"} ${plan.services.length}`);
    this.plans.push(plan);
  }

  overlaps(): Promise<readonly string[]> {
    return Promise.resolve(this.found);
  }

  clear(): Promise<void> {
    return Promise.resolve();
  }

  state(): HostState {
    return this.now;
  }

  onChange(handler: () => void): void {
    this.changed = handler;
  }
}

export class HostLinks extends MemoryLinks {
  readonly host: FakeRules;
  /** `netns:web 10.32.0.10`: default routes as they were set. */
  readonly routes: string[] = [];

  constructor(kernel: MemoryHost, rules: FakeRules) {
    super(kernel);
    this.host = rules;
  }

  // deno-lint-ignore require-await -- a throw must become a rejection
  async route(owner: string, gateways: readonly Address[]): Promise<void> {
    if (owner === "netns:lost") throw new Error("no namespace");
    this.routes.push([owner, ...gateways.map(formatAddress)].join(" "));
  }

  override async locate(where: Where, until: AbortSignal): Promise<Place> {
    if (!("host" in where)) return await super.locate(where, until);
    return { owner: "netns:host", path: "/proc/1/ns/net" };
  }
}

export class ExposureRig extends EndpointRig {
  readonly rules = new FakeRules((step) => this.host.step(step));
  readonly alerts = new Map<string, string>();
  exposures = this.exposing(true);

  exposing(inHostMode: boolean): Exposures {
    const inside = memoryPort({ tap: new PacketTap() }).create(undefined as never);
    const policy = {
      gate: async () => {
        this.history.push("gate");
        await this.gate();
      },
      forget: () => {},
    };
    const ports = inHostMode ? [inside, new HostLinks(this.host, this.rules)] : [inside];
    this.port = new PortSet(ports);
    const exposures = new Exposures({
      ipam: this.ipam as unknown as Ipam,
      policy: policy as unknown as Policy,
      port: this.port,
      store: this.store,
      events: this.events,
      alerts: {
        raise: (name, detail) => void this.alerts.set(name, detail),
        clear: (name) => void this.alerts.delete(name),
      },
      clock: this.clock,
      log: this.log,
      mtu: 1400,
      closed: () => [{ protocol: "udp", port: 6783 }],
      signal: this.stopping.signal,
    });
    this.port.watch((owner) => exposures.vanished(owner));
    return exposures;
  }

  /** Somebody deletes the host's interface, and the port finds out. */
  async lose(): Promise<void> {
    this.host.interfaces.delete("netns:host");
    await this.port.link!.look();
    await this.exposures.settled();
  }

  /** The next start, on what this one has left. */
  async restart(): Promise<void> {
    this.exposures = this.exposing(true);
    this.history.length = 0;
    await this.exposures.restore();
    await this.exposures.enforce();
  }

  get state(): unknown {
    const { addresses, services } = this.exposures.status()!;
    return { addresses, services, held: this.ipam.held.map(({ address }) => formatAddress(address)) };
  }
}
