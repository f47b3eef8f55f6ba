/**
 * Carries shared states between nodes: what is new at once, and what was lost by comparing digests. `state_message.ts` has
 * the messages.
 *
 *     a session comes up        both sides send their digests
 *     digests differ            the two find out what each lacks, see `comparisons.ts`, and tell it, see `repairs.ts`
 *     a record is new           to all other peers at once; a second after the last one, digests to some of them
 *     every 30 s                digests to some peers, in turn
 *
 * Where a discovery carries rumours, a new record goes that way to all members, with a session or without; only peers
 * whom no rumour reaches are told as above. And instead of the rounds of digests 8 bytes over all there is travel with the
 * gossip: whoever holds something else is asked, over its session if there is one, else by single messages.
 *
 * Two that go on differing in one way talk of it ever less often, see `stalemates.ts`. What a peer costs is bounded, see
 * `hearing.ts`, and what a signer costs, see `signer_credit.ts`. Who knows no trees is told the whole of a kind.
 */
import type { Channel, Clock, Logger, Timer } from "../contracts/host.ts";
import type { ReplicatedState, Replication } from "../contracts/replicated_state.ts";
import type { Rumours } from "../contracts/rumours.ts";
import type { Millis, PeerId } from "../contracts/values.ts";
import { equalBytes } from "../wire/bytes.ts";
import { Comparisons } from "./comparisons.ts";
import type { ForeignRecords } from "./foreign_records.ts";
import { Hearing } from "./hearing.ts";
import { NewsFlow } from "./news_flow.ts";
import { NewsLimits } from "./news_limits.ts";
import { PeerTurns } from "./peer_turns.ts";
import { RecentPeers } from "./recent_peers.ts";
import { Repairs } from "./repairs.ts";
import { SharedRecords } from "./shared_records.ts";
import { Stalemates } from "./stalemates.ts";
import {
  decodeStateMessage,
  type DigestMessage,
  encodeDigests,
  encodeFlags,
  encodeRecords,
  Flag,
  type KindDigest,
  recordMessages,
  type StateMessage,
} from "./state_message.ts";

/** Between two rounds of digests. */
export const digestInterval: Millis = 30_000;
/** After the last change: what is still on its way by then is lost. */
export const settleDelay: Millis = 1000;
/** What a peer that is being shut out may hear last. */
const lastWords = 64;
/** Walks that go on all the time put off for so long at most what others of them have lost. */
const longestRetry: Millis = 5000;
/** All kinds together, of two that differ. */
const everything = "*";

export interface ReplicatorParts {
  readonly self: PeerId;
  /** Of the name {@link stateChannel}. */
  readonly channel: Channel;
  readonly clock: Clock;
  readonly log: Logger;
  readonly foreign: ForeignRecords;
  /** Without them nothing is counted, and nobody is a stranger. */
  readonly limits?: NewsLimits;
}

export const stateChannel = "state";

export class Replicator {
  readonly #channel: Channel;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #foreign: ForeignRecords;
  readonly #shared: SharedRecords;
  readonly #repairs: Repairs;
  readonly #comparisons: Comparisons;
  readonly #stalemates = new Stalemates();
  readonly #hearing = new Hearing();
  /** The same for comparisons: who asks much is heard as to its records all the same. */
  readonly #walking = new Hearing();
  readonly #timers: { round?: Timer; settle?: Timer; repair?: Timer; retry?: Timer } = {};
  /** Members without a session with whom something was compared. */
  readonly #others = new RecentPeers();
  #rumours: Rumours | undefined;
  readonly #turns = new PeerTurns();
  readonly #limits: NewsLimits;
  readonly #news = new NewsFlow();
  #retryBy: Millis | undefined;
  #stopped = false;
  #told: (peer: PeerId) => void = () => {};

