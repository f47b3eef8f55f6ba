/** Space that passes as a whole: what a dead peer owned comes here, what this node owns goes to an heir. */
import { MeshError } from "../../core/contracts/errors.ts";
import type { SpaceTakeover, Takeover } from "../../core/contracts/ipam.ts";
import type { PeerId, Prefix } from "../../core/contracts/values.ts";
import { passOn, untilChanged } from "./passing.ts";
import { prefixesOwned } from "./prefixes_owned.ts";
import type { Replica } from "./replica.ts";
import type { RingHost } from "./ring_host.ts";

export interface SpaceParts {
  readonly host: RingHost;
  readonly routes: Replica;
  /** Whether grants are on their way to disk. */
  isGiving(): boolean;
  /** Whether this node leaves its space has changed. */
  changed(): void;
}

export class SpacePassing implements SpaceTakeover {
  readonly #parts: SpaceParts;
  readonly #life = new AbortController();
  #heir: PeerId | undefined;

  constructor(parts: SpaceParts) {
    this.#parts = parts;
  }

  /** Then it gives nothing any more, and needs nothing. */
  get isLeaving(): boolean {
    return this.#heir !== undefined;
  }

  stop(): void {
    this.#life.abort();
  }

  // deno-lint-ignore require-await -- what is wrong with the call is a rejection too
  async takeOver(peer: PeerId, signal: AbortSignal): Promise<Takeover> {
    const { self } = this.#parts.routes;
    if (peer === self) throw ownSpace("take over");
    return this.#pass(peer, self, signal);
  }

  async handOver(heir: PeerId, signal: AbortSignal): Promise<Takeover> {
    const { host, routes, changed, isGiving } = this.#parts;
    if (heir === routes.self) throw ownSpace("hand over");
    this.#requireMember(heir);
    this.#heir = heir;
    try {
      changed();
      // What is half given would be void, and whoever got it would have to give back what it uses.
      while (isGiving() && !signal.aborted) await untilChanged(host, signal);
      const prefixes: Prefix[] = [];
      // What was asked for before may still come.
      do {
        prefixes.push(...(await this.#pass(routes.self, heir, signal)).prefixes);
      } while (!await this.#isAcknowledged(heir, signal));
      return { peer: routes.self, heir, prefixes };
    } catch (error) {
      this.#heir = undefined;
      routes.leaveTo(routes.self);
      changed();
      throw error;
    }
  }

  #pass(peer: PeerId, heir: PeerId, signal: AbortSignal): Promise<Takeover> {
    const { host, routes } = this.#parts;
    const { ring, self } = routes;
    if (ring === undefined) {
      throw new MeshError("NOT_RUNNING", "Cannot pass on space: this node belongs to no network yet");
    }
    const prepare = () => {
      if (peer === self) routes.leaveTo(heir);
    };
    const mayAsk = () => !routes.peers().includes(peer);
    return passOn({ host, ring, peer, heir, prepare, mayAsk }, AbortSignal.any([signal, this.#life.signal]));
  }

  /**
   * A majority holds the decision; where this node is all of it, nobody would hear of it once it is gone. False when this
   * node has come to own something meanwhile.
   */
  async #isAcknowledged(heir: PeerId, signal: AbortSignal): Promise<boolean> {
    const { host, routes } = this.#parts;
    const ring = routes.ring!;
    const isOwed = ring.takeovers().some((each) => each.dead === routes.self && each.heir === heir);
    while (isOwed && !routes.isHeldBy(heir)) {
      if (signal.aborted || this.#life.signal.aborted) throw unanswered(heir, signal.reason);
      if (prefixesOwned(ring, routes.self).length > 0) return false;
      routes.leaveTo(heir);
      await untilChanged(host, AbortSignal.any([signal, this.#life.signal]));
    }
    return true;
  }

  #requireMember(peer: PeerId): void {
    if (this.#parts.host.members.known().some(({ id }) => id === peer)) return;
    throw new MeshError(
      "INVALID_ARGUMENT",
      `Cannot hand over to ${peer}: it is no member, or has not said where it is; name one that is up`,
    );
  }
}

function ownSpace(what: string): MeshError {
  return new MeshError(
    "INVALID_ARGUMENT",
    `Cannot ${what} this node's own space to itself; name another peer`,
  );
}

function unanswered(heir: PeerId, cause: unknown): MeshError {
  return new MeshError(
    "TIMEOUT",
    `Cannot tell that ${heir} has what it was left: it was decided, but it has not said that it knows; ` +
      "keep this node running until it is connected, and say it again",
    { cause },
  );
}
