/** Which address a derived MAC stands for. */
import type { Address } from "../contracts/values.ts";
import { addressOfMac, macOfAddress, macToNumber } from "../wire/mac.ts";

/** As many IPv6 neighbours as Linux keeps of its own by default, and four times over. */
export const mostNeighbours = 4_096;

/**
 * The way back from a derived MAC to its address. An IPv4 address is read from its MAC; an IPv6 address is not in it, so
 * those that were answered for are remembered, the least recently used one forgotten first. Who scans a /64 to push
 * others out gains little: only a frame to an IPv6 router that is a remote endpoint asks here, and an endpoint that
 * uses a neighbour asks for it again within a minute (RFC 4861 §7.3.3), which brings it back.
 */
export class Neighbours {
  readonly #addresses = new Map<number, Address>();
  readonly #most: number;

  constructor(most: number = mostNeighbours) {
    this.#most = most;
  }

  get size(): number {
    return this.#addresses.size;
  }

  /** To be told of every address elsewhere that is answered for. */
  remember(address: Address): void {
    if (address.family === 4 || this.#most === 0) return;
    const key = macToNumber(macOfAddress(address));
    this.#addresses.delete(key);
    if (this.#addresses.size >= this.#most) this.#forgetOldest();
    this.#addresses.set(key, address);
  }

  /** The address that `mac` was derived from; undefined for a MAC of another kind, or one never answered with. */
  addressOf(mac: Uint8Array): Address | undefined {
    return addressOfMac(mac) ?? this.#remembered(macToNumber(mac));
  }

  #remembered(key: number): Address | undefined {
    const address = this.#addresses.get(key);
    if (address === undefined) return undefined;
    this.#addresses.delete(key);
    this.#addresses.set(key, address);
    return address;
  }

  #forgetOldest(): void {
    for (const key of this.#addresses.keys()) {
      this.#addresses.delete(key);
      return;
    }
  }
}