  constructor({ self, channel, clock, log, foreign, limits }: ReplicatorParts) {
    this.#channel = channel;
    this.#clock = clock;
    this.#log = log;
    this.#foreign = foreign;
    this.#limits = limits ?? new NewsLimits({ count: () => {} }, () => true);
    this.#shared = new SharedRecords(foreign, log);
    this.#repairs = new Repairs((kind) => this.#shared.records(kind));
    this.#comparisons = new Comparisons(self, this.#shared);
    channel.receive((from, message) => this.#receive(from, message));
  }

  /** As `Host.replicate`. */
  replicate(state: ReplicatedState): Replication {
    this.#shared.add(state);
    return { spread: (records) => this.#spread(records) };
  }

  /** From now on what is new is given to `rumours`; to be called before they start. */
  carryOver(rumours: Rumours): void {
    this.#rumours = rumours;
    rumours.carryFor({
      take: (from, record) => this.#takeRumour(from, record),
      digest: () => this.#shared.wholeDigest(),
      differs: (peer, digest) => this.#differs(peer, digest),
      receive: (from, message) => this.#receive(from, message),
    });
  }

  /** Called when a peer that differed has been told all it was owed. */
  onTold(handler: (peer: PeerId) => void): void {
    this.#told = handler;
  }

  start(): void {
    this.#timers.round = this.#timer(digestInterval, () => {
      this.#letGo();
      this.#ask(this.#turns.next(this.#unreached()));
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
    this.#ask([peer]);
    this.#settleSoon();
  }

  /** Two that differ, who lacks something is not known: each is to get what it lacks of these kinds. */
  reconcile(peer: PeerId, kinds: readonly string[]): void {
    if (!this.#comparisons.knowsTrees(peer)) this.#owe(peer, kinds);
    this.#askAbout(peer, kinds);
  }

  /** At once and once, to a peer whose session is about to end. */
  tell(peer: PeerId, kinds: readonly string[]): void {
    const messages = kinds.flatMap((kind) => [...recordMessages(this.#shared.records(kind))]);
    for (const message of messages.slice(0, lastWords)) this.#channel.send(peer, message);
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
    } else if (message.kind === "tree" || message.kind === "want") {
      this.#walk(from, message);
    } else this.#compare(from, message);
  }

  #take(from: PeerId, records: readonly Uint8Array[]): void {
    const fresh = this.#merge(from, records);
    if (fresh.length > 0) this.#comparisons.progressed(from);
    const news = this.#limits.within(fresh, this.#clock.now());
    this.#spread(news, from);
    if (news.length === fresh.length) return;
    this.#rumours?.hurry();
    this.#settleSoon();
  }

  /** What was new; nothing when there was no time for it. */
  #merge(from: PeerId, records: readonly Uint8Array[]): readonly Uint8Array[] {
    const start = this.#clock.now();
    if (!this.#hearing.isHeard(from, start)) {
      this.#log.log("debug", "A peer sends more records than there is time to check", { peer: from });
      return [];
    }
    const fresh = this.#shared.merge(records);
    const now = this.#clock.now();
    this.#hearing.charge(from, { time: now - start, news: fresh.length / Math.max(1, records.length) }, now);
    return fresh;
  }

  /** It goes further by the way that it came; here only to those who are not on it. */
  #takeRumour(from: PeerId, record: Uint8Array): boolean {
    if (this.#stopped) return false;
    const now = this.#clock.now();
    // Others may lack it; but whoever brings up what is old again and again is not to have the whole mesh carry it.
    if (this.#shared.holds(record)) return this.#limits.mayEcho(now);
    if (!this.#limits.covers(record, now)) return false;
    const fresh = this.#limits.within(this.#merge(from, [record]), now);
    this.#flood(fresh, from);
    return fresh.length > 0;
  }

  #differs(peer: PeerId, digest: Uint8Array): void {
    const now = this.#clock.now();
    if (this.#stopped || this.#news.isOnItsWay(now) || this.#comparisons.isOpen(peer)) return;
    if (!this.#isWorthTelling(peer, everything, [this.#shared.wholeDigest(), digest])) return;
    this.#comparisons.introduce(peer, Flag.trees | Flag.rumours);
    this.#ask([peer]);
  }

  #compare(from: PeerId, message: DigestMessage): void {
    this.#comparisons.introduce(from, message.flags);
    this.#correct(from, message);
    const own = (kind: string) => this.#digest(kind, message.kind);
    const { same = [], different = [] } = Object.groupBy(
      message.digests,
      ([kind, digest]) => equalBytes(digest, own(kind)) ? "same" : "different",
    );
    for (const [kind] of same) this.#stalemates.settle(from, kind);
    if (different.length === 0) return;
    if (message.kind !== "differ" && this.#comparisons.knowsTrees(from)) {
      return this.#beginWalks(from, different, own);
    }
    // No longer than the question, and the only way to learn that we lack a kind of which we know nothing.
    if (message.kind === "digests") this.#sendDigests(from, "differ", different.map(([kind]) => kind));
    const owed = different.filter(([kind, theirs]) =>
      this.#shared.records(kind).length > 0 && this.#isWorthTelling(from, kind, [own(kind), theirs])
    );
    this.#owe(from, owed.map(([kind]) => kind));
  }

  /** Who asks may do so because no rumour reached this node when the two of them met. */
  #correct(peer: PeerId, { kind, digests }: DigestMessage): void {
    const isQuestion = kind !== "differ" && digests.length > 0;
    if (isQuestion && this.#isLinked() && this.#comparisons.knowsTrees(peer)) {
      this.#send(peer, encodeFlags(this.#flags()));
    }
  }

  #isLinked(): boolean {
    return this.#rumours?.isLinked() === true;
  }

  #flags(): number {
    return this.#isLinked() ? Flag.trees | Flag.rumours : Flag.trees;
  }

  #beginWalks(peer: PeerId, different: readonly KindDigest[], own: (kind: string) => Uint8Array): void {
    const now = this.#clock.now();
    const known = new Set(this.#shared.kinds());
    // Of kinds that nobody here knows there may be any number; nothing is remembered of them.
    const begun = different.filter(([kind, theirs]) =>
      this.#comparisons.begins(peer, kind, now) &&
      (!known.has(kind) || this.#isWorthTelling(peer, kind, [own(kind), theirs]))
    );
    // A stalemate needs no asking anew; what the other one is to begin may have been lost.
    const isLeft = begun.length > 0 || different.some(([kind]) => !this.#comparisons.begins(peer, kind, now));
    if (isLeft) this.#say(peer, this.#comparisons.begin(peer, begun.map(([kind]) => kind), now));
  }

  #walk(from: PeerId, message: Extract<StateMessage, { kind: "tree" | "want" }>): void {
    const now = this.#clock.now();
    if (!this.#walking.isHeard(from, now)) return;
    const { messages, owed } = this.#comparisons.answer(from, message, now);
    const end = this.#clock.now();
    this.#walking.charge(from, { time: end - now, news: 0 }, end);
    if (owed.length > 0) {
      this.#repairs.oweRecords(from, owed, now);
      this.#repair();
    }
    this.#say(from, messages);
  }

  /** Parts of a walk, which goes on, or is begun anew. */
  #say(peer: PeerId, messages: readonly Uint8Array[]): void {
    for (const message of messages) this.#send(peer, message);
    this.#retrySoon();
  }

  #retrySoon(): void {
    const now = this.#clock.now();
    this.#retryBy ??= now + longestRetry;
    this.#timers.retry?.cancel();
    this.#timers.retry = this.#timer(Math.min(settleDelay, this.#retryBy - now), () => {
      this.#retryBy = undefined;
      const { peers, isMore } = this.#comparisons.unsettled(this.#clock.now());
      this.#ask(peers);
      if (isMore || peers.length > 0) this.#retrySoon();
    });
  }

