/** The network that a node belongs to, in memory: what the founding record and the stored keys come to. */
import { MeshError } from "../contracts/errors.ts";
import type { Random } from "../contracts/host.ts";
import type { NetworkFacts } from "../contracts/membership.ts";
import type { StoreChange } from "../contracts/store.ts";
import { type Founding, networkFacts, openFounding } from "../identity/founding.ts";
import { recordsDigest } from "../identity/records_digest.ts";
import { openRevocation } from "../identity/revocation.ts";
import type { Secret } from "../identity/secret.ts";
import { Trust } from "../identity/trust.ts";
import { type EpochKey, KeyRing } from "./key_ring.ts";
import { encodeNetwork, storeKeys } from "./state_records.ts";

export interface Network {
  readonly record: Uint8Array;
  readonly founding: Founding;
  readonly facts: NetworkFacts;
  readonly trust: Trust;
  readonly keys: KeyRing;
  passwordKey: Secret | undefined;
}

/** Throws `STATE_CORRUPT` when `record` is no founding record. */
export function openNetwork(
  record: Uint8Array,
  keys: readonly EpochKey[],
  passwordKey: Secret | undefined,
): Network {
  const founding = openFounding(record);
  if (founding === undefined) {
    throw new MeshError(
      "STATE_CORRUPT",
      "The founding record of the network is damaged; reset this node and join anew",
    );
  }
  const trust = new Trust(founding);
  return { record, founding, facts: networkFacts(founding), trust, keys: new KeyRing(keys), passwordKey };
}

/** Over the revocations among `records`: 16 bytes, whatever their order. */
export function exclusionsOf(records: readonly Uint8Array[]): Uint8Array {
  return recordsDigest(records.filter((record) => openRevocation(record) !== undefined));
}

/** A key to follow the newest one, made for who is shut out now and by `records`, and the change that keeps it. */
export function nextKey(
  network: Network,
  records: readonly Uint8Array[],
  random: Random,
): { readonly key: EpochKey; readonly change: StoreChange } {
  const keys = new KeyRing(network.keys.entries());
  const key = keys.rotate(random, exclusionsOf([...network.trust.records(), ...records]));
  return { key, change: networkChange({ ...network, keys, passwordKey: undefined }) };
}

/** For the store: what {@link openNetwork} needs. */
export function networkChange({ record, keys, passwordKey }: Network): StoreChange {
  const stored = { founding: record, keys: keys.entries(), passwordKey: passwordKey?.reveal() };
  return { key: storeKeys.network, value: encodeNetwork(stored) };
}
