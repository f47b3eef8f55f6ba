/**
 * Encapsulation `noise`: GRE inside Noise transport messages, between members that have proved themselves, and the
 * join handshake for strangers with a token.
 *
 * ```ts
 * import { noise } from "./mod.ts";
 *
 * const plugin = noise({ aead: "chacha20-poly1305" });
 * console.log(plugin.slot, plugin.name); // encapsulation noise
 * ```
 */
import { z } from "zod";
import type { Host } from "../../core/contracts/host.ts";
import type { Lifecycle } from "../../core/contracts/lifecycle.ts";
import { definePlugin } from "../../core/contracts/plugin.ts";
import { NoiseMachine, type NoiseOptions } from "./machine.ts";
import { decodeReserve, encodeReserve, stampKey } from "./stamp_reserve.ts";

export { NoiseMachine, type NoiseOptions } from "./machine.ts";

const config = z.strictObject({
  aead: z.enum(["auto", "aes-256-gcm", "chacha20-poly1305"]).default("auto").describe(
    "Cipher to prefer; auto: the fastest here. Both ends agree on the one that suits both best.",
  ),
});

/** What of the host this plugin uses. */
export type NoisePluginHost = Pick<
  Host,
  "self" | "membership" | "random" | "aeads" | "clock" | "store" | "log"
>;

/** The machine with a life: at start it finds out where its stamps begin. */
class NoiseEncapsulation extends NoiseMachine implements Lifecycle {
  readonly #host: NoisePluginHost;

  constructor(host: NoisePluginHost, options: NoiseOptions) {
    super(host, options);
    this.#host = host;
  }

  /**
   * Rejects with the store's error when the reserve of stamps cannot be kept, `UNSUPPORTED` or `STATE_CORRUPT` when it
   * cannot be read: see `stamps.ts` for what is at stake.
   */
  async start(): Promise<void> {
    const { clock, store } = this.#host;
    const kept = store.get(stampKey);
    const reserve = this.stamps.start({
      wall: clock.wall(),
      now: clock.now(),
      reserve: kept && decodeReserve(kept),
      keep: (next) => void this.#keepLater(next),
    });
    await this.#keep(reserve);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.resolve();
    this.wipe(this.#host.clock.now());
  }

  /** While the node runs its stamps grow by themselves, so a failure only matters if the clock has gone back by then. */
  async #keepLater(reserve: number): Promise<void> {
    try {
      await this.#keep(reserve);
    } catch (error) {
      this.#host.log.log("warn", "the reserve of handshake stamps could not be stored", { error });
    }
  }

  async #keep(reserve: number): Promise<void> {
    await this.#host.store.commit([{ key: stampKey, value: encodeReserve(reserve) }]);
  }
}

export const noise = definePlugin<
  "encapsulation",
  z.input<typeof config>,
  z.output<typeof config>,
  NoisePluginHost
>({
  slot: "encapsulation",
  name: "noise",
  config,
  create: (options, host) => new NoiseEncapsulation(host, options),
});
