/**
 * The node's side of the data path: tells the worker whose packets it may carry and where to, hands on what the worker has
 * opened and not finished, and counts what it did as if it had been done here.
 *
 * The worker is told nothing it would have to decide: of a policy that judges packets it is told the verdicts, see
 * `datapath_verdicts.ts`. What is not a member's with a session (devices of the configuration
 * and behind bridges, this node's own addresses, what nobody has) has no route there, so its packets come here.
 */
import { Drop, dropNames } from "../contracts/drop.ts";
import type { Encapsulation, Relayed, SessionExport } from "../contracts/encapsulation.ts";
import type { Clock, DropCounters, Random, Timer } from "../contracts/host.ts";
import type { Route, RouteSource } from "../contracts/ipam.ts";
import type { DatapathCounters, DatapathStatus, TrafficStatus } from "../contracts/node.ts";
import type { Flow, Policy } from "../contracts/policy.ts";
import type { Endpoint, Millis, PeerId } from "../contracts/values.ts";
import type { AddressEntry } from "../datapath/address_map.ts";
import { datapathLimits } from "../datapath/datapath_limits.ts";
import type { PuntedPacket } from "../datapath/punt.ts";
import { readRelaySender } from "../datapath/relay_sender.ts";
import { noPeer, routeIntervals, type SlotRoute } from "../datapath/route_intervals.ts";
import { Telemetry, type TelemetrySnapshot } from "../datapath/telemetry.ts";
import type { Tell, WorkerLink } from "../datapath/worker_link.ts";
import { formatPrefix } from "../wire/prefix.ts";
import { decodeSockaddr } from "../runtime/socket_address.ts";
import { DatapathSessions, type PeerTraffic } from "./datapath_sessions.ts";
import { DatapathVerdicts } from "./datapath_verdicts.ts";
import type { PortSet } from "./port_set.ts";

type Machine = Encapsulation & SessionExport;

export interface FeedParts {
  readonly link: WorkerLink;
  readonly machine: Machine;
  /** As the forwarder has them. */
  readonly routes: Pick<RouteSource, "routes" | "version">;
  /** Those among them that lead to devices behind bridges, whose MACs only this thread knows. */
  deviceRoutes(): Iterable<Route>;
  readonly port: Pick<PortSet, "attached" | "onChange" | "table" | "version">;
  readonly policy: Pick<Policy, "allowsEverything" | "epoch" | "watch">;
  readonly random: Random;
  readonly drops: DropCounters;
  readonly clock: Clock;
  /** One call on the machine, and all that follows from it. */
  call(step: (now: Millis) => void): void;
  /** A worker has; another one begins. */
  failed(): void;
}

/** For what changes unseen; all else is told at once. */
const lookMillis: Millis = 1_000;
const forwardedFlag = 1;
/** Of a sealed message: its header and its tag. */
const sealLength = 16 + 16;

export class DatapathFeed {
  readonly #parts: FeedParts;
  readonly #sessions: DatapathSessions;
  readonly #verdicts: DatapathVerdicts;
  readonly #telemetry: Telemetry;
  #counted: TelemetrySnapshot;
  #timer: Timer | undefined;
  #areRoutesStale = true;
  #routesVersion = NaN;
  #portVersion = NaN;
  #hadTap = false;
  #fits = { routes: true, locals: true };

