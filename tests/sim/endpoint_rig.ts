/** Endpoints on a host without a kernel, with an ipam, a policy and a store that note what happens when. */
import assert from "node:assert/strict";
import type { Ipam, Lease } from "../../core/contracts/ipam.ts";
import { MeshError } from "../../core/contracts/errors.ts";
import type { AttachRequest } from "../../core/contracts/node.ts";
import type { Policy } from "../../core/contracts/policy.ts";
import type { Port } from "../../core/contracts/port.ts";
import type { Address } from "../../core/contracts/values.ts";
import { Endpoints } from "../../core/node/endpoints.ts";
import { EventBus } from "../../core/node/event_bus.ts";
import { FakeLog, FakeStore } from "../../core/node/node_fixture.ts";
import { PortSet } from "../../core/node/port_set.ts";
import { formatAddress } from "../../core/wire/address.ts";
import { addressWidth, contains, parsePrefix } from "../../core/wire/prefix.ts";
import { memoryPort, PacketTap } from "../../plugins/memory_port/mod.ts";
import { SimClock } from "./clock.ts";
import { MemoryHost } from "./memory_links.ts";

const ranges = [parsePrefix("10.32.0.0/12")!, parsePrefix("fd00::/48")!];

/** Gives 10.32.0.10 and on, and lets go of what is released. */
class FakeIpam {
  readonly held: Lease[] = [];
  readonly history: string[];
  #next = 10;

  constructor(history: string[]) {
    this.history = history;
  }

  ranges() {
    return ranges;
  }

  leases() {
    return [...this.held];
  }

  async allocate({ owner, subnet }: { owner: string; subnet: (typeof ranges)[0] }): Promise<Lease> {
    await Promise.resolve();
    const held = this.held.find((lease) => lease.owner === owner && contains(subnet, lease.address));
    if (held !== undefined) return held;
    const bytes = new Uint8Array(subnet.address.bytes);
    bytes[bytes.length - 1] = this.#next++;
    return this.#take({ owner, address: { family: subnet.address.family, bytes }, bits: subnet.bits });
  }

  async claim(owner: string, address: Lease["address"]): Promise<Lease> {
    await Promise.resolve();
    const text = formatAddress(address);
    const held = this.held.find((lease) => formatAddress(lease.address) === text);
    if (held !== undefined && held.owner !== owner) throw new MeshError("ADDRESS_TAKEN", `${text} is taken`);
    const range = ranges.find((each) => contains(each, address));
    return held ?? this.#take({ owner, address, bits: range?.bits ?? addressWidth(address.family) });
  }

  async release(owner: string, address?: Lease["address"]): Promise<number> {
    await Promise.resolve();
    const text = address && formatAddress(address);
    const going = this.held.filter((lease) =>
      lease.owner === owner && (text === undefined || formatAddress(lease.address) === text)
    );
    for (const lease of going) this.held.splice(this.held.indexOf(lease), 1);
    if (going.length > 0) this.history.push(`release ${going.map((each) => formatAddress(each.address))}`);
    return going.length;
  }

  async transfer(lease: Lease, owner: string): Promise<Lease> {
    await Promise.resolve();
    const index = this.held.findIndex((each) =>
      each.owner === lease.owner && formatAddress(each.address) === formatAddress(lease.address)
    );
    if (index < 0) throw new MeshError("NOT_FOUND", "It is not held");
    this.history.push(`hand over ${formatAddress(lease.address)}`);
    return this.held[index] = { ...this.held[index]!, owner };
  }

  #take(lease: Lease): Lease {
    this.held.push(lease);
    this.history.push(`lease ${formatAddress(lease.address)}`);
    return lease;
  }
}

/** A host whose node may start again: the namespaces, the store and the leases stay. */
export class EndpointRig {
  readonly clock = new SimClock();
  readonly log = new FakeLog();
  readonly host: MemoryHost;
  readonly history: string[];
  readonly store: FakeStore;
  readonly ipam: FakeIpam;
  stopping = new AbortController();
  gate: () => void | Promise<void> = () => {};
  readonly events: EventBus;
  port!: PortSet;
  endpoints!: Endpoints;

  constructor(...namespaces: readonly string[]) {
    this.host = new MemoryHost(...namespaces);
    this.history = this.host.history;
    this.store = new FakeStore(this.history);
    this.ipam = new FakeIpam(this.history);
    this.events = new EventBus(this.log);
    this.boot();
  }

  boot(): void {
    const inside = memoryPort({ tap: new PacketTap() }).create(undefined as never);
    const port: readonly Port[] = [inside, this.host.plugin().create(undefined as never)];
    this.endpoints = this.on(port);
  }

  on(ports: readonly Port[], gateways: () => readonly Address[] = () => []): Endpoints {
    const policy = {
      gate: async () => {
        this.history.push("gate");
        await this.gate();
      },
      forget: () => void this.history.push("forget policy"),
    };
    const set = new PortSet(ports);
    const endpoints = new Endpoints({
      ipam: this.ipam as unknown as Ipam,
      policy: policy as unknown as Policy,
      port: set,
      store: this.store,
      events: this.events,
      clock: this.clock,
      log: this.log,
      mtu: 1400,
      name: "host-1",
      gateways,
      signal: this.stopping.signal,
    });
    set.watch((owner) => endpoints.vanished(owner));
    this.port = set;
    return endpoints;
  }

  attach(netns: string, request: Omit<AttachRequest, "where"> = {}) {
    return this.endpoints.attach({ ...request, where: { netns } }, new AbortController().signal);
  }

  /** What nobody may have any more. */
  expectNothing(): void {
    assert.deepEqual([this.ipam.held, [...this.store.content], [...this.host.interfaces]], [[], [], []]);
    assert.deepEqual(this.endpoints.list(), []);
  }
}
