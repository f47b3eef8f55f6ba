/**
 * What the node remembers of an attached namespace, so that the next start goes on where this one ended:
 *
 *     node/endpoint/<owner>  CBOR map { v: 1, p: path, x: [kind, name] of where, w: wish as text (less the addresses), a: [[address, on-link bits], …], n: name or "",
 *                            s: namespace, l: [[label, value], …], m: MTU, e: MAC or empty, f: flags }
 *
 * The policy's namespace and labels are kept apart from the wish, which is only ever compared.
 */
import { MeshError } from "../contracts/errors.ts";
import type { Lease } from "../contracts/ipam.ts";
import type { LinkOptions, Place, Where } from "../contracts/port.ts";
import type { Store, StoreChange } from "../contracts/store.ts";
import { malformed, readMap } from "../identity/fields.ts";
import { addressFromBytes } from "../wire/address.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { addressWidth } from "../wire/prefix.ts";
import type { EndpointWish } from "./endpoint_wish.ts";
import { storeKeys } from "./state_records.ts";

export interface EndpointRecord {
  readonly owner: string;
  /** Opens the namespace. */
  readonly path: string;
  /** As it was said. */
  readonly where: Where;
  /** The wish that it answers, see `endpoint_wish.ts`. */
  readonly wish: string;
  readonly leases: readonly Lease[];
  readonly name: string | undefined;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly mtu: number;
  readonly link: LinkOptions;
}

/** What a record is made of. */
export interface Made {
  readonly place: Place;
  readonly where: Where;
  readonly wish: EndpointWish;
}

export function recordOf({ place, where, wish }: Made, leases: readonly Lease[]): EndpointRecord {
  const { name, namespace, labels, mtu, mac, allowLayer2, multicastRoute } = wish;
  const link = { allowLayer2, multicastRoute, ...mac !== undefined && { mac } };
  return { ...place, where, wish: wish.text, leases, name, namespace, labels, mtu, link };
}

const version = 1;
const allowsLayer2 = 1;
const hasMulticast = 2;
const maxBytes = 65_536;
const maxText = 16_384;
/** Of one endpoint. */
export const mostLeases = 64;
const largestMtu = 65_535;

export function putEndpoint(record: EndpointRecord): StoreChange {
  const { owner, path, where, wish, leases, name, namespace, labels, mtu, link } = record;
  const value = encodeCbor({
    v: version,
    p: path,
    x: Object.entries(where),
    w: wish,
    a: leases.map(({ address, bits }) => [address.bytes, bits]),
    n: name ?? "",
    s: namespace,
    l: Object.entries(labels),
    m: mtu,
    e: link.mac ?? new Uint8Array(0),
    f: (link.allowLayer2 === true ? allowsLayer2 : 0) | (link.multicastRoute === false ? 0 : hasMulticast),
  });
  return { key: storeKeys.endpoints + owner, value };
}

export function removeEndpoint(owner: string): StoreChange {
  return { key: storeKeys.endpoints + owner, value: undefined };
}

/** Those that can be read, and the keys of those that cannot. Throws `UNSUPPORTED` for one of a newer version. */
export function readEndpoints(
  store: Store,
): { readonly records: readonly EndpointRecord[]; readonly unreadable: readonly string[] } {
  const records: EndpointRecord[] = [];
  const unreadable: string[] = [];
  for (const [key, value] of store.entries(storeKeys.endpoints)) {
    requireReadable(value);
    const record = readEndpoint(key.slice(storeKeys.endpoints.length), value);
    if (record === undefined) unreadable.push(key);
    else records.push(record);
  }
  return { records, unreadable };
}

function requireReadable(value: Uint8Array): void {
  const writtenBy = readMap(value, maxBytes, (fields) => fields.integer("v", 0, Number.MAX_SAFE_INTEGER));
  if (writtenBy === undefined || writtenBy <= version) return;
  throw new MeshError(
    "UNSUPPORTED",
    "Cannot read the endpoints of this node: they were written by a newer version; start that one",
  );
}

function readEndpoint(owner: string, value: Uint8Array): EndpointRecord | undefined {
  return readMap(value, maxBytes, (fields) => {
    fields.version("v", version);
    const text = (key: string) => fields.text(key, (each) => each.length <= maxText);
    const mac = fields.blob("e", 6);
    if (mac.length % 6 !== 0) throw malformed("e");
    const flags = fields.integer("f", 0, 0xffff);
    const name = text("n");
    return {
      owner,
      path: text("p"),
      where: Object.fromEntries(fields.list("x", mostLeases, readPair)),
      wish: text("w"),
      leases: fields.list("a", mostLeases, (item) => readLease(owner, item)),
      name: name === "" ? undefined : name,
      namespace: text("s"),
      labels: Object.fromEntries(fields.list("l", mostLeases, readPair)),
      mtu: fields.integer("m", 0, largestMtu),
      link: {
        allowLayer2: (flags & allowsLayer2) !== 0,
        multicastRoute: (flags & hasMulticast) !== 0,
        ...mac.length === 6 && { mac },
      },
    };
  });
}

function readLease(owner: string, item: unknown): Lease {
  const [bytes, bits] = Array.isArray(item) ? item : [];
  const address = bytes instanceof Uint8Array ? addressFromBytes(bytes) : undefined;
  if (address === undefined || !Number.isInteger(bits)) throw malformed("a");
  if (bits < 0 || bits > addressWidth(address.family)) throw malformed("a");
  return { owner, address, bits };
}

function readPair(item: unknown): readonly [string, string] {
  const [key, value] = Array.isArray(item) ? item : [];
  if (typeof key !== "string" || typeof value !== "string") throw malformed("pair");
  return [key, value];
}
