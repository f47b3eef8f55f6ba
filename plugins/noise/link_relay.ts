/** One peer as a neighbour in relaying: what it offers, and what is passed on for it and to it. */
import type { Endpoint, Millis, PeerId } from "../../core/contracts/values.ts";
import { equalBytes } from "../../core/wire/bytes.ts";
import { relayEndpoint, relayTagOf } from "../../core/wire/relay_endpoint.ts";
import { relayedFeature, willingnessIn } from "../../core/wire/relay_features.ts";
import type { Records } from "./records.ts";
import type { RelayAllowance } from "./relay_allowance.ts";
import { encodeRelayed, maySplit, type Relayed } from "./relayed.ts";

/** The link, as this part of it sees it. */
export interface RelayLink {
  readonly id: PeerId;
  /** Of the last handshake; empty while the link is down. */
  readonly features: readonly string[];
}

export class LinkRelay {
  /** Names the peer to others; undefined for an id that is none. */
  readonly tag: Uint8Array | undefined;
  /** What is passed on for it; undefined before anything was. */
  allowance: RelayAllowance | undefined;
  /** The worker shares its current session, and so may share those of peers behind it. */
  isShared = false;
  #place: { readonly tag: Uint8Array; readonly endpoint: Endpoint } | undefined;
  readonly #link: RelayLink;
  readonly #records: Records;

  constructor(link: RelayLink, records: Records) {
    this.tag = relayTagOf(link.id);
    this.#link = link;
    this.#records = records;
  }

  /** Whether it passes messages on. */
  get offer(): "willing" | "always" | undefined {
    const willingness = willingnessIn(this.#link.features);
    return willingness === "never" ? undefined : willingness;
  }

  /** It takes messages that were passed on. */
  get takes(): boolean {
    return this.#link.features.includes(relayedFeature);
  }

  /** The place behind it of whoever has `tag`: that of the last one is kept, for messages come in flows. */
  placeOf(tag: Uint8Array): Endpoint {
    if (this.#place === undefined || !equalBytes(this.#place.tag, tag)) {
      this.#place = { tag: tag.slice(), endpoint: relayEndpoint(this.#link.id, tag) };
    }
    return this.#place.endpoint;
  }

  /** Sends it a relayed message, `flags` as in the header; false without a session. */
  send(relayed: Relayed, flags: number, now: Millis): boolean {
    return this.#records.relay(flags, encodeRelayed(relayed), maySplit(relayed.message), now);
  }
}
