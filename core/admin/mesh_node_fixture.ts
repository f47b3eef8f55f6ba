/** A complete node made of constants, a clock turned by hand and a log that is kept: what the tests of the API need. */
import type { EventName, Events, NodeEvents } from "../contracts/events.ts";
import type { Clock, LogFields, Logger, LogLevel, Timer } from "../contracts/host.ts";
import type {
  AttachRequest,
  ConnectionStatus,
  DropReason,
  EndpointStatus,
  IpamStatus,
  MemberStatus,
  MeshNode,
  NodeStatus,
  PeerStatus,
  PingOptions,
  PingResult,
  TargetStatus,
  TokenOptions,
} from "../contracts/node.ts";
import type { Where } from "../contracts/port.ts";
import type { PeerLinksStatus } from "../contracts/topology.ts";
import type { PeerId } from "../contracts/values.ts";
import { MeshError } from "../contracts/errors.ts";
import { dropReasons } from "./drop_meanings.ts";
import { addressesFixture, ipamOf } from "./addresses_fixture.ts";
import { bridgesFixture } from "./bridges_fixture.ts";
import { hostFixture } from "./host_fixture.ts";
import { linksOf, peersOf } from "./links_fixture.ts";

export const self = "k3vq2m6zr4t7n5xw2l6ayd3ucj7pfh4s" as PeerId;
export const other = "b5wq3n7zs4u6m5yx2k6bye3vdj7qgh4t" as PeerId;

const ipam = ipamOf(self, other);

const status: NodeStatus = {
  version: "0.1.0",
  runtime: "deno 2.9.6",
  state: "ready",
  peer: self,
  name: "web-1",
  network: { id: "00112233445566778899aabbccddeeff", name: "mesh" },
  started: "2026-11-23T00:00:00.000Z",
  uptimeSeconds: 61.5,
  plugins: { transport: ["udp", "tcp"], discovery: ["static_seeds", "gossip"] },
  listen: ["[::]:6783"],
  listeners: [
    { transport: "udp", carries: "datagrams", endpoint: "[::]:6783" },
    { transport: "tcp", carries: "streams", endpoint: "[::]:6783" },
  ],
  nat: { kind: "none", observed: ["192.0.2.1:6783"], announced: [] },
  broadcasts: { way: "trees", neighbours: 1, eager: 1 },
  addresses: ["10.32.0.1", "fd5a:1b2c:3d4e::1"],
  encryption: { aead: "aes-256-gcm", implementation: "platform" },
  connections: { connecting: 0, established: 1, retrying: 1, failed: 0 },
  peers: 2,
  targets: 2,
  ipam,
  traffic: { packetsIn: 10, packetsOut: 12, bytesIn: 1000, bytesOut: 1200 },
  datapath: {
    path: "main",
    reason: "this node has no interfaces",
    ffi: null,
    ciphers: [],
    workers: 0,
    isRealtime: false,
    restarts: 0,
    counters: null,
  },
  drops: { noRoute: 3, badSource: 1 },
  host: null,
  alerts: [],
  healthy: true,
};

const connections: readonly ConnectionStatus[] = [
  {
    direction: "->",
    endpoint: "198.51.100.7:6783",
    state: "established",
    peer: other,
    name: "web-2",
    encrypted: true,
    aead: "chacha20-poly1305",
    rttMillis: 1.25,
    mtu: 1420,
    path: "worker",
    relay: null,
    via: [],
    relayed: { packets: 0, bytes: 0 },
    traffic: { packetsIn: 900, packetsOut: 800, bytesIn: 1_200_000, bytesOut: 64_000 },
    loss: 0.002,
    reason: null,
    code: null,
  },
  {
    direction: "->",
    endpoint: "198.51.100.8:6783",
    state: "retrying",
    peer: null,
    name: null,
    encrypted: false,
    aead: null,
    rttMillis: null,
    mtu: 1280,
    path: null,
    relay: null,
    via: [],
    relayed: null,
    traffic: null,
    loss: null,
    reason: "no answer",
    code: "TIMEOUT",
  },
];

const targets: readonly TargetStatus[] = [
  {
    endpoint: "198.51.100.7:6783",
    source: "static_seeds",
    state: "established",
    reason: null,
    places: ["198.51.100.7:6783"],
    nextAttempt: null,
  },
];

const members: readonly MemberStatus[] = [
  { peer: self, name: "web-1", admittedBy: null, state: "admitted" },
  { peer: other, name: "web-2", admittedBy: self, state: "revoked" },
];

