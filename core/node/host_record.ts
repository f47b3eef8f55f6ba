/**
 * What the node remembers of the host's own place in the network:
 *
 *     node/host  CBOR map { v: 1, a: [[address, on-link bits], …], n: name or "", f: flags,
 *                s: [[kind, protocol, address to listen at or empty, port, target, port], …] }
 */
import { MeshError } from "../contracts/errors.ts";
import type { HostService } from "../contracts/exposure.ts";
import type { Lease } from "../contracts/ipam.ts";
import type { Store, StoreChange } from "../contracts/store.ts";
import type { Address } from "../contracts/values.ts";
import { malformed, readMap } from "../identity/fields.ts";
import { addressFromBytes, formatAddress, sameAddress } from "../wire/address.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { addressWidth, contains } from "../wire/prefix.ts";
import type { AddressWish } from "./endpoint_wish.ts";
import { storeKeys } from "./state_records.ts";

/** Of the host's leases. Not the namespace that it is: that has another number after a reboot. */
export const hostOwner = "host";

export interface HostRecord {
  /** In the order in which they were asked for. */
  readonly leases: readonly Lease[];
  readonly name: string | undefined;
  readonly masquerade: boolean;
  readonly randomFully: boolean;
  readonly noMasqLocal: boolean;
  readonly services: readonly HostService[];
}

export const unexposed: HostRecord = {
  leases: [],
  name: undefined,
  masquerade: true,
  randomFully: false,
  noMasqLocal: false,
  services: [],
};

export const mostServices = 1024;
const version = 1;
const flagNames = ["masquerade", "randomFully", "noMasqLocal"] as const;
const maxBytes = 262_144;
const maxName = 255;
const mostLeases = 64;

export function putHost(record: HostRecord): StoreChange {
  if (record.leases.length === 0 && record.services.length === 0) {
    return { key: storeKeys.host, value: undefined };
  }
  const { leases, name, services } = record;
  const value = encodeCbor({
    v: version,
    a: leases.map(({ address, bits }) => [address.bytes, bits]),
    n: name ?? "",
    f: flagNames.reduce((flags, flag, bit) => flags | (record[flag] ? 1 << bit : 0), 0),
    s: services.map(({ kind, protocol, listen, target }) => [
      kind,
      protocol,
      listen.address?.bytes ?? new Uint8Array(0),
      listen.port,
      target.address.bytes,
      target.port,
    ]),
  });
  return { key: storeKeys.host, value };
}

/** {@link unexposed} when there is none. Throws `UNSUPPORTED` for one of a newer version, `STATE_CORRUPT`. */
export function readHost(store: Store): HostRecord {
  const value = store.get(storeKeys.host);
  if (value === undefined) return unexposed;
  const writtenBy = readMap(value, maxBytes, (fields) => fields.integer("v", 0, Number.MAX_SAFE_INTEGER));
  if (writtenBy !== undefined && writtenBy > version) {
    throw new MeshError(
      "UNSUPPORTED",
      "Cannot read how the host is exposed: it was written by a newer version; start that one",
    );
  }
  const record = readMap(value, maxBytes, (fields) => {
    fields.version("v", version);
    const flags = fields.integer("f", 0, 0xffff);
    const name = fields.text("n", (text) => text.length <= maxName);
    const isSet = (flag: (typeof flagNames)[number]) => (flags & (1 << flagNames.indexOf(flag))) !== 0;
    return {
      leases: fields.list("a", mostLeases, readLease),
      name: name === "" ? undefined : name,
      masquerade: isSet("masquerade"),
      randomFully: isSet("randomFully"),
      noMasqLocal: isSet("noMasqLocal"),
      services: fields.list("s", mostServices, readService),
    };
  });
  if (record !== undefined) return record;
  throw new MeshError("STATE_CORRUPT", "Cannot read how the host is exposed: the record is damaged");
}

function readLease(item: unknown): Lease {
  const [bytes, bits] = Array.isArray(item) ? item : [];
  const address = readAddress(bytes);
  if (!Number.isInteger(bits) || bits < 0 || bits > addressWidth(address.family)) throw malformed("a");
  return { owner: hostOwner, address, bits };
}

function readService(item: unknown): HostService {
  const [kind, protocol, listenBytes, listenPort, targetBytes, targetPort] = Array.isArray(item) ? item : [];
  if (kind !== "export" && kind !== "import") throw malformed("s");
  if (protocol !== "tcp" && protocol !== "udp") throw malformed("s");
  const isAny = listenBytes instanceof Uint8Array && listenBytes.length === 0;
  const address = isAny ? undefined : readAddress(listenBytes);
  const target = { address: readAddress(targetBytes), port: readPort(targetPort) };
  if (address !== undefined && address.family !== target.address.family) throw malformed("s");
  return { kind, protocol, listen: { address, port: readPort(listenPort) }, target };
}

function readAddress(bytes: unknown): Address {
  const address = bytes instanceof Uint8Array ? addressFromBytes(bytes) : undefined;
  if (address === undefined) throw malformed("address");
  return address;
}

function readPort(port: unknown): number {
  if (typeof port !== "number" || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw malformed("port");
  }
  return port;
}

export function isSameLeases(left: readonly Lease[], right: readonly Lease[]): boolean {
  return left.map(leaseText).join() === right.map(leaseText).join();
}

/** `10.32.0.9/12`. */
export function leaseText({ address, bits }: Lease): string {
  return `${formatAddress(address)}/${bits}`;
}

/** Whether the wish, said once more, would mean this lease. */
export function isLeaseOf(wish: AddressWish, { address, bits }: Lease): boolean {
  if (wish.kind === "claim") return sameAddress(wish.address, address);
  return contains(wish.subnet, address) && wish.subnet.bits === bits;
}
