/**
 * Which member a foreign device is behind, when several may say so. Pure.
 *
 * A device has no key and signs nothing, so a claim is as good as the member that makes it. Two claims for one MAC or one
 * address mean a device on two cables, a copied machine, or one cable that two nodes have joined. The earlier claim
 * counts, and of two of one instant that of the smaller member id: every node comes to the same end from the same claims,
 * in whatever order it has heard them. Who was first to hear one was rejected: two nodes that learn a MAC at the same time
 * would both keep it.
 */
import type { Address, PeerId } from "../contracts/values.ts";
import { formatAddress } from "../wire/address.ts";
import { formatMac, macToNumber } from "../wire/mac.ts";
import type { ForeignDevice } from "./foreign_devices.ts";

export interface ForeignClaim {
  readonly owner: PeerId;
  readonly device: ForeignDevice;
}

/** A MAC or an address that two members have behind their bridges. */
export interface ForeignClash {
  readonly what: string;
  readonly kept: PeerId;
  readonly refused: PeerId;
}

/** The devices of all members, settled. */
export class ForeignClaims {
  readonly clashes: readonly ForeignClash[];
  readonly #byMac = new Map<number, ForeignClaim>();
  readonly #byAddress = new Map<string, ForeignClaim & { readonly address: Address }>();

  /** `accepts` says whether a member may have this address behind a bridge. Of a refused MAC no address counts. */
  constructor(
    claims: Iterable<ForeignClaim> = [],
    accepts: (owner: PeerId, address: Address) => boolean = () => true,
  ) {
    const clashes: ForeignClash[] = [];
    for (const claim of [...claims].sort(byAge)) {
      const { owner, device } = claim;
      const key = macToNumber(device.mac);
      const holder = this.#byMac.get(key);
      if (holder !== undefined) {
        clashes.push({ what: formatMac(device.mac), kept: holder.owner, refused: owner });
        continue;
      }
      this.#byMac.set(key, claim);
      for (const address of device.addresses) {
        if (accepts(owner, address)) this.#addAddress(address, claim, clashes);
      }
    }
    this.clashes = clashes.filter(({ kept, refused }) => kept !== refused);
  }

  ofMac(mac: Uint8Array): ForeignClaim | undefined {
    return this.#byMac.get(macToNumber(mac));
  }

  ofAddress(address: Address): ForeignClaim | undefined {
    return this.#byAddress.get(formatAddress(address));
  }

  /** Every address that counts, with the member that it is behind. */
  *addresses(): Iterable<{ readonly address: Address; readonly owner: PeerId }> {
    yield* this.#byAddress.values();
  }

  #addAddress(address: Address, claim: ForeignClaim, clashes: ForeignClash[]): void {
    const what = formatAddress(address);
    const holder = this.#byAddress.get(what);
    if (holder === undefined) this.#byAddress.set(what, { ...claim, address });
    else clashes.push({ what, kept: holder.owner, refused: claim.owner });
  }
}

function byAge(left: ForeignClaim, right: ForeignClaim): number {
  return left.device.since - right.device.since || (left.owner < right.owner ? -1 : 1);
}
