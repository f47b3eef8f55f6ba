/**
 * What the plugin keeps in the node's store:
 *
 *     ring/network              network id 16: everything below belongs to this network
 *     ring/grant/<slot>         CBOR map { r: signed grant, p: prefix, o: owner, f: grantor, n: version, e: epoch }
 *     ring/lease/<address>      CBOR map { o: owner, b: bits of the subnet }
 *     ring/rest/<address>       empty: released, and not to be given again for a while
 *
 * The fields of a grant stand beside the record so that a start need not check thousands of signatures: whoever can
 * write the store holds this node's keys anyway.
 */
import type { Lease } from "../../core/contracts/ipam.ts";
import type { Store, StoreChange } from "../../core/contracts/store.ts";
import type { Address, PeerId } from "../../core/contracts/values.ts";
import { maxCounter, readMap } from "../../core/identity/fields.ts";
import { isPeerId } from "../../core/identity/identity.ts";
import { formatAddress, parseAddress } from "../../core/wire/address.ts";
import { equalBytes } from "../../core/wire/bytes.ts";
import { encodeCbor } from "../../core/wire/cbor.ts";
import { addressWidth } from "../../core/wire/prefix.ts";
import { type Grant, grantId, maxGrantBytes, prefixFromBytes, prefixToBytes } from "./grant.ts";
import { slotOf } from "./ring.ts";

const root = "ring/";
const networkKey = `${root}network`;
const grants = `${root}grant/`;
const leases = `${root}lease/`;
const rests = `${root}rest/`;

const maxStoredBytes = 2048;
/** Of an owner's name. */
export const maxOwnerLength = 255;

export interface StoredRing {
  readonly grants: readonly Grant[];
  readonly leases: readonly Lease[];
  readonly resting: readonly Address[];
  /** Keys under which lies what cannot be read. */
  readonly unreadable: readonly string[];
  /** To be committed before anything else: marks the state as this network's, or removes that of another. */
  readonly first: readonly StoreChange[];
}

export function readStoredRing(store: Store, networkId: Uint8Array): StoredRing {
  const stored = store.get(networkKey);
  const mark = { key: networkKey, value: networkId };
  if (stored === undefined || !equalBytes(stored, networkId)) {
    const stale = [...store.entries(root)].map(([key]) => ({ key, value: undefined }));
    return { grants: [], leases: [], resting: [], unreadable: [], first: [...stale, mark] };
  }
  const unreadable: string[] = [];
  const read = <T>(prefix: string, one: (rest: string, value: Uint8Array) => T | undefined): T[] =>
    [...store.entries(prefix)].flatMap(([key, value]) => {
      const found = one(key.slice(prefix.length), value);
      if (found === undefined) unreadable.push(key);
      return found === undefined ? [] : [found];
    });
  return {
    grants: read(grants, (_, value) => readGrant(value)),
    leases: read(leases, readLease),
    resting: read(rests, parseAddress),
    unreadable,
    first: [],
  };
}

export function putGrant(grant: Grant): StoreChange {
  const { record, prefix, owner, from, version, epoch } = grant;
  const value = encodeCbor({ r: record, p: prefixToBytes(prefix), o: owner, f: from, n: version, e: epoch });
  return { key: grants + slotOf(grant), value };
}

export function removeGrant(grant: Grant): StoreChange {
  return { key: grants + slotOf(grant), value: undefined };
}

/** The address is in use now, so it does not rest. */
export function putLease({ owner, address, bits }: Lease): readonly StoreChange[] {
  return [
    { key: leases + formatAddress(address), value: encodeCbor({ o: owner, b: bits }) },
    removeRest(address),
  ];
}

/** The address rests from now on. */
export function removeLease({ address }: Lease): readonly StoreChange[] {
  const text = formatAddress(address);
  return [{ key: leases + text, value: undefined }, { key: rests + text, value: new Uint8Array() }];
}

export function removeRest(address: Address): StoreChange {
  return { key: rests + formatAddress(address), value: undefined };
}

function readGrant(value: Uint8Array): Grant | undefined {
  return readMap(value, maxStoredBytes, (fields) => {
    const record = fields.blob("r", maxGrantBytes);
    return {
      record,
      id: grantId(record),
      prefix: prefixFromBytes(fields.blob("p", 17)),
      owner: fields.text("o", isPeerId) as PeerId,
      from: fields.text("f", isPeerId) as PeerId,
      version: fields.integer("n", 1, maxCounter),
      epoch: fields.integer("e", 0, maxCounter),
    };
  });
}

function readLease(text: string, value: Uint8Array): Lease | undefined {
  const address = parseAddress(text);
  if (address === undefined) return undefined;
  return readMap(value, maxStoredBytes, (fields) => ({
    owner: fields.text("o", (owner) => owner.length >= 1 && owner.length <= maxOwnerLength),
    address,
    bits: fields.integer("b", 0, addressWidth(address.family)),
  }));
}
