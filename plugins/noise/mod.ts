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
import type { RelayWilling } from "../../core/contracts/encapsulation.ts";
import type { Host } from "../../core/contracts/host.ts";
import type { Lifecycle } from "../../core/contracts/lifecycle.ts";
import { definePlugin } from "../../core/contracts/plugin.ts";
import type { RelayWillingness } from "../../core/contracts/topology.ts";
import { decodeBase32 } from "../../core/wire/base32.ts";
import { parsePrefix } from "../../core/wire/prefix.ts";
import type { PeerId } from "../../core/contracts/values.ts";
import { limits } from "./constants.ts";
import { NoiseMachine } from "./machine.ts";
import type { NoiseOptions } from "./options.ts";
import { RelayCheck, type RelayCheckHost } from "./relay_check.ts";
import { noteStamps, type StampHost, StampKeeper } from "./stamp_keeper.ts";

export { NoiseMachine } from "./machine.ts";
export type { NoiseOptions } from "./options.ts";

const config = z.strictObject({
  aead: z.enum(["auto", "aes-256-gcm", "chacha20-poly1305"]).default("auto").describe(
    "Cipher to prefer; auto: the fastest here. Both ends agree on the one that suits both best.",
  ),
  underlayMtu: z.int().min(1_280).max(9_000).default(1_500).describe(
    "IP bytes of the largest packet that this host's network takes: more than 1500 where it has jumbo frames.",
  ),
  trustedSubnets: z.array(z.string().refine(isPrefix, "expected a block of addresses like 10.0.0.0/8")).max(
    64,
  )
    .default([]).describe(
      "Networks in which packets cross unencrypted, to and from peers there that list this host's address likewise.",
    ),
  relay: z.enum(["never", "willing", "always"]).default("willing").describe(
    "Whether to pass messages on for members that do not reach each other; always: also ask to be asked first.",
  ),
  relayBytesPerSecond: z.int().min(10_000).max(100_000_000_000).default(limits.relayBytesPerSecond).describe(
    "Bytes a second that are passed on for each peer.",
  ),
  relayPacketsPerSecond: z.int().min(10).max(100_000_000).default(limits.relayPacketsPerSecond).describe(
    "Messages a second that are passed on for each peer.",
  ),
  relays: z.array(z.string().refine(isPeerId, "expected the id of a peer, 32 characters")).max(limits.relays)
    .default([]).describe(
      "Ids of members through which all others are sought as well, where they do not answer at an address.",
    ),
});

function isPeerId(text: string): boolean {
  return decodeBase32(text)?.length === 20;
}

function isPrefix(text: string): boolean {
  return parsePrefix(text) !== undefined;
}

/** What of the host this plugin uses. */
export type NoisePluginHost =
  & Pick<Host, "self" | "membership" | "random" | "aeads" | "drops">
  & RelayCheckHost
  & StampHost;

/** The machine with a life: at start it finds out where its stamps begin. */
class NoiseEncapsulation extends NoiseMachine implements Lifecycle, RelayWilling {
  readonly #host: NoisePluginHost;
  readonly #keepers: readonly StampKeeper[];
  readonly #relayCheck: RelayCheck;

  constructor(host: NoisePluginHost, options: NoiseOptions) {
    super(host, options);
    this.#host = host;
    this.local.noteCounters.hold(); // a counter below those of an earlier life would be one of its nonces
    this.#keepers = [
      new StampKeeper(this.stamps, host),
      new StampKeeper(this.local.noteCounters, host, noteStamps),
    ];
    const { relays = [] } = options;
    this.#relayCheck = new RelayCheck(host, relays.filter((relay) => relay !== host.self.id));
  }

  get willingness(): RelayWillingness {
    return this.local.relaying.policy;
  }

  /** Rejects as {@link StampKeeper.start}. */
  async start(): Promise<void> {
    await Promise.all(this.#keepers.map((keeper) => keeper.start()));
    this.#relayCheck.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.resolve();
    for (const keeper of this.#keepers) keeper.stop();
    this.#relayCheck.stop();
    this.wipe(this.#host.clock.now());
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
  create: ({ trustedSubnets, relays, ...options }, host) =>
    new NoiseEncapsulation(host, {
      ...options,
      relays: relays as readonly string[] as readonly PeerId[],
      trustedSubnets: trustedSubnets.flatMap((text) => parsePrefix(text) ?? []),
    }),
});
