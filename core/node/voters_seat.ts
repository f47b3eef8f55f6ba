import type { Decision, Decisions } from "../contracts/decisions.ts";
import { MeshError } from "../contracts/errors.ts";
import type { ReplicatedState } from "../contracts/replicated_state.ts";
import type { Store } from "../contracts/store.ts";
import type { PeerId } from "../contracts/values.ts";
import { peerIdOf } from "../identity/identity.ts";
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
export class VotersSeat implements ReplicatedState, Decisions {
  readonly name = "voters";
  readonly kinds = voterKinds;
  readonly #begin: () => Voting;
  readonly #judges = new Map<string, (payload: Uint8Array) => boolean>();
  readonly #watchers = new Map<string, () => void>();
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
    const voting = this.#begin();
    this.#voting = voting;
    for (const [kind, judge] of this.#judges) voting.judge(kind, ({ payload }) => judge(payload));
    for (const watcher of this.#watchers.values()) {
      voting.onChanged(watcher);
      watcher();
    }
    return voting;
  }

  // Decisions

  decided(kind: string): readonly Decision[] | undefined {
    const motions = this.#voting?.history.decidedAbove(0).filter((motion) => motion.kind === kind);
    return motions?.map(({ slot, recovery, payload }) => ({ number: slot, recovery, payload }))
      .toSorted((left, right) => left.number - right.number);
  }

  recovery(): number {
    return this.#voting?.history.term().recovery ?? 0;
  }

  voters(): readonly PeerId[] {
    return this.#voting?.history.term().voters.map(peerIdOf) ?? [];
  }

  /** Throws for a kind that is watched: a mistake of the plugin. */
  watch(kind: string, handler: () => void): void {
    if (this.#watchers.has(kind)) throw new RangeError(`decisions of kind ${kind} are watched`);
    this.#watchers.set(kind, handler);
    this.#voting?.onChanged(handler);
  }

  /** Throws for a kind that has one: a mistake of the plugin. */
  judge(kind: string, judge: (payload: Uint8Array) => boolean): void {
    if (this.#judges.has(kind)) throw new RangeError(`decisions of kind ${kind} have a judge`);
    this.#judges.set(kind, judge);
    this.#voting?.judge(kind, ({ payload }) => judge(payload));
  }

  propose(kind: string, payload: Uint8Array): void {
    if (this.#voting !== undefined) return this.#voting.propose({ kind, payload });
    throw new MeshError("NOT_RUNNING", "Cannot ask for a decision: this node is still starting; ask later");
  }

  // ReplicatedState

  records(): readonly Uint8Array[] {
    return this.#voting?.records() ?? nothing;
  }

  merge(records: readonly Uint8Array[]): readonly Uint8Array[] {
    return this.#voting?.merge(records) ?? nothing;
  }
}
