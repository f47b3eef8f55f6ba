/**
 * What a node says on the channel `bridges` of the devices behind its bridges:
 *
 *     CBOR map { v: 1, d: [[MAC 6 bytes, milliseconds since 1970 of the first sight, address bytes, …], …],
 *                g: [MAC 6 bytes, …], q: [address bytes, …] }
 *
 * `d` are devices that are there, `g` those that are gone, `q` addresses that somebody asks for: whoever has a bridge asks
 * the devices behind it, and the answer is a device that is there. Each message stands for itself and says only what is in it, so
 * a lost one costs no more than the next repetition. The session says whose they are: nothing is signed, because nothing
 * is passed on, and it is forgotten with the session.
 */
import type { Address } from "../contracts/values.ts";
import { maxChannelMessage } from "../contracts/host.ts";
import { exactBytes, malformed, maxWallMillis, readMap, wholeNumber } from "../identity/fields.ts";
import { type ForeignDevice, mostDeviceAddresses } from "../forwarding/foreign_devices.ts";
import { isDeviceMac, isHostAddress } from "../forwarding/foreign_sighting.ts";
import { addressFromBytes } from "../wire/address.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { macLength } from "../wire/mac.ts";

export const foreignChannel = "bridges";

export interface ForeignMessage {
  readonly devices: readonly ForeignDevice[];
  readonly gone: readonly Uint8Array[];
  readonly sought: readonly Address[];
}

const version = 1;
/** Around the lists. */
const mapBytes = 16;
/** Of CBOR around a device with its MAC and its time, around an address and around the MAC of one that is gone. */
const deviceBytes = 1 + (1 + macLength) + 9;
const addressHeader = 1;
const goneBytes = 1 + macLength;
const mostSought = 16;
const mostInMessage = Math.ceil(maxChannelMessage / goneBytes);

/** In as few messages as hold them; none for nothing. */
export function* encodeForeign({ devices = [], gone = [], sought = [] }: Partial<ForeignMessage>): Iterable<
  Uint8Array
> {
  const empty = () => ({ d: [] as unknown[], g: [] as unknown[], q: [] as unknown[] });
  let part = empty();
  let room = maxChannelMessage - mapBytes;
  const items = [
    ...devices.map((device) => ({ key: "d", item: itemOf(device), size: sizeOf(device) }) as const),
    ...gone.map((mac) => ({ key: "g", item: mac, size: goneBytes }) as const),
    ...sought.map(({ bytes }) => ({ key: "q", item: bytes, size: addressHeader + bytes.length }) as const),
  ];
  for (const { key, item, size } of items) {
    if (size > room) {
      yield encodeCbor({ v: version, ...part });
      part = empty();
      room = maxChannelMessage - mapBytes;
    }
    part[key].push(item);
    room -= size;
  }
  if (part.d.length + part.g.length + part.q.length > 0) yield encodeCbor({ v: version, ...part });
}

/** Undefined for what a newer node or a liar says. */
export function decodeForeign(bytes: Uint8Array): ForeignMessage | undefined {
  return readMap(bytes, maxChannelMessage, (fields) => {
    fields.version("v", version);
    return {
      devices: fields.list("d", mostInMessage, readDevice),
      gone: fields.list("g", mostInMessage, readMac),
      sought: fields.list("q", mostSought, readAddress),
    };
  });
}

function itemOf({ mac, since, addresses }: ForeignDevice): unknown[] {
  return [mac, wholeNumber(since), ...addresses.map(({ bytes }) => bytes)];
}

function sizeOf({ addresses }: ForeignDevice): number {
  return addresses.reduce((sum, { bytes }) => sum + addressHeader + bytes.length, deviceBytes);
}

function readDevice(item: unknown): ForeignDevice {
  if (!Array.isArray(item) || item.length > 2 + mostDeviceAddresses) throw malformed("d");
  const [mac, since, ...addresses] = item as unknown[];
  if (typeof since !== "number" || !Number.isSafeInteger(since) || since < 0 || since > maxWallMillis) {
    throw malformed("d");
  }
  return { mac: readMac(mac), since, addresses: addresses.map(readAddress) };
}

function readMac(item: unknown): Uint8Array {
  const mac = exactBytes(item, macLength);
  if (!isDeviceMac(mac)) throw malformed("mac");
  return mac;
}

function readAddress(item: unknown): Address {
  const address = item instanceof Uint8Array ? addressFromBytes(item) : undefined;
  if (address === undefined || !isHostAddress(address)) throw malformed("address");
  return address;
}
