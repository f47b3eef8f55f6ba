/** The node's own keys in the store, and their forms: the one place that knows what is on disk. */
import { MeshError } from "../contracts/errors.ts";
import type { Store, StoreChange } from "../contracts/store.ts";
import { recordId } from "../identity/signed.ts";
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
} as const;

export interface StoredNetwork {
  readonly founding: Uint8Array;
  readonly keys: readonly EpochKey[];
  /** Key derived from the network's password, when it has one. */
  readonly passwordKey: Uint8Array | undefined;
}

const version = 1;

export function encodeNetwork({ founding, keys, passwordKey }: StoredNetwork): Uint8Array {
  return encodeCbor({
    v: version,
    f: founding,
    k: keys.map(({ epoch, secret, exclusions }) => [epoch, secret, exclusions ?? null]),
    p: passwordKey ?? null,
  });
}

/** Undefined when there is no network yet. Throws `STATE_CORRUPT` or, for a newer form, `UNSUPPORTED`. */
export function readNetwork(store: Store): StoredNetwork | undefined {
  const bytes = store.get(storeKeys.network);
  if (bytes === undefined) return undefined;
  const map = readMap(bytes);
  if (typeof map["v"] === "number" && map["v"] > version) {
    throw new MeshError(
      "UNSUPPORTED",
      `Cannot read the network of this node: it was written by a newer version`,
    );
  }
  const [founding, keys, passwordKey] = [map["f"], map["k"], map["p"]];
  if (
    map["v"] !== version || !(founding instanceof Uint8Array) || !Array.isArray(keys) || keys.length === 0
  ) {
    throw corrupt();
  }
  return {
    founding,
    keys: keys.map(readKey),
    passwordKey: passwordKey instanceof Uint8Array ? passwordKey : undefined,
  };
}

/** How many announcements this node has signed. Throws `STATE_CORRUPT`. */
export function readSequence(store: Store): number {
  const bytes = store.get(storeKeys.sequence);
  if (bytes === undefined) return 0;
  const text = new TextDecoder().decode(bytes);
  const sequence = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(sequence)) throw corrupt();
  return sequence;
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

function corrupt(cause?: unknown): MeshError {
  return new MeshError(
    "STATE_CORRUPT",
    "Cannot read the network of this node: its record is damaged; reset and join anew",
    { cause },
  );
}

export function recordChange(record: Uint8Array): StoreChange {
  return { key: storeKeys.records + encodeHex(recordId(record)), value: record };
}
