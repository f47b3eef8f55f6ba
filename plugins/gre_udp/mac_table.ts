/** Which MACs the addresses behind a device have, by what the device's link has said, and how old that is. */
import type { Address, Millis } from "../../core/contracts/values.ts";
import { addressKey } from "../../core/wire/address.ts";
import { copyBytes } from "../../core/wire/bytes.ts";
import { sameMac } from "../../core/wire/mac.ts";
import { freshMillis, mostNeighbours, requestMillis, staleMillis } from "./constants.ts";

interface Neighbour {
  readonly mac: Uint8Array;
  confirmedAt: Millis;
  askedAt: Millis;
}

export class MacTable {
  /** Least recently used first. */
  readonly #neighbours = new Map<number | string, Neighbour>();

  /** The MAC that packets to `address` go to; undefined for one not known, or not confirmed for too long. */
  find(address: Address, now: Millis): Uint8Array | undefined {
    const key = addressKey(address);
    const neighbour = this.#neighbours.get(key);
    if (neighbour === undefined) return undefined;
    this.#neighbours.delete(key);
    if (now - neighbour.confirmedAt >= staleMillis) return undefined;
    this.#neighbours.set(key, neighbour);
    return neighbour.mac;
  }

  /** True at most once a second for a MAC that is not fresh any more: it is to be asked for again. */
  isDue(address: Address, now: Millis): boolean {
    const neighbour = this.#neighbours.get(addressKey(address));
    if (neighbour === undefined || now - neighbour.confirmedAt < freshMillis) return false;
    if (now - neighbour.askedAt < requestMillis) return false;
    neighbour.askedAt = now;
    return true;
  }

  /** The link has said that `address` is at `mac`, which is copied. */
  learn(address: Address, mac: Uint8Array, now: Millis): void {
    const key = addressKey(address);
    this.#neighbours.delete(key);
    if (this.#neighbours.size >= mostNeighbours) this.#forgetOldest();
    this.#neighbours.set(key, { mac: copyBytes(mac), confirmedAt: now, askedAt: now });
  }

  /** A packet of `address` has come from `mac`. That is no word about where it is, but shows that what is known is true. */
  confirm(address: Address, mac: Uint8Array, now: Millis): void {
    const neighbour = this.#neighbours.get(addressKey(address));
    if (neighbour !== undefined && sameMac(neighbour.mac, mac)) neighbour.confirmedAt = now;
  }

  #forgetOldest(): void {
    for (const key of this.#neighbours.keys()) {
      this.#neighbours.delete(key);
      return;
    }
  }
}
