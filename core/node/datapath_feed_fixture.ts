/** For tests: a feed between a worker and an encapsulation that is a test's to play. */
import { Drop } from "../contracts/drop.ts";
import type {
  Encapsulation,
  ExportedSession,
  ExportedWay,
  OpenedMessage,
  SessionExport,
  SessionExporter,
} from "../contracts/encapsulation.ts";
import type { Clock } from "../contracts/host.ts";
import type { Route } from "../contracts/ipam.ts";
import type { AttachedPort } from "../contracts/port.ts";
import type { PeerId } from "../contracts/values.ts";
import { LinkTable } from "../forwarding/link_table.ts";
import { formatAddress, parseAddress } from "../wire/address.ts";
import { parseMac } from "../wire/mac.ts";
import { parsePrefix } from "../wire/prefix.ts";
import { DatapathFeed, type FeedParts } from "./datapath_feed.ts";
import { TwinWorker } from "./datapath_link_fixture.ts";
import { DropCounts } from "./drop_counts.ts";

export function session(peer: PeerId, localIndex: number): ExportedSession {
  const keys = {
    localIndex,
    remoteIndex: localIndex + 1,
    aead: "chacha20-poly1305",
    send: new Uint8Array(32).fill(1),
    receive: new Uint8Array(32).fill(2),
  } as const;
  return { peer, keys, partialChecksum: true, relayed: true };
}

export function way(localIndex: number, host = "192.0.2.7"): ExportedWay {
  return { localIndex, endpoint: { host, port: 6783 }, longest: 1_400, isPlain: false };
}

/** A policy that says when its verdicts change. */
export class WatchedPolicy {
  now = 0;
  #changed = () => {};

  epoch(): number {
    return this.now;
  }

  watch(changed: () => void): void {
    this.#changed = changed;
  }

  change(): void {
    this.now++;
    this.#changed();
  }
}

export function route(prefix: string, owner: PeerId): Route {
  return { prefix: parsePrefix(prefix)!, owner };
}

/** An endpoint with an interface; without `mac` one inside of the process. */
export function attached(owner: string, address: string, mac?: string): AttachedPort {
  const leases = [{ address: parseAddress(address)!, owner, subnet: parsePrefix("10.40.0.0/16")! }];
  return { owner, leases, ...mac === undefined ? {} : { mac: parseMac(mac)! } } as unknown as AttachedPort;
}

export class PlainPorts {
  version = 0;
  table = new LinkTable();
  #all: readonly AttachedPort[] = [];
  #onChange = () => {};

  onChange(handler: () => void): void {
    this.#onChange = handler;
  }

  attached(): readonly AttachedPort[] {
    return this.#all;
  }

  set(all: readonly AttachedPort[]): void {
    this.#all = all;
    this.table = new LinkTable(all);
    this.version++;
    this.#onChange();
  }
}

/** What the feed wants to know of one. */
export type PlainPolicy = FeedParts["policy"];

export class FeedRig<C extends Clock = Clock> {
  readonly worker: TwinWorker;
  readonly clock: C;
  readonly drops = new DropCounts();
  failures = 0;
  /** What the encapsulation was given of what the worker had opened. */
  readonly handed: OpenedMessage[] = [];
  verdict: Drop = Drop.none;
  exporter!: SessionExporter;
  readonly policy: PlainPolicy;
  readonly feed: DatapathFeed;
  #routes: readonly Route[] = [];
  #devices: readonly Route[] = [];
  #routesVersion = 1;
  readonly #ports = new PlainPorts();

  constructor(
    clock: C,
    worker = new TwinWorker(),
    policy: PlainPolicy = { allowsEverything: true, epoch: () => 0 },
  ) {
    this.clock = clock;
    this.policy = policy;
    this.worker = worker;
    const machine: Partial<Encapsulation & SessionExport> = {
      exportSessions: (to) => this.exporter = to,
      handleOpened: (message) => {
        this.handed.push(message);
        return this.verdict;
      },
    };
    this.feed = new DatapathFeed({
      link: worker,
      machine: machine as Encapsulation & SessionExport,
      routes: { routes: () => this.#routes, version: () => this.#routesVersion },
      deviceRoutes: () => this.#devices,
      port: this.#ports,
      policy: this.policy,
      random: { fill: (bytes) => bytes.fill(7) },
      drops: this.drops,
      clock: this.clock,
      call: (step) => this.call(() => step(this.clock.now())),
      failed: () => void this.failures++,
    });
  }

  /** One call on the machine, as its driver makes it. */
  call(step: (exporter: SessionExporter) => void): void {
    step(this.exporter);
    this.feed.update();
  }

  /** A session that is in use. */
  up(peer: PeerId, localIndex: number): void {
    this.call((exporter) => {
      exporter.opened(session(peer, localIndex));
      exporter.confirmed(localIndex);
      exporter.current(peer, way(localIndex));
    });
  }

  routes(routes: readonly Route[], devices: readonly Route[] = []): void {
    this.#routes = [...devices, ...routes];
    this.#devices = devices;
    this.#routesVersion++;
  }

  ports(...all: readonly AttachedPort[]): void {
    this.#ports.set(all);
  }

  /** What was told since the last call, of kinds that begin with `start`. */
  news(start = ""): string[] {
    this.worker.obey();
    return this.worker.told.splice(0).filter((words) => words.startsWith(start));
  }

  /** Addresses that the worker knows to be here. */
  hosts(): string[] {
    return this.worker.locals.map(({ address }) => formatAddress(address));
  }
}
