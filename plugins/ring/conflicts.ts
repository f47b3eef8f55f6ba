/** Addresses in use here whose range belongs to somebody else: taken over while this node was away, or granted twice. */
import type { Events } from "../../core/contracts/events.ts";
import type { Lease } from "../../core/contracts/ipam.ts";
import type { PeerId, Prefix } from "../../core/contracts/values.ts";
import { formatAddress } from "../../core/wire/address.ts";
import { hostPrefix } from "../../core/wire/prefix.ts";
import type { Ring } from "./ring.ts";

const alert = "address-conflict";
/** Asked back at once; the others follow as these are given. */
const maxAsked = 64;

export class Conflicts {
  readonly #events: Pick<Events, "emit">;
  readonly #self: PeerId;
  #lost: readonly Lease[] = [];
  #told = new Set<string>();

  constructor(events: Pick<Events, "emit">, self: PeerId) {
    this.#events = events;
    this.#self = self;
  }

  /** Raises an alert for each address that is newly lost, and clears it when none is left. */
  check(leases: readonly Lease[], ring: Ring | undefined): void {
    this.#lost = leases.filter(({ address }) => ring?.ownerOf(address) !== this.#self);
    const now = new Set(this.#lost.map(({ address }) => formatAddress(address)));
    for (const { address, owner } of this.#lost) {
      const text = formatAddress(address);
      if (this.#told.has(text)) continue;
      const detail = `${text} of ${owner} lies in the range of peer ${ring?.ownerOf(address)}`;
      this.#events.emit("alert:raised", { alert, detail });
    }
    if (this.#told.size > 0 && now.size === 0) this.#events.emit("alert:cleared", { alert });
    this.#told = now;
  }

  get any(): boolean {
    return this.#told.size > 0;
  }

  /** What to ask of its owners: they give a single address if nobody uses it. */
  wanted(): readonly Prefix[] {
    return this.#lost.slice(0, maxAsked).map(({ address }) => hostPrefix(address));
  }
}
