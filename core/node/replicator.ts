/**
 * Carries shared states between nodes, in the form for a full mesh: what is new goes to every peer but the one that
 * brought it, and what was lost on the way is found by comparing digests. `state_message.ts` has the messages.
 *
 *     a session comes up        both sides send their digests
 *     digests differ            who sees it says so, and each side tells all records of that kind, see `repairs.ts`
 *     a record is new           to all other peers at once; a second after the last one, digests to all
 *     every 30 s                digests to all
 *
 * Two that go on differing in one and the same way are told the same ever less often, see `stalemates.ts`; and what a
 * peer costs is bounded, see `hearing.ts`.
 *
 * So a datagram lost costs a second or two, not half a minute, and a mesh at rest pays one small message per peer and
 * half minute. A flood costs O(peers) messages per node and record, which a mesh of at most 64 can bear; larger ones
 * need another carriage under the same states.
 */
import type { Channel, Clock, Logger, Timer } from "../contracts/host.ts";
import type { ReplicatedState, Replication } from "../contracts/replicated_state.ts";
import type { Millis, PeerId } from "../contracts/values.ts";
import { equalBytes } from "../wire/bytes.ts";
import type { ForeignRecords } from "./foreign_records.ts";
import { Hearing } from "./hearing.ts";
import { Repairs } from "./repairs.ts";
import { SharedRecords } from "./shared_records.ts";
import { Stalemates } from "./stalemates.ts";
import {
  decodeStateMessage,
  encodeDigests,
  encodeRecords,
  type KindDigest,
  recordMessages,
} from "./state_message.ts";

/** Between two digests to everybody. */
export const digestInterval: Millis = 30_000;
/** After the last change: what is still on its way by then is lost. */
export const settleDelay: Millis = 1000;
/** What a peer that is being shut out may hear last. */
const lastWords = 64;

export interface ReplicatorParts {
  /** Of the name {@link stateChannel}. */
  readonly channel: Channel;
  readonly clock: Clock;
  readonly log: Logger;
  readonly foreign: ForeignRecords;
}

export const stateChannel = "state";

export class Replicator {
  readonly #channel: Channel;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #foreign: ForeignRecords;
  readonly #shared: SharedRecords;
  readonly #repairs: Repairs;
  readonly #stalemates = new Stalemates();
  readonly #hearing = new Hearing();
  readonly #timers: { round?: Timer; settle?: Timer; repair?: Timer } = {};
  #stopped = false;
  #told: (peer: PeerId) => void = () => {};

