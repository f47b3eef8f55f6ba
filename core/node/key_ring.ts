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
  /** Digest of the revocations that its maker knew of, 16 bytes; absent while this node has not been told. */
  readonly exclusions?: Uint8Array | undefined;
}

interface HeldKey {
  readonly epoch: number;
  readonly key: NetworkKey;
  exclusions: Uint8Array | undefined;
}

/** Two nodes may have been away for a revocation each; more than that must be told by an operator. */
const keptKeys = 4;

export class KeyRing {
  readonly #keys: HeldKey[] = [];

  constructor(keys: Iterable<EpochKey>) {
    for (const key of keys) this.add(key);
  }

  /** The newest key first. */
  keys(): readonly NetworkKey[] {
    return this.#keys.map(({ key }) => key);
  }

  newest(): EpochKey | undefined {
    return this.entries()[0];
  }

  /** For the store. */
  entries(): readonly EpochKey[] {
    return this.#keys.map(({ epoch, key, exclusions }) => ({ epoch, secret: key.secret, exclusions }));
  }

  /** True when the key is the newest now. Two revocations at once make two keys of one epoch: the greater bytes win. */
  add({ epoch, secret, exclusions }: EpochKey): boolean {
    const key = networkKeyOf(secret);
    const known = this.#keys.find((held) =>
      held.epoch === epoch && compareBytes(held.key.secret, secret) === 0
    );
    if (known !== undefined) {
      known.exclusions ??= exclusions;
      return false;
    }
    this.#keys.push({ epoch, key, exclusions });
    this.#keys.sort((a, b) => b.epoch - a.epoch || compareBytes(b.key.secret, a.key.secret));
    this.#keys.splice(keptKeys);
    return this.#keys[0]!.key === key;
  }

  /** A fresh key of the next epoch, in use from now on. */
  rotate(random: Random, exclusions: Uint8Array): EpochKey {
    const epoch = (this.#keys[0]?.epoch ?? 0) + 1;
    const { secret } = createNetworkKey(random);
    const key = { epoch, secret, exclusions };
    this.add(key);
    return key;
  }
}
