/** The network that a node belongs to, in memory: what the founding record and the stored keys come to. */
import { MeshError } from "../contracts/errors.ts";
import type { Random } from "../contracts/host.ts";
import type { NetworkFacts } from "../contracts/membership.ts";
import type { StoreChange } from "../contracts/store.ts";
import { type Founding, networkFacts, openFounding } from "../identity/founding.ts";
import type { Secret } from "../identity/secret.ts";
import { type EpochKey, KeyRing } from "./key_ring.ts";
import { exclusionsOf, MemberRecords } from "./member_records.ts";
import { encodeNetwork, storeKeys } from "./state_records.ts";

export interface Network {
  readonly record: Uint8Array;
  readonly founding: Founding;
  readonly facts: NetworkFacts;
  readonly members: MemberRecords;
  readonly keys: KeyRing;
  passwordKey: Secret | undefined;
  /** What a newer version has stored beside the above. */
  readonly unknown?: Readonly<Record<string, unknown>> | undefined;
}

/** What a network starts with on this node. */
export interface NewNetwork {
  readonly founding: Uint8Array;
  readonly key: EpochKey;
  readonly passwordKey: Secret | undefined;
  readonly records: readonly Uint8Array[];
  readonly announcements: readonly Uint8Array[];
}

/** Throws `STATE_CORRUPT` when `record` is no founding record. */
export function openNetwork(
  record: Uint8Array,
  keys: readonly EpochKey[],
  { passwordKey, unknown }: Pick<Network, "passwordKey" | "unknown">,
): Network {
  const founding = openFounding(record);
  if (founding === undefined) {
    throw new MeshError(
      "STATE_CORRUPT",
      "The founding record of the network is damaged; reset this node and join anew",
    );
  }
  return {
    record,
    founding,
    facts: networkFacts(founding),
    members: new MemberRecords(founding),
    keys: new KeyRing(keys),
    passwordKey,
    unknown,
  };
}

/** A key to follow the newest one, made for who is shut out now and by `records`, and the change that keeps it. */
export function nextKey(
  network: Network,
  records: readonly Uint8Array[],
  random: Random,
): { readonly key: EpochKey; readonly change: StoreChange } {
  const keys = new KeyRing(network.keys.entries());
  const key = keys.rotate(random, exclusionsOf([...network.members.trust.revocations(), ...records]));
  return { key, change: networkChange({ ...network, keys, passwordKey: undefined }) };
}

/** For the store: what {@link openNetwork} needs. */
export function networkChange({ record, keys, passwordKey, unknown }: Network): StoreChange {
  const stored = { founding: record, keys: keys.entries(), passwordKey: passwordKey?.reveal(), unknown };
  return { key: storeKeys.network, value: encodeNetwork(stored) };
}