  constructor({ channel, clock, log, foreign }: ReplicatorParts) {
    this.#channel = channel;
    this.#clock = clock;
    this.#log = log;
    this.#foreign = foreign;
    this.#shared = new SharedRecords(foreign, log);
    this.#repairs = new Repairs((kind) => this.#shared.records(kind));
    channel.receive((from, message) => this.#receive(from, message));
  }

  /** As `Host.replicate`. */
  replicate(state: ReplicatedState): Replication {
    this.#shared.add(state);
    return { spread: (records) => this.#spread(records) };
  }

  /** Called when a peer that differed has been told all it was owed. */
  onTold(handler: (peer: PeerId) => void): void {
    this.#told = handler;
  }

  start(): void {
    this.#timers.round = this.#timer(digestInterval, () => {
      const peers = this.#channel.peers();
      this.#stalemates.keepOnly(peers, this.#shared.kinds());
      this.#hearing.keepOnly(peers);
      this.#tellDigests(peers);
      this.start();
    });
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of Object.values(this.#timers)) timer.cancel();
    this.#repairs.clear();
  }

  /** A session has come up. */
  greet(peer: PeerId): void {
    this.#tellDigests([peer]);
    this.#settleSoon();
  }

  /** Two that differ, who lacks something is not known: the peer is told all of these kinds and asked for all. */
  reconcile(peer: PeerId, kinds: readonly string[]): void {
    this.#owe(peer, kinds);
    this.#sendDigests(peer, "digests", kinds);
  }

  /** At once and once, to a peer whose session is about to end. */
  tell(peer: PeerId, kinds: readonly string[]): void {
    let left = lastWords;
    for (const message of kinds.flatMap((kind) => [...recordMessages(this.#shared.records(kind))])) {
      if (left-- > 0) this.#channel.send(peer, message);
    }
  }

  /** Members have come or gone: records that nobody here can judge stand and fall with their signers. */
  membersChanged(): void {
    this.#foreign.sweep();
  }

  #receive(from: PeerId, bytes: Uint8Array): void {
    if (this.#stopped) return;
    const message = decodeStateMessage(bytes);
    if (message === undefined) {
      this.#log.log("debug", "A message about shared state is unknown", { peer: from });
    } else if (message.kind === "records") {
      this.#take(from, message.records);
    } else {
      this.#compare(from, message.digests, message.kind === "digests");
    }
  }

  #take(from: PeerId, records: readonly Uint8Array[]): void {
    const start = this.#clock.now();
    if (!this.#hearing.isHeard(from, start)) {
      this.#log.log("debug", "A peer sends more records than there is time to check", { peer: from });
      return;
    }
    const fresh = this.#shared.merge(records);
    const now = this.#clock.now();
    this.#hearing.charge(from, { time: now - start, news: fresh.length / Math.max(1, records.length) }, now);
    this.#spread(fresh, from);
  }

  #compare(from: PeerId, digests: readonly KindDigest[], isQuestion: boolean): void {
    const isSame = ([kind, digest]: KindDigest) => equalBytes(digest, this.#shared.digest(kind));
    const { same = [], different = [] } = Object.groupBy(
      digests,
      (each) => isSame(each) ? "same" : "different",
    );
    for (const [kind] of same) this.#stalemates.settle(from, kind);
    if (different.length === 0) return;
    // No longer than the question, and the only way to learn that we lack a kind of which we know nothing.
    if (isQuestion) this.#sendDigests(from, "differ", different.map(([kind]) => kind));
    this.#owe(from, different.filter((each) => this.#isOwed(from, each)).map(([kind]) => kind));
  }

  #isOwed(peer: PeerId, [kind, theirs]: KindDigest): boolean {
    const digests = [this.#shared.digest(kind), theirs] as const;
    return this.#shared.records(kind).length > 0 &&
      this.#stalemates.isWorthTelling(peer, kind, digests, this.#clock.now());
  }

  /** New records, to every peer but the one they came from. */
  #spread(records: readonly Uint8Array[], broughtBy?: PeerId): void {
    if (records.length === 0 || this.#stopped) return;
    const messages = [...recordMessages(records)];
    for (const peer of this.#channel.peers()) {
      if (peer === broughtBy) continue;
      for (const message of messages) this.#channel.send(peer, message);
    }
    this.#settleSoon();
  }

  #tellDigests(peers: readonly PeerId[]): void {
    const kinds = this.#shared.kinds();
    for (const peer of peers) this.#sendDigests(peer, "digests", kinds);
  }

  #sendDigests(peer: PeerId, question: "digests" | "differ", kinds: readonly string[]): void {
    const digests = kinds.map((kind): KindDigest => [kind, this.#shared.digest(kind)]);
    for (const message of encodeDigests(question, digests)) this.#channel.send(peer, message);
  }

  #settleSoon(): void {
    this.#timers.settle?.cancel();
    this.#timers.settle = this.#timer(settleDelay, () => this.#tellDigests(this.#channel.peers()));
  }

  #owe(peer: PeerId, kinds: readonly string[]): void {
    if (kinds.length === 0) return;
    this.#repairs.owe(peer, kinds, this.#clock.now());
    this.#repair();
  }

  #repair(): void {
    const now = this.#clock.now();
    for (const peer of this.#repairs.due(now)) {
      const isTold = this.#repairs.go(
        peer,
        now,
        (records) => this.#channel.send(peer, encodeRecords(records)),
      );
      if (isTold) this.#told(peer);
      else if (!this.#channel.peers().includes(peer)) this.#repairs.forget(peer);
    }
    this.#timers.repair?.cancel();
    const { deadline } = this.#repairs;
    if (deadline !== undefined) this.#timers.repair = this.#timer(deadline - now, () => this.#repair());
  }

  #timer(delay: Millis, run: () => void): Timer {
    return this.#clock.timer(this.#clock.now() + delay, () => this.#stopped || run());
  }
}
