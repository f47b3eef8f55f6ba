/**
 * The network keys this node holds, newest epoch first. A revocation makes a new epoch. The older keys serve members
 * that were away when it changed: they still knock with one, are judged by their own identity, and are told the newest.
 * Tokens are checked against the newest key alone, so every token made before a revocation is void with it.
 */
import type { Random } from "../contracts/host.ts";
import type { NetworkKey } from "../contracts/membership.ts";
import { createNetworkKey, networkKeyOf } from "../identity/network_key.ts";
import { compareBytes } from "../wire/bytes.ts";

export interface EpochKey {
  /** 1 for the founding key. */
  readonly epoch: number;
  /** 32 bytes. */
  readonly secret: Uint8Array;
}

/** Two nodes may have been away for a revocation each; more than that must be told by an operator. */
const keptKeys = 4;

export class KeyRing {
  readonly #keys: { readonly epoch: number; readonly key: NetworkKey }[] = [];

  constructor(keys: Iterable<EpochKey>) {
    for (const key of keys) this.add(key);
  }

  /** The newest key first. */
  keys(): readonly NetworkKey[] {
    return this.#keys.map(({ key }) => key);
  }

  newest(): EpochKey | undefined {
    const newest = this.#keys[0];
    return newest && { epoch: newest.epoch, secret: newest.key.secret };
  }

  /** For the store. */
  entries(): readonly EpochKey[] {
    return this.#keys.map(({ epoch, key }) => ({ epoch, secret: key.secret }));
  }

  /** True when the key is the newest now. Two revocations at once make two keys of one epoch: the greater bytes win. */
  add({ epoch, secret }: EpochKey): boolean {
    const key = networkKeyOf(secret);
    if (this.#keys.some((held) => held.epoch === epoch && compareBytes(held.key.secret, secret) === 0)) {
      return false;
    }
    this.#keys.push({ epoch, key });
    this.#keys.sort((a, b) => b.epoch - a.epoch || compareBytes(b.key.secret, a.key.secret));
    this.#keys.splice(keptKeys);
    return this.#keys[0]!.key === key;
  }

  /** A fresh key of the next epoch, in use from now on. */
  rotate(random: Random): EpochKey {
    const epoch = (this.#keys[0]?.epoch ?? 0) + 1;
    const { secret } = createNetworkKey(random);
    this.add({ epoch, secret });
    return { epoch, secret };
  }
}
