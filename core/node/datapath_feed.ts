/**
 * The node's side of the data path: tells the worker whose packets it may carry and where to, hands on what the worker has
 * opened and not finished, and counts what it did as if it had been done here.
 *
 * The worker is told nothing it would have to judge. What is not a member's with a session (devices of the configuration
 * and behind bridges, this node's own addresses, what nobody has) has no route there, so its packets come here.
 */
import { Drop, dropNames } from "../contracts/drop.ts";
import type { Encapsulation, SessionExport } from "../contracts/encapsulation.ts";
import type { Clock, DropCounters, Timer } from "../contracts/host.ts";
import type { Route, RouteSource } from "../contracts/ipam.ts";
import type { DatapathStatus, TrafficStatus } from "../contracts/node.ts";
import type { Policy } from "../contracts/policy.ts";
import type { Millis, PeerId } from "../contracts/values.ts";
import type { AddressEntry } from "../datapath/address_map.ts";
import { datapathLimits } from "../datapath/datapath_limits.ts";
import type { PuntedPacket } from "../datapath/punt.ts";
import { noPeer, routeIntervals } from "../datapath/route_intervals.ts";
import { Telemetry, type TelemetrySnapshot } from "../datapath/telemetry.ts";
import type { WorkerLink } from "../datapath/worker_link.ts";
import { formatPrefix } from "../wire/prefix.ts";
import { decodeSockaddr } from "../runtime/socket_address.ts";
import { DatapathSessions, type PeerTraffic } from "./datapath_sessions.ts";
import type { PortSet } from "./port_set.ts";

type Machine = Encapsulation & SessionExport;

export interface FeedParts {
  readonly link: WorkerLink;
  readonly machine: Machine;
  /** As the forwarder has them. */
  readonly routes: Pick<RouteSource, "routes" | "version">;
  /** Those among them that lead to devices behind bridges, whose MACs only this thread knows. */
  deviceRoutes(): Iterable<Route>;
  readonly port: Pick<PortSet, "attached" | "table" | "version">;
  readonly policy: Pick<Policy, "allowsEverything">;
  readonly drops: DropCounters;
  readonly clock: Clock;
  /** One call on the machine, and all that follows from it. */
  call(step: (now: Millis) => void): void;
}

/** For what changes unseen; all else is told at once. */
const lookMillis: Millis = 1_000;
const forwardedFlag = 1;

export class DatapathFeed {
  readonly #parts: FeedParts;
  readonly #sessions: DatapathSessions;
  readonly #telemetry: Telemetry;
  #counted: TelemetrySnapshot;
  #timer: Timer | undefined;
  #areRoutesStale = true;
  #routesVersion = NaN;
  #portVersion = NaN;
  #fits = { routes: true, locals: true };

  /** Before the first handshake. */
  constructor(parts: FeedParts) {
    this.#parts = parts;
    const { link, machine } = parts;
    this.#telemetry = new Telemetry(link.memory.telemetry);
    this.#counted = this.#telemetry.snapshot();
    this.#sessions = new DatapathSessions(link, () => this.#areRoutesStale = true);
    machine.exportSessions(this.#sessions);
    link.onOpened((punt) => this.#handleOpened(punt));
    link.onRestart(() => this.#tellAll());
  }

  start(): void {
    this.update();
    this.countDrops();
    const { clock } = this.#parts;
    this.#timer = clock.timer(clock.now() + lookMillis, () => this.start());
  }

  stop(): void {
    this.#timer?.cancel();
    this.countDrops();
  }

  status(): DatapathStatus {
    const { ffi, ciphers, restarts } = this.#parts.link.facts;
    return {
      path: this.#reason === null ? "worker" : "main",
      reason: this.#reason,
      ffi,
      ciphers: ciphers.map(({ name: aead, implementation }) => ({ aead, implementation })),
      restarts,
    };
  }

  /** Why this thread carries what the worker could. */
  get #reason(): string | null {
    if (this.#parts.link.family === undefined) return "no transport has given it a socket";
    if (this.#parts.policy.allowsEverything !== true) return "the policy judges every packet";
    if (this.#fits.routes && this.#fits.locals) return null;
    return "this node has more addresses or routes than the data path holds";
  }

  /** Tells what has changed; cheap when nothing has. */
  update(): void {
    const { routes, port } = this.#parts;
    if (this.#areRoutesStale || routes.version() !== this.#routesVersion) this.#tellRoutes();
    if (port.version !== this.#portVersion) this.#tellLocals();
  }

  /** What the worker has carried. */
  traffic(): TrafficStatus {
    const { tallies } = this.#telemetry.snapshot();
    return {
      packetsIn: tallies.packetsDelivered,
      packetsOut: tallies.packetsSent,
      bytesIn: tallies.packetBytesDelivered,
      bytesOut: tallies.packetBytesSent,
    };
  }

  trafficOf(peer: PeerId): PeerTraffic | undefined {
    return this.#sessions.traffic(peer);
  }

  /** Adds what the worker has dropped since the last time to the node's counters. */
  countDrops(): void {
    const now = this.#telemetry.snapshot();
    for (const [drop, name] of dropNames.entries()) {
      this.#parts.drops.count(drop as Drop, now.drops[name] - this.#counted.drops[name]);
    }
    this.#counted = now;
  }

  #tellAll(): void {
    this.#sessions.tellAll();
    this.#tellRoutes();
    this.#tellLocals();
  }

  /** Of two routes for one prefix the later one counts; those of devices are for prefixes that no other has. */
  #tellRoutes(): void {
    const { routes, link, policy, deviceRoutes } = this.#parts;
    this.#areRoutesStale = false;
    const version = this.#routesVersion = routes.version();
    const all = policy.allowsEverything === true ? [...routes.routes()] : [];
    const devices = new Set([...deviceRoutes()].map(({ prefix }) => formatPrefix(prefix)));
    const slots = all.map(({ prefix, owner }) => ({
      prefix,
      peer: devices.has(formatPrefix(prefix)) ? noPeer : this.#sessions.slotOf(owner) ?? noPeer,
    }));
    this.#fits.routes = link.tell({ kind: "routes", version, ...routeIntervals(slots) });
    if (!this.#fits.routes) link.tell({ kind: "routes", version, ...routeIntervals([]) });
    this.#sessions.routesTold();
  }

  /** Addresses of interfaces. Those inside of this process have none, so what is for them comes here. */
  #tellLocals(): void {
    const { port, link } = this.#parts;
    this.#portVersion = port.version;
    const hosts: AddressEntry[] = [];
    for (const { leases, mac } of port.attached()) {
      if (mac === undefined) continue;
      for (const { address } of leases) {
        if (port.table.linkOf(address) !== "inside") hosts.push({ address, mac, flags: 0 });
      }
    }
    this.#fits.locals = hosts.length <= datapathLimits.locals;
    link.tell({ kind: "locals", hosts: this.#fits.locals ? hosts : [] });
  }

  /** The session may have ended since, with nobody left to give the packet to. */
  #handleOpened({ localIndex, flags, bytes, counter, isNewest, from }: PuntedPacket): void {
    const { drops, machine, call } = this.#parts;
    const endpoint = decodeSockaddr(from, 0);
    if ((flags & ~forwardedFlag) !== 0 || endpoint === undefined) return drops.count(Drop.malformed);
    if (!this.#sessions.has(localIndex)) return drops.count(Drop.noSession);
    const message = {
      localIndex,
      plaintext: bytes,
      forwarded: flags === forwardedFlag,
      counter,
      newest: isNewest,
      from: endpoint,
    };
    call((now) => drops.count(machine.handleOpened(message, now)));
  }
}