const endpoints: readonly EndpointStatus[] = [
  {
    owner: "node",
    where: null,
    name: "web-1",
    namespace: "default",
    labels: {},
    addresses: ["10.32.0.1/12", "fd5a:1b2c:3d4e::1/48"],
    mac: null,
    device: null,
    mtu: 1376,
  },
  {
    owner: "netns:4:4026532281",
    where: { netns: "shop" },
    name: "shop",
    namespace: "default",
    labels: { app: "shop" },
    addresses: ["10.32.0.5/12"],
    mac: "0a:5e:0a:20:00:05",
    device: "mesh0",
    mtu: 1376,
  },
];

export const idOfToken = "6f1d0c8a92b34e57a0c1d2e3f4a5b697";
/** Of the form that a node makes, and of no network. */
export const secretOfToken =
  "selvage1-kuabcirtirkwm54itgvlxtg5537w6himrkjlgtsxuda5fy7uuw3joaaaaaagwdqoaaaqnrrtmqdru7yaa4hbkhbdfiytqp2gjvkfwytjob3x5bmmsonkdkfpw264js6s3hwgu6tp";

class FixtureEvents implements Events {
  readonly #listeners = new Set<(name: EventName, detail: NodeEvents[EventName]) => void>();

  emit<K extends EventName>(name: K, detail: NodeEvents[K]): void {
    for (const listener of [...this.#listeners]) listener(name, detail);
  }

  on<K extends EventName>(name: K, listener: (detail: NodeEvents[K]) => void, signal: AbortSignal): void {
    this.onAny((emitted, detail) => {
      if (emitted === name) listener(detail as NodeEvents[K]);
    }, signal);
  }

  onAny(listener: (name: EventName, detail: NodeEvents[EventName]) => void, signal: AbortSignal): void {
    this.#listeners.add(listener);
    signal.addEventListener("abort", () => this.#listeners.delete(listener), { once: true });
  }
}

/** Answers constants and notes what it was told. `answers` replaces a part of the status, `fail` makes calls reject. */
export class FixtureNode implements MeshNode {
  readonly id = self;
  readonly events = new FixtureEvents();
  readonly overlay = undefined;
  /** `tokens.create({"lifetimeSeconds":60})`, in order. */
  readonly calls: string[] = [];
  /** Merged into `status()`. */
  answers: Partial<NodeStatus> = {};
  /** Thrown by every call when set, of any type, as a plugin might. */
  fail: unknown;

  readonly tokens = {
    create: (options: TokenOptions = {}) => {
      this.#note("tokens.create", options);
      const expires = "2026-12-01T00:00:00.000Z";
      return Promise.resolve({
        id: idOfToken,
        token: secretOfToken,
        expires,
        join: `selvage join ${secretOfToken}`,
      });
    },
    list: () => {
      this.#note("tokens.list");
      return [{ id: idOfToken, expires: "2026-12-01T00:00:00.000Z", state: "valid" as const }];
    },
    revoke: (id: string) => this.#revoke("tokens.revoke", id, idOfToken),
  };

  readonly members = {
    list: () => this.#answer("members.list", members),
    revoke: (peer: string) => this.#revoke("members.revoke", peer, "web-2"),
  };

  readonly endpoints = {
    // deno-lint-ignore require-await -- a throw must become a rejection
    attach: async (request: AttachRequest, signal: AbortSignal) => {
      this.#note("endpoints.attach", request);
      signal.throwIfAborted();
      return endpoints[1]!;
    },
    list: () => this.#answer("endpoints.list", endpoints),
    // deno-lint-ignore require-await -- as above
    detach: async (endpoint: string | Where, _signal: AbortSignal, addresses: readonly string[] = []) => {
      this.#note("endpoints.detach", endpoint, ...addresses);
      if (endpoint === "nobody") {
        throw new MeshError("NOT_FOUND", 'Nothing is attached as "nobody"; see `selvage ps`');
      }
    },
  };

  readonly addresses = addressesFixture((call, ...given) => this.#note(call, ...given));
  readonly host = hostFixture((call, ...given) => this.#note(call, ...given));
  readonly bridges = bridgesFixture((call, ...given) => this.#note(call, ...given));

  status(): NodeStatus {
    return { ...this.#answer("status", status), ...this.answers };
  }

  peers(): readonly PeerStatus[] {
    return this.#answer("peers", peersOf(self));
  }

  links(): readonly PeerLinksStatus[] {
    return this.#answer("links", linksOf(self, other));
  }

  connections(): readonly ConnectionStatus[] {
    return this.#answer("connections", connections);
  }

  ipam(): IpamStatus {
    return this.#answer("ipam", ipam);
  }

  targets(): readonly TargetStatus[] {
    return this.#answer("targets", targets);
  }

  // deno-lint-ignore require-await -- a throw must become a rejection
  async connect(endpoints: readonly string[], options?: { readonly replace?: boolean }): Promise<void> {
    this.#note("connect", endpoints, options);
  }

  // deno-lint-ignore require-await -- a throw must become a rejection
  async forget(endpoints: readonly string[]): Promise<void> {
    this.#note("forget", endpoints);
  }

  drops(): Readonly<Record<DropReason, number>> {
    const none = Object.fromEntries(dropReasons.map((reason) => [reason, 0]));
    return this.#answer("drops", { ...none as Record<DropReason, number>, noRoute: 3, badSource: 1 });
  }

  // deno-lint-ignore require-await -- a throw must become a rejection
  async ping(to: string, options: PingOptions, signal: AbortSignal): Promise<PingResult> {
    this.#note("ping", to, options);
    signal.throwIfAborted();
    if (to === "10.32.0.99") throw new MeshError("TIMEOUT", `Cannot reach ${to}: no reply in 1000 ms`);
    return { from: "10.32.0.7", rttMillis: 0.75, hopLimit: 64, size: options.size ?? 56 };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  #answer<T>(call: string, value: T): T {
    this.#note(call);
    return value;
  }

  // deno-lint-ignore require-await -- a throw must become a rejection
  async #revoke(call: string, name: string, known: string): Promise<void> {
    this.#note(call, name);
    if (name === known) return;
    // The words of a node, which docs/api.md shows.
    const words = call === "tokens.revoke"
      ? `"${name}" is not the id of a token; see the ids with \`selvage token ls\``
      : `No member in good standing is called "${name}"; see \`selvage members\``;
    throw new MeshError("NOT_FOUND", words);
  }

  #note(call: string, ...given: unknown[]): void {
    if (this.fail !== undefined) throw this.fail;
    this.calls.push(`${call}(${given.map((value) => JSON.stringify(value)).join(", ")})`);
  }
}

/** Time stands until `advance`. */
export class FixtureClock implements Clock {
  readonly #timers = new Set<{ at: number; run: () => void }>();
  readonly #armed: (() => void)[] = [];
  readonly #disarmed: (() => void)[] = [];
  #now = 0;

  now(): number {
    return this.#now;
  }

  wall(): number {
    return 1_795_392_000_000 + this.#now;
  }

  timer(at: number, run: () => void): Timer {
    const entry = { at, run };
    this.#timers.add(entry);
    this.#armed.splice(0).forEach((resolve) => resolve());
    return { cancel: () => this.#remove(entry) };
  }

  /** Runs what is due, in order, also what is armed on the way. */
  advance(millis: number): void {
    const end = this.#now + millis;
    for (let next = this.#due(end); next !== undefined; next = this.#due(end)) {
      this.#remove(next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = end;
  }

  get pending(): number {
    return this.#timers.size;
  }

  /** Resolves when a timer is armed, as an event reader does when it has joined. */
  armed(): Promise<void> {
    if (this.#timers.size > 0) return Promise.resolve();
    return new Promise((resolve) => this.#armed.push(resolve));
  }

  /** Resolves when no timer is armed. */
  disarmed(): Promise<void> {
    if (this.#timers.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#disarmed.push(resolve));
  }

  #remove(entry: { at: number; run: () => void }): void {
    this.#timers.delete(entry);
    if (this.#timers.size === 0) this.#disarmed.splice(0).forEach((resolve) => resolve());
  }

  #due(end: number): { at: number; run: () => void } | undefined {
    return [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
  }
}

export interface LogEntry {
  readonly scope: string;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

export class FixtureLog implements Logger {
  readonly entries: LogEntry[];
  readonly #scope: string;

  constructor(entries: LogEntry[] = [], scope = "") {
    this.entries = entries;
    this.#scope = scope;
  }

  child(scope: string): FixtureLog {
    return new FixtureLog(this.entries, scope);
  }

  log(level: LogLevel, message: string, fields: LogFields = {}): void {
    this.entries.push({ scope: this.#scope, level, message, fields });
  }
}
