/**
 * Devices behind the bridges that this node has joined, learned from what they send. Pure: time is handed in.
 *
 * A MAC is learned from every frame, an address only from what its holder says of itself in ARP and neighbour discovery.
 * To learn the sources of IP packets was rejected: a router behind a bridge would bring half the Internet into the table,
 * and with it into the routes of all nodes.
 */
import type { Address, Millis, WallMillis } from "../contracts/values.ts";
import { sameAddress } from "../wire/address.ts";
import { macToNumber } from "../wire/mac.ts";

/** What a node announces at most; a /24 of machines, twice. More would be a network to route to, not to bridge. */
export const mostDevices = 512;
/** Of one device: an IPv4 address, an IPv6 one that stays, and two that change. */
export const mostDeviceAddresses = 4;
/** Silence after which a device, or an address of it, is forgotten: as bridges of this size have it. */
export const deviceAge: Millis = 600_000;

/** What a node says of a device behind one of its bridges. */
export interface ForeignDevice {
  readonly mac: Uint8Array;
  /** When its node saw it first, by the wall clock of that node: of two claims the earlier one counts. */
  readonly since: WallMillis;
  readonly addresses: readonly Address[];
}

interface Learned {
  readonly mac: Uint8Array;
  readonly since: WallMillis;
  heard: Millis;
  addresses: { readonly address: Address; heard: Millis }[];
}

/** What a frame says of its sender. `addresses` are its own. */
export interface Sighting {
  readonly mac: Uint8Array;
  readonly addresses: readonly Address[];
}

export class ForeignDevices {
  readonly #devices = new Map<number, Learned>();

  get size(): number {
    return this.#devices.size;
  }

  /** True when it says something new. A device more than there is room for is not taken: those known go on. */
  learn({ mac, addresses }: Sighting, now: Millis, wall: WallMillis): boolean {
    const key = macToNumber(mac);
    let device = this.#devices.get(key);
    const isNew = device === undefined;
    if (device === undefined) {
      if (this.#devices.size >= mostDevices) return false;
      device = { mac: mac.slice(), since: wall, heard: now, addresses: [] };
      this.#devices.set(key, device);
    }
    device.heard = now;
    let hasNews = isNew;
    for (const address of addresses) hasNews = this.#learnAddress(device, address, now) || hasNews;
    return hasNews;
  }

  /** True when a device or an address was silent for too long and is gone. */
  age(now: Millis): boolean {
    let isChanged = false;
    for (const [key, device] of this.#devices) {
      if (now - device.heard >= deviceAge) {
        this.#devices.delete(key);
        isChanged = true;
        continue;
      }
      const fresh = device.addresses.filter(({ heard }) => now - heard < deviceAge);
      isChanged ||= fresh.length < device.addresses.length;
      device.addresses = fresh;
    }
    return isChanged;
  }

  /** True when there were any. */
  clear(): boolean {
    const had = this.#devices.size > 0;
    this.#devices.clear();
    return had;
  }

  *devices(): Iterable<ForeignDevice> {
    for (const { mac, since, addresses } of this.#devices.values()) {
      yield { mac, since, addresses: addresses.map(({ address }) => address) };
    }
  }

  /** An address moves to whoever names it last: on its own link that is for the devices to settle (RFC 5227 §2.4). */
  #learnAddress(device: Learned, address: Address, now: Millis): boolean {
    const known = device.addresses.find((each) => sameAddress(each.address, address));
    if (known !== undefined) {
      known.heard = now;
      return false;
    }
    for (const other of this.#devices.values()) {
      other.addresses = other.addresses.filter((each) => !sameAddress(each.address, address));
    }
    if (device.addresses.length >= mostDeviceAddresses) {
      const stalest = device.addresses.reduce((one, two) => (two.heard < one.heard ? two : one));
      device.addresses = device.addresses.filter((each) => each !== stalest);
    }
    device.addresses.push({ address, heard: now });
    return true;
  }
}
