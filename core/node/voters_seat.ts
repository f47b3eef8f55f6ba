import type { ReplicatedState } from "../contracts/replicated_state.ts";
import type { Store } from "../contracts/store.ts";
import { voterKinds } from "../voters/voter_records.ts";
import type { Alerts } from "./alerts.ts";
import type { Channels } from "./channels.ts";
import type { NetworkState } from "./network_state.ts";
import type { Platform } from "./platform.ts";
import type { Replicator } from "./replicator.ts";
import { Voting } from "./voting.ts";

export interface SeatParts {
  readonly state: NetworkState;
  readonly store: Store;
  readonly platform: Platform;
  readonly channels: Channels;
  readonly replicator: Replicator;
  readonly alerts: Alerts;
}

/** What a store says of a disk that may lack what this node has signed. */
const oldDisk: ReadonlySet<string> = new Set(["state-restored", "state-replaced", "state-copied"]);

const nothing: readonly Uint8Array[] = [];

/**
 * The place of a {@link Voting} among what a node shares, from the beginning on. There is none before the node belongs to
 * a network, but peers may tell of its voters as soon as it is let in; what comes too early they tell again.
 */
export class VotersSeat implements ReplicatedState {
  readonly name = "voters";
  readonly kinds = voterKinds;
  readonly #begin: () => Voting;
  #voting: Voting | undefined;

  constructor({ state, store, platform, channels, replicator, alerts }: SeatParts) {
    const replication = replicator.replicate(this);
    const channel = channels.open("voters");
    this.#begin = () =>
      new Voting({
        self: state.self,
        store,
        clock: platform.clock,
        log: platform.log.child("voters"),
        raise: (alert, detail) => alerts.raise(alert, detail),
        channel,
        replication,
        founding: state.trust().founding,
        members: () => state.trust().members(),
        isDiskOld: (store.notices?.() ?? []).some(({ name }) => oldDisk.has(name)),
      });
  }

  /** Once, on a node that has founded or joined. Throws as the constructor of `Voting`. */
  begin(): Voting {
    return this.#voting = this.#begin();
  }

  records(): readonly Uint8Array[] {
    return this.#voting?.records() ?? nothing;
  }

  merge(records: readonly Uint8Array[]): readonly Uint8Array[] {
    return this.#voting?.merge(records) ?? nothing;
  }
}
