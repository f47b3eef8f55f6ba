import type { Clock, Host } from "../../core/contracts/host.ts";
import type { Membership, NetworkKey, PeerIdentity, Refusal } from "../../core/contracts/membership.ts";
import type { StreamTarget } from "../../core/contracts/transport.ts";
import { Drop } from "../../core/contracts/drop.ts";
import type { PeerId } from "../../core/contracts/values.ts";
import { generateKeyPair } from "../../core/noise/dh.ts";
import { systemRandom } from "../../core/runtime/random.ts";

/** What a transport may be given. */
export type TransportHost = Pick<Host, "self" | "membership" | "clock" | "random" | "log" | "drops">;

/** The host of a member of the one network that there is, with what it counted and logged. */
export class MemberHost implements TransportHost {
  readonly self: Host["self"];
  readonly membership: FakeMembership;
  readonly clock: Clock;
  readonly random = systemRandom();
  readonly counted: Drop[] = [];
  readonly logged: string[] = [];

  constructor(name: string, clock: Clock) {
    this.clock = clock;
    this.membership = new FakeMembership(name);
    this.self = {
      id: name as PeerId,
      name,
      publicKey: new Uint8Array(32),
      sign: () => new Uint8Array(64),
      noise: generateKeyPair(this.random),
    };
  }

  readonly drops: Host["drops"] = {
    count: (drop) => {
      if (drop !== Drop.none) this.counted.push(drop);
    },
  };

  readonly log: Host["log"] = {
    child: () => this.log,
    log: (level, message) => void this.logged.push(`${level}: ${message}`),
  };

  /** As others know it. */
  get peer(): StreamTarget["peer"] {
    return { id: this.self.id, noiseKey: this.self.noise.publicKey };
  }
}

export function fakeNetworkKey(fill: number): NetworkKey {
  return { id: new Uint8Array(8).fill(fill), secret: new Uint8Array(32).fill(fill) };
}

/** Credentials are a name in clear; every answer can be set. */
export class FakeMembership implements Membership {
  id: Uint8Array | undefined = new Uint8Array(16).fill(9);
  keys: readonly NetworkKey[] = [fakeNetworkKey(1)];
  readonly revoked = new Set<string>();
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  networkId() {
    return this.id;
  }

  network() {
    return undefined;
  }

  networkKeys() {
    return this.keys;
  }

  tokenKeys() {
    return [];
  }

  credentials(): Uint8Array {
    return new TextEncoder().encode(this.#name);
  }

  check(credentials: Uint8Array, noiseKey: Uint8Array): PeerIdentity | Refusal {
    const name = new TextDecoder().decode(credentials);
    const id = name as PeerId;
    if (this.revoked.has(name)) return { refused: "REVOKED", reason: "this identity was revoked", peer: id };
    return { id, name, noiseKey, endpoints: [], publicKey: new Uint8Array(32), bindingNumber: 1 };
  }
}
