/** What a machine can be told, and what all parts of it share, made of that. */
import type { AeadName } from "../../core/contracts/aead.ts";
import type { PeerId, Prefix } from "../../core/contracts/values.ts";
import { limits } from "./constants.ts";
import { CookieJar } from "./cookies.ts";
import { Deadlines } from "./deadlines.ts";
import { Exporting } from "./exporting.ts";
import { Gate } from "./gate.ts";
import { IndexTable } from "./indices.ts";
import type { Local, NoiseHost, RelayPolicy } from "./local.ts";
import { Outbox } from "./outbox.ts";
import { instanceLength } from "./payload.ts";
import { ReadyKeyTable } from "./ready_keys.ts";
import { Stamps } from "./stamps.ts";
import { Trusted } from "./trusted.ts";

export interface NoiseOptions {
  /** The AEAD to prefer; `auto`: the fastest of the self-test. The other one remains possible. */
  readonly aead?: AeadName | "auto";
  /** IP bytes of the largest packet that this host's underlay takes. */
  readonly underlayMtu?: number;
  /** Where packets may cross in plain, if the peer there says the same of this node. */
  readonly trustedSubnets?: readonly Prefix[];
  /** Whether messages are passed on for members that do not reach each other, and how many of each. */
  readonly relay?: RelayPolicy;
  readonly relayBytesPerSecond?: number;
  readonly relayPacketsPerSecond?: number;
  /** Members through which all others are sought as well, where they do not answer at an address. */
  readonly relays?: readonly PeerId[];
}

function relayingOf({ relay = "willing", relays = [], ...rates }: NoiseOptions): Local["relaying"] {
  const {
    relayBytesPerSecond: bytesPerSecond = limits.relayBytesPerSecond,
    relayPacketsPerSecond: packetsPerSecond = limits.relayPacketsPerSecond,
  } = rates;
  return { policy: relay, rates: { bytesPerSecond, packetsPerSecond }, relays };
}

export function localOf(host: NoiseHost, options: NoiseOptions): Local {
  const { aead = "auto", trustedSubnets = [] } = options;
  const suites = new Map(host.aeads.toReversed().map((suite) => [suite.name, suite]));
  const fastestFirst = [...new Set(host.aeads.map((suite) => suite.name))];
  const outbox = new Outbox((drop) => host.drops?.count(drop));
  const preference = fastestFirst.toSorted((left, right) => Number(right === aead) - Number(left === aead));
  return {
    self: host.self,
    membership: host.membership,
    random: host.random,
    curve: host.curve,
    drops: host.drops,
    suites,
    preference,
    stamps: new Stamps(),
    noteCounters: new Stamps(limits.noteReserveTicks),
    instance: host.random.fill(new Uint8Array(instanceLength)),
    outbox,
    exporting: new Exporting(),
    indices: new IndexTable(host.random),
    trusted: new Trusted(trustedSubnets),
    relaying: relayingOf(options),
    deadlines: new Deadlines(),
    keeping: { every: limits.roundTripMillis },
    gate: new Gate(outbox, host.random),
    readyKeys: new ReadyKeyTable(host.membership, host.self.noise.publicKey, host.random),
    cookies: new CookieJar(),
  };
}