  /** Before the first handshake. */
  constructor(parts: FeedParts) {
    this.#parts = parts;
    const { link, machine } = parts;
    this.#telemetry = new Telemetry(link.memory.telemetry);
    this.#counted = this.#telemetry.snapshot();
    this.#sessions = new DatapathSessions(link, () => this.#areRoutesStale = true);
    this.#verdicts = new DatapathVerdicts(parts);
    machine.exportSessions(this.#sessions);
    link.onOpened((punt) => this.#handleOpened(punt));
    link.onRestart((tell) => {
      parts.failed();
      this.#tellAll(tell);
    });
    // Until the worker knows of another MAC, it sends to the one that is gone.
    parts.port.onChange(() => this.update());
  }

  start(): void {
    this.#verdicts.look();
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
    const { ffi, ciphers, workers, isRealtime, restarts } = this.#parts.link.facts;
    return {
      path: this.#reason === null ? "worker" : "main",
      reason: this.#reason,
      ffi,
      ciphers: ciphers.map(({ name: aead, implementation }) => ({ aead, implementation })),
      workers,
      isRealtime,
      restarts,
      counters: this.#counters(),
    };
  }

  #counters(): DatapathCounters {
    const { tallies } = this.#telemetry.snapshot();
    return {
      datagramsIn: tallies.datagramsIn,
      datagramBytesIn: tallies.datagramBytesIn,
      datagramsOut: tallies.datagramsOut,
      datagramBytesOut: tallies.datagramBytesOut,
      framesIn: tallies.framesIn,
      frameBytesIn: tallies.frameBytesIn,
      framesOut: tallies.framesOut,
      frameBytesOut: tallies.frameBytesOut,
      turns: tallies.turns,
      sleeps: tallies.sleeps,
      left: tallies.punted,
      leftLost: tallies.puntsLost,
      backlog: this.#parts.link.backlog,
      sendsRefused: tallies.sendsRefused,
      writesRefused: tallies.writesRefused,
      sourcesLost: tallies.sourcesLost,
      commandsRefused: tallies.commandsRefused,
      tablesRefused: tallies.tablesRefused,
    };
  }

  /** Why this thread carries what the worker could. */
  get #reason(): string | null {
    if (this.#parts.link.family === undefined) return "no transport has given it a socket";
    if (!this.#parts.link.hasTap) return "no port has given it a device";
    if (!this.#verdicts.areEnough) return "the policy judges every packet";
    if (this.#fits.routes && this.#fits.locals) return null;
    return "this node has more addresses or routes than the data path holds";
  }

  /** Tells what has changed; cheap when nothing has. */
  update(): void {
    const { routes, port, link } = this.#parts;
    if (this.#areRoutesStale || routes.version() !== this.#routesVersion) this.#tellRoutes();
    if (port.version !== this.#portVersion || link.hasTap !== this.#hadTap) this.#tellLocals();
  }

  /** See {@link DatapathVerdicts.judged}. */
  judged(flow: Flow, allow: boolean): void {
    this.#verdicts.judged(flow, allow);
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

  /** Whether the worker carries packets to this peer, and from it. */
  carries(peer: PeerId): boolean {
    return this.#reason === null && this.#sessions.carries(peer);
  }

  /** What the workers have passed on for this peer. */
  relayed(peer: PeerId): Relayed {
    return this.#sessions.relayed(peer);
  }

  /** Bytes are those of datagrams, without IP and UDP headers. */
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

  /** To a worker that knows nothing. What the others have not been told yet is told to all at the next update. */
  #tellAll(tell: Tell): void {
    this.#verdicts.tellAll(tell);
    this.#sessions.tellAll(tell);
    this.#giveRoutes(tell);
    this.#giveLocals(tell);
  }

  #tellRoutes(): void {
    const { routes, link } = this.#parts;
    this.#areRoutesStale = false;
    this.#routesVersion = routes.version();
    this.#fits.routes = this.#giveRoutes((command) => link.tell(command));
    this.#sessions.routesTold();
  }

  #tellLocals(): void {
    const { port, link } = this.#parts;
    this.#portVersion = port.version;
    this.#hadTap = link.hasTap;
    this.#fits.locals = this.#giveLocals((command) => link.tell(command));
  }

  /** False when they are too many: then none are told. */
  #giveRoutes(tell: Tell): boolean {
    const version = this.#parts.routes.version();
    if (tell({ kind: "routes", version, ...routeIntervals(this.#slotRoutes()) })) return true;
    tell({ kind: "routes", version, ...routeIntervals([]) });
    return false;
  }

  /** Of two routes for one prefix the later one counts; those of devices are for prefixes that no other has. */
  #slotRoutes(): SlotRoute[] {
    const { routes, deviceRoutes } = this.#parts;
    const all = this.#verdicts.areEnough ? [...routes.routes()] : [];
    const devices = new Set([...deviceRoutes()].map(({ prefix }) => formatPrefix(prefix)));
    return all.map(({ prefix, owner }) => ({
      prefix,
      peer: devices.has(formatPrefix(prefix)) ? noPeer : this.#sessions.slotOf(owner) ?? noPeer,
    }));
  }

  /**
   * As {@link DatapathFeed.#giveRoutes}. Those inside of this process have no MAC, so what is for them comes here; so does what
   * is for interfaces that the worker has no device for.
   */
  #giveLocals(tell: Tell): boolean {
    const { port, link } = this.#parts;
    const hosts: AddressEntry[] = [];
    for (const { leases, mac } of port.attached()) {
      if (mac === undefined || !link.hasTap) continue;
      for (const { address } of leases) {
        if (port.table.linkOf(address) !== "inside") hosts.push({ address, mac });
      }
    }
    const fits = hosts.length <= datapathLimits.locals;
    tell({ kind: "locals", hosts: fits ? hosts : [] });
    return fits;
  }

  /** The session may have ended since, with nobody left to give the packet to. */
  #handleOpened({ localIndex, flags, bytes, counter, isNewest, isRelayed, from }: PuntedPacket): void {
    const { drops, machine, call } = this.#parts;
    const endpoint = this.#senderOf(from);
    if ((flags & ~forwardedFlag) !== 0 || endpoint === undefined) return drops.count(Drop.malformed);
    if (!this.#sessions.has(localIndex)) return drops.count(Drop.noSession);
    if (!isRelayed) this.#sessions.handedOver(localIndex, bytes.length + sealLength);
    const message = {
      localIndex,
      plaintext: bytes,
      relayed: isRelayed,
      forwarded: flags === forwardedFlag,
      counter,
      newest: isNewest,
      from: endpoint,
    };
    call((now) => drops.count(machine.handleOpened(message, now)));
  }

  /** Of what came through a relay the place behind it. */
  #senderOf(from: Uint8Array): Endpoint | undefined {
    const behind = readRelaySender(from);
    return behind === undefined
      ? decodeSockaddr(from, 0)
      : this.#sessions.placeBehind(behind.localIndex, behind.tag);
  }
}
