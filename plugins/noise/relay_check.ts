/**
 * Whether the relays that are configured are members. An id that was mistyped, or is of another network, is no error when a node
 * starts, since members become known later; it would only never lead anywhere.
 */
import type { Host, Timer } from "../../core/contracts/host.ts";
import type { Millis, PeerId } from "../../core/contracts/values.ts";

/** Without members nothing is looked at. */
export type RelayCheckHost = Pick<Host, "clock" | "log"> & Partial<Pick<Host, "members">>;

/** After a start in which a node hears from anybody it knows all members long before. */
const lookAfter: Millis = 60_000;

export class RelayCheck {
  readonly #host: RelayCheckHost;
  readonly #relays: readonly PeerId[];
  #timer: Timer | undefined;

  /** `relays`: without this node itself. */
  constructor(host: RelayCheckHost, relays: readonly PeerId[]) {
    this.#host = host;
    this.#relays = relays;
  }

  start(): void {
    if (this.#relays.length > 0 && this.#host.members !== undefined) this.#await();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #await(): void {
    const { clock } = this.#host;
    this.#timer = clock.timer(clock.now() + lookAfter, () => this.#look());
  }

  #look(): void {
    const known = new Set(this.#host.members?.known().map(({ id }) => id));
    if (known.size === 0) return this.#await(); // alone, or not in a network yet
    for (const relay of this.#relays) {
      if (known.has(relay)) continue;
      this.#host.log.log(
        "warn",
        "A relay of the configuration is no member that this node knows; correct its id",
        {
          relay,
        },
      );
    }
  }
}
