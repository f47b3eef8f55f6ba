/** A {@link Host} for a plugin under test: everything that a node would hand in, on simulated time and a kept disk. */
import type { Drop } from "../../core/contracts/drop.ts";
import { MeshError } from "../../core/contracts/errors.ts";
import type { Channel, Host, LogFields, Logger, LogLevel } from "../../core/contracts/host.ts";
import type { Membership } from "../../core/contracts/membership.ts";
import type { Prefix } from "../../core/contracts/values.ts";
import { createIdentity, openSelf } from "../../core/identity/identity.ts";
import { EventBus } from "../../core/node/event_bus.ts";
import { nobleAeads } from "../../core/runtime/aead.ts";
import { parsePrefix } from "../../core/wire/prefix.ts";
import { MemoryDisk } from "../../plugins/memory_store/disk.ts";
import { SimClock } from "../sim/clock.ts";
import { SimRandom } from "../sim/random.ts";

export interface TestHostOptions {
  /** Everything random follows from it, the identity too. */
  readonly seed?: number;
  readonly name?: string;
  /** Shared by several hosts of one test. */
  readonly clock?: SimClock;
  /** Kept by the test, to start the plugin again on what it has left. */
  readonly disk?: MemoryDisk;
  /** What the network spans; 10.32.0.0/12 and an IPv6 /48 by default. */
  readonly ranges?: readonly Prefix[];
}

export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

export interface TestHost extends Host {
  readonly clock: SimClock;
  readonly events: EventBus;
  /** What was counted, in order. */
  readonly dropped: readonly Drop[];
  readonly logged: readonly LogLine[];
}

const defaultRanges = ["10.32.0.0/12", "fd00:5e1f:a6e0::/48"].map((text) => parsePrefix(text)!);

export function testHost(options: TestHostOptions = {}): TestHost {
  const { seed = 1, name = "web-1", clock = new SimClock(), disk = new MemoryDisk() } = options;
  const random = new SimRandom(seed);
  const dropped: Drop[] = [];
  const logged: LogLine[] = [];
  const log: Logger = {
    child: () => log,
    log: (level, message, fields = {}) => void logged.push({ level, message, fields }),
  };
  const self = openSelf(createIdentity(random), name);
  return {
    self,
    clock,
    random,
    log,
    logged,
    dropped,
    events: new EventBus(log),
    drops: { count: (drop) => void (drop !== 0 && dropped.push(drop)) },
    membership: membershipOf(self.id, options.ranges ?? defaultRanges),
    store: disk.mount(),
    aeads: nobleAeads(),
    members: {
      known: () => [],
      named: (asked) => asked === name ? self.id : undefined,
      watch: () => {},
      hear: () => {},
    },
    resolve: (name) => Promise.reject(new MeshError("UNREACHABLE", `Nobody knows ${name} here`)),
    channel: silentChannel,
    replicate: () => ({ spread: () => {} }),
  };
}

/** A network of one: nobody else is ever admitted. */
function membershipOf(founder: Host["self"]["id"], ranges: readonly Prefix[]): Membership {
  const id = new Uint8Array(16).fill(7);
  const refusal = { refused: "NOT_ADMITTED", reason: "this network has one member" } as const;
  return {
    networkId: () => id,
    network: () => ({ id, name: "test", ranges, founder }),
    networkKeys: () => [{ id: new Uint8Array(8).fill(1), secret: new Uint8Array(32).fill(2) }],
    tokenKeys: () => [],
    credentials: () => new Uint8Array(),
    check: () => refusal,
  };
}

function silentChannel(): Channel {
  return { send: () => false, receive: () => {}, peers: () => [] };
}
