/** What plugins hear of the other members: who is there, who comes and goes, and who was just heard. */
import type { Logger, MemberWatch } from "../contracts/host.ts";
import type { PeerIdentity } from "../contracts/membership.ts";
import type { PeerId } from "../contracts/values.ts";

type ChangeHandler = Parameters<MemberWatch["watch"]>[0];
type HearHandler = Parameters<MemberWatch["hear"]>[0];

export class MemberNews implements MemberWatch {
  readonly #source: () => readonly PeerIdentity[];
  readonly #log: Logger;
  readonly #ownerOf: (name: string) => PeerId | undefined;
  readonly #changeHandlers: ChangeHandler[] = [];
  readonly #hearHandlers: HearHandler[] = [];
  /** Until the next change. */
  #byId: ReadonlyMap<PeerId, PeerIdentity> | undefined;

  /** `source` gives all other members that have said where they are, `ownerOf` whose a name is. */
  constructor(
    source: () => readonly PeerIdentity[],
    log: Logger,
    ownerOf: (name: string) => PeerId | undefined = () => undefined,
  ) {
    this.#source = source;
    this.#log = log;
    this.#ownerOf = ownerOf;
  }

  known(): readonly PeerIdentity[] {
    return this.#source();
  }

  named(name: string): PeerId | undefined {
    return this.#ownerOf(name);
  }

  get(peer: PeerId): PeerIdentity | undefined {
    this.#byId ??= new Map(this.#source().map((each) => [each.id, each]));
    return this.#byId.get(peer);
  }

  watch(handler: ChangeHandler): void {
    this.#changeHandlers.push(handler);
  }

  hear(handler: HearHandler): void {
    this.#hearHandlers.push(handler);
  }

  changed(joined: readonly PeerIdentity[], removed: readonly PeerId[]): void {
    this.#byId = undefined;
    for (const handler of this.#changeHandlers) this.#guarded(() => handler(joined, removed));
  }

  heard(peer: PeerId): void {
    // Once for each packet of this thread, so without a closure.
    for (const handler of this.#hearHandlers) {
      try {
        handler(peer);
      } catch (error) {
        this.#failed(error);
      }
    }
  }

  /** One that fails must not keep the others, or the node, from what follows. */
  #guarded(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    this.#log.log("error", "A handler of news about members failed", { error });
  }
}
