/**
 * Which bridges of the host this node has joined:
 *
 *     node/bridges  CBOR map { v: 1, d: [name, …] }
 */
import { MeshError } from "../contracts/errors.ts";
import type { Store, StoreChange } from "../contracts/store.ts";
import { malformed, readMap } from "../identity/fields.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { storeKeys } from "./state_records.ts";

const version = 1;
const maxBytes = 4_096;
export const mostBridges = 64;

export function putBridges(devices: readonly string[]): StoreChange {
  const value = devices.length === 0 ? undefined : encodeCbor({ v: version, d: devices });
  return { key: storeKeys.bridges, value };
}

/** None when there is no record. Throws `UNSUPPORTED` for one of a newer version, `STATE_CORRUPT`. */
export function readBridges(store: Store): readonly string[] {
  const value = store.get(storeKeys.bridges);
  if (value === undefined) return [];
  const writtenBy = readMap(value, maxBytes, (fields) => fields.integer("v", 0, Number.MAX_SAFE_INTEGER));
  if (writtenBy !== undefined && writtenBy > version) {
    throw new MeshError(
      "UNSUPPORTED",
      "Cannot read which bridges are joined: it was written by a newer version; start that one",
    );
  }
  const devices = readMap(value, maxBytes, (fields) => {
    fields.version("v", version);
    return fields.list("d", mostBridges, readName);
  });
  if (devices !== undefined) return devices;
  throw new MeshError("STATE_CORRUPT", "Cannot read which bridges are joined: the record is damaged");
}

/** A name that Linux takes, and nothing that means something to a shell. */
function readName(item: unknown): string {
  if (typeof item !== "string" || !/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$/.test(item)) throw malformed("d");
  return item;
}