  #isWorthTelling(peer: PeerId, kind: string, digests: readonly [Uint8Array, Uint8Array]): boolean {
    return this.#stalemates.isWorthTelling(peer, kind, digests, this.#clock.now());
  }

  /** New records, to all but the one they came from. */
  #spread(records: readonly Uint8Array[], broughtBy?: PeerId): void {
    if (records.length === 0 || this.#stopped) return;
    if (this.#rumours !== undefined) this.#rumour(this.#rumours, records, broughtBy === undefined);
    this.#flood(records, broughtBy);
  }

  #rumour(rumours: Rumours, records: readonly Uint8Array[], areOurs: boolean): void {
    if (!areOurs && !this.#limits.mayRumour(records.length, this.#clock.now())) return rumours.hurry();
    for (const record of records) rumours.spread(record);
  }

  /** To peers whom no rumour reaches. */
  #flood(records: readonly Uint8Array[], broughtBy: PeerId | undefined): void {
    if (records.length === 0) return;
    this.#news.changed(this.#clock.now());
    const messages = [...recordMessages(records)];
    const peers = this.#unreached().filter((peer) => peer !== broughtBy);
    for (const peer of peers) for (const message of messages) this.#channel.send(peer, message);
    this.#settleSoon();
  }

  #unreached(): readonly PeerId[] {
    const peers = this.#channel.peers();
    const rumours = this.#rumours;
    if (rumours === undefined || !rumours.isLinked()) return peers;
    return peers.filter((peer) => !this.#comparisons.takesRumours(peer) || !rumours.reaches(peer));
  }

  #ask(peers: readonly PeerId[]): void {
    for (const peer of peers) this.#askAbout(peer, this.#shared.kinds());
  }

  #askAbout(peer: PeerId, kinds: readonly string[]): void {
    this.#sendDigests(peer, this.#comparisons.knowsTrees(peer) ? "roots" : "digests", kinds);
    this.#comparisons.asked(peer, kinds, this.#clock.now());
  }

  #sendDigests(peer: PeerId, question: DigestMessage["kind"], kinds: readonly string[]): void {
    const digests = kinds.map((kind): KindDigest => [kind, this.#digest(kind, question)]);
    for (const message of encodeDigests(question, digests, this.#flags())) this.#send(peer, message);
  }

  #digest(kind: string, question: DigestMessage["kind"]): Uint8Array {
    return question === "roots" ? this.#shared.tree(kind).digest("") : this.#shared.digest(kind);
  }

  #send(peer: PeerId, message: Uint8Array): boolean {
    if (this.#channel.peers().includes(peer)) return this.#channel.send(peer, message);
    const now = this.#clock.now();
    const isNeighbour = this.#rumours?.isNeighbour?.(peer) === true;
    if (this.#rumours === undefined || !this.#limits.mayAside(peer, now, isNeighbour)) return false;
    this.#others.note(peer, now);
    return this.#rumours.send(peer, message);
  }

  #settleSoon(): void {
    this.#timers.settle?.cancel();
    this.#timers.settle = this.#timer(settleDelay, () => this.#ask(this.#turns.next(this.#unreached())));
  }

  #letGo(): void {
    const peers = [...this.#channel.peers(), ...this.#others.list(this.#clock.now())];
    this.#limits.sweep(this.#clock.now());
    this.#stalemates.keepOnly(peers, [...this.#shared.kinds(), everything]);
    this.#hearing.keepOnly(peers);
    this.#walking.keepOnly(peers);
    this.#comparisons.keepOnly(peers);
    this.#shared.sweep();
  }

  #owe(peer: PeerId, kinds: readonly string[]): void {
    if (kinds.length === 0) return;
    this.#repairs.owe(peer, kinds, this.#clock.now());
    this.#repair();
  }

  #repair(): void {
    const now = this.#clock.now();
    for (const peer of this.#repairs.due(now)) {
      const send = (records: readonly Uint8Array[]) => this.#send(peer, encodeRecords(records));
      if (this.#repairs.go(peer, now, send)) this.#told(peer);
      else if (!this.#isThere(peer)) this.#repairs.forget(peer);
    }
    this.#timers.repair?.cancel();
    const { deadline } = this.#repairs;
    if (deadline !== undefined) this.#timers.repair = this.#timer(deadline - now, () => this.#repair());
  }

  /** Somebody who is told more in a second. */
  #isThere(peer: PeerId): boolean {
    return this.#channel.peers().includes(peer) || this.#rumours?.reaches(peer) === true;
  }

  #timer(delay: Millis, run: () => void): Timer {
    return this.#clock.timer(this.#clock.now() + delay, () => this.#stopped || run());
  }
}
