/**
 * The node's own keys in the store, and their forms: the one place that knows what is on disk.
 *
 *     node/identity      see `identity.ts`; written once, never again
 *     node/name          CBOR map { v: 1, n: name }
 *     node/network       CBOR map { v: 1, f: founding record, k: [[epoch, secret 32, digest 16 or null], …],
 *                        p: password key 32 or null }
 *     node/sequence      CBOR map { v: 1, q: how many announcements this node has signed }
 *     node/record/<id>   an admission or a revocation, as signed
 *     node/peer/<id>     the newest announcement of a peer, as signed
 *     node/token/<id>    CBOR map { v: 1, expires: seconds, epoch }
 *     node/endpoint/<o>  see `endpoint_record.ts`, by owner
 *     node/host          see `host_record.ts`
 *     node/voters/…      see `voting.ts`
 *
 * A version above the one known here ends the start with UNSUPPORTED: an older program must not write over what it
 * cannot read. A field that is unknown under a known version stays when the map is written again, at the top of
 * `node/network` and `node/sequence`; all other values are written whole, with all there is to say.
 */
import { MeshError } from "../contracts/errors.ts";
import type { Store, StoreChange } from "../contracts/store.ts";
import type { PeerId } from "../contracts/values.ts";
import { isNewerRecord, recordId } from "../identity/signed.ts";
import { decodeCbor, encodeCbor } from "../wire/cbor.ts";
import { encodeHex } from "../wire/hex.ts";
import type { EpochKey } from "./key_ring.ts";

export const storeKeys = {
  identity: "node/identity",
  name: "node/name",
  network: "node/network",
  sequence: "node/sequence",
  /** Admissions and revocations, by record id. */
  records: "node/record/",
  /** Announcements, by peer. */
  peers: "node/peer/",
  /** Tokens made here, by token id. Never the secret. */
  tokens: "node/token/",
  /** What is attached in namespaces of this host, by owner. */
  endpoints: "node/endpoint/",
  /** Addresses and services of the host itself. */
  host: "node/host",
  /** Bridges of the host that are joined. */
  bridges: "node/bridges",
} as const;

type UnknownFields = Readonly<Record<string, unknown>>;

export interface StoredNetwork {
  readonly founding: Uint8Array;
  readonly keys: readonly EpochKey[];
  /** Key derived from the network's password, when it has one. */
  readonly passwordKey: Uint8Array | undefined;
  /** What a newer version has stored beside these. */
  readonly unknown?: UnknownFields | undefined;
}

const version = 1;

export function encodeNetwork({ founding, keys, passwordKey, unknown }: StoredNetwork): Uint8Array {
  return encodeCbor({
    ...unknown,
    v: version,
    f: founding,
    k: keys.map(({ epoch, secret, exclusions }) => [epoch, secret, exclusions ?? null]),
    p: passwordKey ?? null,
  });
}

/** Undefined when there is no network yet. Throws `STATE_CORRUPT` or, for a newer form, `UNSUPPORTED`. */
export function readNetwork(store: Store): StoredNetwork | undefined {
  const map = readVersioned(store, storeKeys.network);
  if (map === undefined) return undefined;
  const { v: _, f: founding, k: keys, p: passwordKey, ...unknown } = map;
  if (!(founding instanceof Uint8Array) || !Array.isArray(keys) || keys.length === 0) throw corrupt();
  return {
    founding,
    keys: keys.map(readKey),
    passwordKey: passwordKey instanceof Uint8Array ? passwordKey : undefined,
    ...(Object.keys(unknown).length > 0 && { unknown }),
  };
}

/** The name that the network knows this node by. Throws as {@link readNetwork}. */
export function readName(store: Store): string | undefined {
  const name = readVersioned(store, storeKeys.name)?.["n"];
  if (name === undefined && store.get(storeKeys.name) === undefined) return undefined;
  if (typeof name !== "string") throw corrupt();
  return name;
}

export function nameChange(name: string): StoreChange {
  return { key: storeKeys.name, value: encodeCbor({ v: version, n: name }) };
}

/** How many announcements this node has signed. Throws as {@link readNetwork}. */
export function readSequence(store: Store): number {
  const map = readVersioned(store, storeKeys.sequence);
  if (map === undefined) return 0;
  const sequence = map["q"];
  if (typeof sequence !== "number" || !Number.isSafeInteger(sequence) || sequence < 0) throw corrupt();
  return sequence;
}

export function sequenceChange(store: Store, sequence: number): StoreChange {
  const q = sequence > 0xffff_ffff ? BigInt(sequence) : sequence;
  const value = encodeCbor({ ...readVersioned(store, storeKeys.sequence), v: version, q });
  return { key: storeKeys.sequence, value };
}

/** Signed records as they lie under `prefix`. Throws `UNSUPPORTED` for one that only a newer version can open. */
export function readRecords(store: Store, prefix: string): readonly (readonly [string, Uint8Array])[] {
  const records = [...store.entries(prefix)];
  if (records.some(([, record]) => isNewerRecord(record))) throw newer();
  return records;
}

export function recordChange(record: Uint8Array): StoreChange {
  return { key: storeKeys.records + encodeHex(recordId(record)), value: record };
}

/** `id`: hex of the record's. */
export function droppedChange(id: string): StoreChange {
  return { key: storeKeys.records + id, value: undefined };
}

export function peerChange(peer: PeerId, record: Uint8Array | undefined): StoreChange {
  return { key: storeKeys.peers + peer, value: record };
}

function readVersioned(store: Store, key: string): Readonly<Record<string, unknown>> | undefined {
  const bytes = store.get(key);
  if (bytes === undefined) return undefined;
  const map = readMap(bytes);
  const writtenBy = map["v"];
  if (typeof writtenBy === "number" && writtenBy > version) throw newer();
  if (writtenBy !== version) throw corrupt();
  return map;
}

function readMap(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  let decoded: unknown;
  try {
    decoded = decodeCbor(bytes);
  } catch (error) {
    throw corrupt(error);
  }
  if (typeof decoded !== "object" || decoded === null) throw corrupt();
  return decoded as Record<string, unknown>;
}

function readKey(value: unknown): EpochKey {
  const [epoch, secret, exclusions] = Array.isArray(value) ? value : [];
  if (!Number.isSafeInteger(epoch) || epoch < 1 || !(secret instanceof Uint8Array) || secret.length !== 32) {
    throw corrupt();
  }
  const isTold = exclusions instanceof Uint8Array && exclusions.length === 16;
  return { epoch, secret, exclusions: isTold ? exclusions : undefined };
}

function newer(): MeshError {
  return new MeshError(
    "UNSUPPORTED",
    "Cannot read the state of this node: it was written by a newer version; start that one",
  );
}

function corrupt(cause?: unknown): MeshError {
  return new MeshError(
    "STATE_CORRUPT",
    "Cannot read the network of this node: its record is damaged; reset and join anew",
    { cause },
  );
}
