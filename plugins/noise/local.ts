/**
 * What all parts of the machine share: who this node is, what it was handed, and the tables they meet in.
 */
import type { AeadName, AeadSuite } from "../../core/contracts/aead.ts";
import type { DropCounters, Host, Random, Self } from "../../core/contracts/host.ts";
import type { RelayRates } from "../../core/contracts/encapsulation.ts";
import type { Membership } from "../../core/contracts/membership.ts";
import type { Millis, PeerId } from "../../core/contracts/values.ts";
import type { X25519 } from "../../core/noise/dh.ts";
import type { CookieJar } from "./cookies.ts";
import type { Deadlines } from "./deadlines.ts";
import type { Exporting } from "./exporting.ts";
import type { Gate } from "./gate.ts";
import type { IndexTable } from "./indices.ts";
import type { Outbox } from "./outbox.ts";
import type { ReadyKeyTable } from "./ready_keys.ts";
import type { Stamps } from "./stamps.ts";
import type { Trusted } from "./trusted.ts";

/** The slice of the host that the machine is made with. */
export type NoiseHost = Pick<Host, "membership" | "random" | "aeads"> & {
  readonly self: Pick<Self, "id" | "noise">;
  /** For simulations: a faster X25519 than the portable one. */
  readonly curve?: X25519 | undefined;
  /** For what is lost between two calls; what a call refuses it returns. */
  readonly drops?: DropCounters | undefined;
};

/** Whether this node passes messages on, how many of each peer, and whom it asks to do so. */
export interface Relaying {
  readonly policy: RelayPolicy;
  readonly rates: RelayRates;
  /** Through these members peers are sought that do not answer at their addresses. */
  readonly relays: readonly PeerId[];
}

/** `always`: also asks to be asked first. */
export type RelayPolicy = "never" | "willing" | "always";

export interface Local {
  readonly self: NoiseHost["self"];
  readonly membership: Membership;
  readonly random: Random;
  readonly curve: X25519 | undefined;
  readonly drops: DropCounters | undefined;
  /** One implementation per algorithm. */
  readonly suites: ReadonlyMap<AeadName, AeadSuite>;
  /** Names of `suites`, fastest first. */
  readonly preference: readonly AeadName[];
  readonly stamps: Stamps;
  /** In ticks of notes, not in milliseconds. */
  readonly noteCounters: Stamps;
  /** 8 bytes drawn at this start of the node. */
  readonly instance: Uint8Array;
  readonly outbox: Outbox;
  readonly exporting: Exporting;
  readonly indices: IndexTable;
  readonly trusted: Trusted;
  readonly relaying: Relaying;
  readonly deadlines: Deadlines;
  /** No peer with a session goes longer than this without a request. */
  readonly keeping: { every: Millis };
  /** Before every first message to this node. */
  readonly gate: Gate;
  readonly readyKeys: ReadyKeyTable;
  /** What this node was sent when others were under load. */
  readonly cookies: CookieJar;
}
