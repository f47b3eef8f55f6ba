/** Who holds an address or a MAC on this node. */
import type { AttachedPort } from "../contracts/port.ts";
import type { Address } from "../contracts/values.ts";
import { addressKey } from "../wire/address.ts";
import { macOfAddress, macToNumber } from "../wire/mac.ts";
import type { LinkHolder } from "./link.ts";

/** What {@link LinkTable} reads of an attached port. */
export type LinkPorts = Iterable<Pick<AttachedPort, "leases" | "mac">>;

/**
 * An index over the ports that are attached, made anew when they change: a packet asks it several times, and a change is
 * rare. An endpoint without a MAC is inside the process. Of two ports that hold one address the first one counts.
 */
export class LinkTable {
  readonly #byAddress = new Map<number | string, LinkHolder>();
  readonly #byMac = new Map<number, LinkHolder>();
  readonly #macs = new Set<number>();

  constructor(ports: LinkPorts = []) {
    const all = [...ports];
    for (const { mac } of all) {
      if (mac !== undefined) this.#addInterface(mac);
    }
    for (const { leases, mac } of all) {
      for (const { address } of leases) this.#addAddress(address, mac ?? "inside");
    }
  }

  linkOf(address: Address): LinkHolder | undefined {
    return this.#byAddress.get(addressKey(address));
  }

  localMac(mac: Uint8Array): boolean {
    return this.#macs.has(macToNumber(mac));
  }

  holderOf(mac: Uint8Array): LinkHolder | undefined {
    return this.#byMac.get(macToNumber(mac));
  }

  #addInterface(mac: Uint8Array): void {
    const key = macToNumber(mac);
    this.#macs.add(key);
    this.#byMac.set(key, mac);
  }

  /** After all interfaces: the MAC that one really has goes before a MAC that an address of another one derives. */
  #addAddress(address: Address, holder: LinkHolder): void {
    const key = addressKey(address);
    if (this.#byAddress.has(key)) return;
    this.#byAddress.set(key, holder);
    const derived = macToNumber(macOfAddress(address));
    if (!this.#byMac.has(derived)) this.#byMac.set(derived, holder);
  }
}
