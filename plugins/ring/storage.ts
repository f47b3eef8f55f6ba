/**
 * What the plugin keeps in the node's store:
 *
 *     ring/network              { v: 1, i: network id 16 }: everything below belongs to this network
 *     ring/grant/<slot>         { v: 1, r: signed grant, p: prefix, o: owner, f: grantor, n: version, e: epoch }
 *     ring/takeover/<number>    { v: 1, n: number, f: recovery number, b: takeover as decided, a: its rest is over, 0 or 1 }
 *     ring/lease/<address>      { v: 1, o: owner, b: bits of the subnet }
 *     ring/rest/<address>       { v: 1 }: released, and not to be given again for a while
 *     ring/doubt                { v: 1 }: what this node has granted may be more than lies here
 *
 * CBOR maps, each written once and whole: none is ever read, changed and written again, so no field of a newer version
 * can get lost. A map of a newer version ends the start, for what it says might be that an address is in use.
 *
 * The fields of a grant stand beside the record so that a start need not check thousands of signatures: whoever can
 * write the store holds this node's keys anyway.
 */
import { MeshError } from "../../core/contracts/errors.ts";
import type { Lease } from "../../core/contracts/ipam.ts";
import type { Store, StoreChange } from "../../core/contracts/store.ts";
import type { Address, PeerId } from "../../core/contracts/values.ts";
import { malformed, maxCounter, readMap } from "../../core/identity/fields.ts";
import { isPeerId } from "../../core/identity/identity.ts";
import { formatAddress, parseAddress } from "../../core/wire/address.ts";
import { equalBytes } from "../../core/wire/bytes.ts";
import { encodeCbor } from "../../core/wire/cbor.ts";
import { addressWidth } from "../../core/wire/prefix.ts";
import { type Grant, grantId, maxGrantBytes, prefixFromBytes, prefixToBytes } from "./grant.ts";
import { slotOf } from "./ring.ts";
import { type Takeover, takeoverOf } from "./takeover.ts";

const root = "ring/";
const networkKey = `${root}network`;
const grants = `${root}grant/`;
const takeovers = `${root}takeover/`;
const leases = `${root}lease/`;
const rests = `${root}rest/`;
const doubtKey = `${root}doubt`;

const version = 1;
const maxStoredBytes = 2048;
/** Of an owner's name. */
export const maxOwnerLength = 255;

export interface StoredTakeover extends Takeover {
  /** Whether what its heir got may be given to anybody. */
  readonly hasRested: boolean;
}

export interface StoredRing {
  readonly grants: readonly Grant[];
  readonly takeovers: readonly StoredTakeover[];
  readonly leases: readonly Lease[];
  readonly resting: readonly Address[];
  readonly isDoubtful: boolean;
  /** Keys under which lies what cannot be read. */
  readonly unreadable: readonly string[];
  /** To be committed before anything else: marks the state as this network's, or removes that of another. */
  readonly first: readonly StoreChange[];
}

/** Throws `UNSUPPORTED` when a newer version has written any of it. */
export function requireReadable(store: Store): void {
  for (const [key, value] of store.entries(root)) {
    const writtenBy = readMap(value, maxStoredBytes, (fields) => fields.integer("v", 0, maxCounter));
    if (writtenBy === undefined || writtenBy <= version) continue;
    throw new MeshError(
      "UNSUPPORTED",
      `Cannot read ${key} of this node: it has format ${writtenBy}, this program knows ${version}; ` +
        "start the newer version",
      { details: { path: key } },
    );
  }
}

export function readStoredRing(store: Store, networkId: Uint8Array): StoredRing {
  const mark = { key: networkKey, value: encodeCbor({ v: version, i: networkId }) };
  if (!isOfNetwork(store.get(networkKey), networkId)) {
    const stale = [...store.entries(root)].map(([key]) => ({ key, value: undefined }));
    const first = [...stale, mark];
    return { grants: [], takeovers: [], leases: [], resting: [], isDoubtful: false, unreadable: [], first };
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
    takeovers: read(takeovers, (_, value) => readTakeover(value)),
    leases: read(leases, readLease),
    resting: read(rests, readRest),
    isDoubtful: store.get(doubtKey) !== undefined,
    unreadable,
    first: [],
  };
}

function isOfNetwork(stored: Uint8Array | undefined, networkId: Uint8Array): boolean {
  const id = stored && readMap(stored, maxStoredBytes, (fields) => {
    fields.version("v", version);
    return fields.bytes("i", 16);
  });
  return id !== undefined && equalBytes(id, networkId);
}

export function putGrant(grant: Grant): StoreChange {
  const { record, prefix, owner, from, epoch } = grant;
  const value = encodeCbor({
    v: version,
    r: record,
    p: prefixToBytes(prefix),
    o: owner,
    f: from,
    n: grant.version,
    e: epoch,
  });
  return { key: grants + slotOf(grant), value };
}

export function removeGrant(grant: Grant): StoreChange {
  return { key: grants + slotOf(grant), value: undefined };
}

export function putTakeover({ number, recovery, payload, hasRested }: StoredTakeover): StoreChange {
  const value = encodeCbor({ v: version, n: number, f: recovery, b: payload, a: hasRested ? 1 : 0 });
  return { key: takeovers + number, value };
}

export function removeTakeover({ number }: Takeover): StoreChange {
  return { key: takeovers + number, value: undefined };
}

/** The address is in use now, so it does not rest. */
export function putLease({ owner, address, bits }: Lease): readonly StoreChange[] {
  return [
    { key: leases + formatAddress(address), value: encodeCbor({ v: version, o: owner, b: bits }) },
    removeRest(address),
  ];
}

/** The address rests from now on. */
export function removeLease({ address }: Lease): readonly StoreChange[] {
  const text = formatAddress(address);
  return [{ key: leases + text, value: undefined }, { key: rests + text, value: encodeCbor({ v: version }) }];
}

export const putDoubt: StoreChange = { key: doubtKey, value: encodeCbor({ v: version }) };
export const removeDoubt: StoreChange = { key: doubtKey, value: undefined };

export function removeRest(address: Address): StoreChange {
  return { key: rests + formatAddress(address), value: undefined };
}

function readGrant(value: Uint8Array): Grant | undefined {
  return readMap(value, maxStoredBytes, (fields) => {
    fields.version("v", version);
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

function readTakeover(value: Uint8Array): StoredTakeover | undefined {
  return readMap(value, maxStoredBytes, (fields) => {
    fields.version("v", version);
    const takeover = takeoverOf({
      number: fields.integer("n", 1, maxCounter),
      recovery: fields.integer("f", 0, maxCounter),
      payload: fields.blob("b", maxStoredBytes),
    });
    if (takeover === undefined) throw malformed("a takeover");
    return { ...takeover, hasRested: fields.integer("a", 0, 1) === 1 };
  });
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
