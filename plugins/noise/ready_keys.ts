/**
 * Keys of first messages, ready for use: deriving them costs more than checking a MAC with them.
 *
 * Network keys are few. Token keys are derived from what a knock says in clear, 50 µs each, and a stranger can say
 * anything: so derivations for tokens not met before are limited, and what they gave is kept, also for tokens that
 * nobody proved to have, so that one of them costs nothing more. Tokens with which somebody has knocked rightly are kept
 * apart: a flood of others does not push them out.
 */
import type { Membership, TokenReference } from "../../core/contracts/membership.ts";
import type { Random } from "../../core/contracts/host.ts";
import type { Millis } from "../../core/contracts/values.ts";
import { copyBytes, equalBytes } from "../../core/wire/bytes.ts";
import { encodeHex } from "../../core/wire/hex.ts";
import { limits } from "./constants.ts";
import { joinKeys, memberKeys, PreparedMac, type ReceiverKeys, whoIsMacKey } from "./mac.ts";
import { RateLimiter } from "./rate_limiter.ts";

/** What the first look at a message needs. */
export interface ReadyKeys {
  readonly mac1: PreparedMac;
  /** 32 bytes: seals cookies. */
  readonly cookie: Uint8Array;
}

export interface ReadyNetworkKeys extends ReadyKeys {
  /** 32 bytes, a copy: by which they are found. */
  readonly secret: Uint8Array;
  readonly whoIs: PreparedMac;
}

export interface ReadyTokenKeys extends ReadyKeys {
  /** 32 bytes. */
  readonly tokenKey: Uint8Array;
}

interface KnownToken {
  readonly keys: readonly ReadyTokenKeys[];
  readonly at: Millis;
}

/** As many as a node can hold. */
const networkKeysKept = 8;

export class ReadyKeyTable {
  readonly #membership: Membership;
  /** This node's public Noise key. */
  readonly #self: Uint8Array;
  readonly #derivations: RateLimiter;
  #networks: readonly ReadyNetworkKeys[] = [];
  readonly #proven = new Map<string, KnownToken>();
  readonly #others = new Map<string, KnownToken>();

  constructor(membership: Membership, self: Uint8Array, random: Random) {
    this.#membership = membership;
    this.#self = self;
    this.#derivations = new RateLimiter(limits.tokenDerivations, random);
  }

  /** Of messages to this node under a network key of 32 bytes. */
  network(secret: Uint8Array): ReadyNetworkKeys {
    const known = this.#networks.find((each) => equalBytes(each.secret, secret));
    if (known !== undefined) return known;
    const keys = {
      ...ready(memberKeys(secret, this.#self)),
      secret: copyBytes(secret),
      whoIs: new PreparedMac(whoIsMacKey(secret)),
    };
    this.#networks = [keys, ...this.#networks].slice(0, networkKeysKept);
    return keys;
  }

  /** Of knocks with a token; undefined when it is too much to find out now. */
  token(token: TokenReference, now: Millis): readonly ReadyTokenKeys[] | undefined {
    const id = idOf(token);
    const known = this.#proven.get(id) ?? this.#others.get(id);
    if (known !== undefined && now - known.at < limits.tokenKeysMillis) return known.keys;
    if (!this.#proven.has(id) && !this.#derivations.allow(id, now)) return undefined;
    const keys = this.#membership.tokenKeys(token).map((key) => ({ ...ready(joinKeys(key)), tokenKey: key }));
    const table = this.#proven.has(id) ? this.#proven : this.#others;
    remember(table, id, { keys, at: now }, limits.otherTokens);
    return keys;
  }

  /** Somebody has knocked rightly with `token`. */
  proved(token: TokenReference): void {
    const id = idOf(token);
    const known = this.#others.get(id);
    if (known === undefined) return;
    this.#others.delete(id);
    remember(this.#proven, id, known, limits.provenTokens);
  }

  /** Tokens kept. */
  get size(): number {
    return this.#proven.size + this.#others.size;
  }

  clear(): void {
    this.#networks = [];
    this.#proven.clear();
    this.#others.clear();
  }
}

function idOf(token: TokenReference): string {
  return `${encodeHex(token.id)} ${token.expires}`;
}

function ready({ mac1, cookie }: ReceiverKeys): ReadyKeys {
  return { mac1: new PreparedMac(mac1), cookie };
}

/** The oldest entry makes room. */
function remember(table: Map<string, KnownToken>, id: string, known: KnownToken, limit: number): void {
  table.delete(id);
  if (table.size >= limit) table.delete(table.keys().next().value!);
  table.set(id, known);
}
