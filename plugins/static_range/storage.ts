/**
 * What the plugin keeps in the node's store:
 *
 *     static_range/network            { v: 1, i: network id 16 }: everything below belongs to this network
 *     static_range/lease/<address>    { v: 1, o: owner, b: bits of the subnet }
 *     static_range/rest/<address>     { v: 1 }: released, and not to be given again for a while
 *
 * CBOR maps, each written once and whole. One of a newer version ends the start, for what it says might be that an address
 * is in use. What cannot be read is left where it is.
 */
import { MeshError } from "../../core/contracts/errors.ts";
import type { Lease } from "../../core/contracts/ipam.ts";
import type { Store, StoreChange } from "../../core/contracts/store.ts";
import type { Address } from "../../core/contracts/values.ts";
import { maxCounter, readMap } from "../../core/identity/fields.ts";
import { formatAddress, parseAddress } from "../../core/wire/address.ts";
import { equalBytes } from "../../core/wire/bytes.ts";
import { encodeCbor } from "../../core/wire/cbor.ts";
import { addressWidth } from "../../core/wire/prefix.ts";

const root = "static_range/";
const networkKey = `${root}network`;
const leases = `${root}lease/`;
const rests = `${root}rest/`;

const version = 1;
const maxStoredBytes = 2048;
/** Of an owner's name. */
export const maxOwnerLength = 255;

export interface StoredLeases {
  readonly leases: readonly Lease[];
  readonly resting: readonly Address[];
  /** Keys under which lies what cannot be read. */
  readonly unreadable: readonly string[];
  /** To be committed before anything else: marks the state as this network's, or removes that of another. */
  readonly first: readonly StoreChange[];
}

/** Throws `UNSUPPORTED` when a newer version has written any of it. */
export function readStored(store: Store, networkId: Uint8Array): StoredLeases {
  requireReadable(store);
  if (!isOfNetwork(store.get(networkKey), networkId)) {
    const stale = [...store.entries(root)].map(([key]) => ({ key, value: undefined }));
    const mark = { key: networkKey, value: encodeCbor({ v: version, i: networkId }) };
    return { leases: [], resting: [], unreadable: [], first: [...stale, mark] };
  }
  const unreadable: string[] = [];
  const read = <T>(prefix: string, one: (text: string, value: Uint8Array) => T | undefined): T[] =>
    [...store.entries(prefix)].flatMap(([key, value]) => {
      const found = one(key.slice(prefix.length), value);
      if (found === undefined) unreadable.push(key);
      return found === undefined ? [] : [found];
    });
  return { leases: read(leases, readLease), resting: read(rests, readRest), unreadable, first: [] };
}

/** The address is in use now, so it does not rest. */
export function putLease({ owner, address, bits }: Lease): readonly StoreChange[] {
  return [
    { key: leases + formatAddress(address), value: encodeCbor({ v: version, o: owner, b: bits }) },
    { key: rests + formatAddress(address), value: undefined },
  ];
}

/** The address rests from now on. */
export function removeLease({ address }: Lease): readonly StoreChange[] {
  const text = formatAddress(address);
  return [{ key: leases + text, value: undefined }, { key: rests + text, value: encodeCbor({ v: version }) }];
}

function requireReadable(store: Store): void {
  for (const [path, value] of store.entries(root)) {
    const writtenBy = readMap(value, maxStoredBytes, (fields) => fields.integer("v", 0, maxCounter));
    if (writtenBy === undefined || writtenBy <= version) continue;
    throw new MeshError(
      "UNSUPPORTED",
      `Cannot read ${path} of this node: it has format ${writtenBy}, this program knows ${version}; ` +
        "start the newer version",
      { details: { path } },
    );
  }
}

function isOfNetwork(stored: Uint8Array | undefined, networkId: Uint8Array): boolean {
  const id = stored && readMap(stored, maxStoredBytes, (fields) => {
    fields.version("v", version);
    return fields.bytes("i", 16);
  });
  return id !== undefined && equalBytes(id, networkId);
}

function readLease(text: string, value: Uint8Array): Lease | undefined {
  const address = parseAddress(text);
  if (address === undefined) return undefined;
  return readMap(value, maxStoredBytes, (fields) => {
    fields.version("v", version);
    return {
      owner: fields.text("o", (owner) => owner.length >= 1 && owner.length <= maxOwnerLength),
      address,
      bits: fields.integer("b", 0, addressWidth(address.family)),
    };
  });
}

function readRest(text: string, value: Uint8Array): Address | undefined {
  const isWritten = readMap(value, maxStoredBytes, (fields) => fields.integer("v", version, version));
  return isWritten === undefined ? undefined : parseAddress(text);
}
