/**
 * The shell around a voter: its disk, its messages, its clock. Also on a node that is none, since anybody keeps the
 * history of lists and decisions and may want something decided.
 *
 *     node/voters/stand        see `stored_voter.ts`
 *     node/voters/record/<id>  lists, forced lists and decisions, as signed
 *
 * Votes of others are not kept: they come again with the first exchange of records.
 */
import { errorCode, MeshError } from "../contracts/errors.ts";
import type { Channel, Clock, Logger, Self, Timer } from "../contracts/host.ts";
import type { Replication } from "../contracts/replicated_state.ts";
import type { Store, StoreChange } from "../contracts/store.ts";
import type { Millis, PeerId } from "../contracts/values.ts";
import type { Founding } from "../identity/founding.ts";
import { peerIdOf } from "../identity/identity.ts";
import type { Member } from "../identity/judgement.ts";
import { claimedKind, recordId } from "../identity/signed.ts";
import { slotsPerEpoch } from "../voters/chain.ts";
import { dueList, type Host } from "../voters/due_list.ts";
import { makeMotion, votersMotion, type Wish } from "../voters/motion.ts";
import { decodeStoredVoter } from "../voters/stored_voter.ts";
import { voteKind } from "../voters/vote_record.ts";
import { Voter, type VoterStep } from "../voters/voter.ts";
import { VoterRecords } from "../voters/voter_records.ts";
import { decodeVoterList, encodeVoterList, placeOf, type VoterList } from "../voters/voter_list.ts";
import { encodeHex } from "../wire/hex.ts";
import { HostTimes } from "./host_times.ts";
import { LateWrites } from "./late_writes.ts";
import { readRecords } from "./state_records.ts";
import { OwedAnswers } from "./owed_answers.ts";
import { decodeVotingMessage, encodeVotingMessage, type VotingMessage } from "./voting_message.ts";

export interface VotingParts {
  readonly self: Pick<Self, "id" | "publicKey" | "sign">;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  /** Tells an operator; as `Alerts.raise`. */
  raise(alert: string, detail: string): void;
  /** Of the name `voters`. */
  readonly channel: Channel;
  readonly founding: Founding;
  readonly replication: Replication;
  /** As `Trust.members`. */
  members(): readonly Member[];
  /** The store is a backup, or was copied from another host. */
  readonly isDiskOld?: boolean;
}

/** Whether a motion of some kind is right, as far as this node knows. */
export type MotionJudge = (motion: Wish) => boolean;

const standKey = "node/voters/stand";
const recordPrefix = "node/voters/record/";
const roundEvery: Millis = 10_000;
const askEvery: Millis = 2000;
const dueEvery: Millis = 60_000;
/** After a write that failed; twice as long after each further one, up to a round of what is due. */
const writeAgain: Millis = 1000;
/** Up for so long a host is asked whether it can vote: two rounds before it could become a voter. */
const askAfter: Millis = 8 * 60_000;
/** After the last time that somebody has asked for it; then the one who did may have given up long ago. */
const wishedFor: Millis = 20_000;
/** Before the last slot of an epoch: then it is time for the next one, if with the same voters. */
const reserve = 16;

export class Voting {
  readonly history: VoterRecords;
  readonly #parts: VotingParts;
  readonly #voter: Voter;
  readonly #late: LateWrites;
  readonly #times = new HostTimes();
  readonly #judges = new Map<string, MotionJudge>();
  /** Ids in hex of what is on disk or on its way there. */
  readonly #kept: Set<string>;
  readonly #timers: { round?: Timer; drive?: Timer; due?: Timer } = {};
  /** Who has given which part of an answer. */
  readonly #answers = new Map<PeerId, number>();
  readonly #owed = new OwedAnswers();
  /** How often those that are up were asked whether they know of voters; without end for who has said a word. */
  readonly #asked = new Map<PeerId, number>();
  readonly #watchers: (() => void)[] = [];
  #wanted: Wish | undefined;
  #isWriting = false;
  /** Writes that failed one after the other, and before when none is tried again, whatever happens. */
  readonly #failed = { count: 0, until: Number.NEGATIVE_INFINITY };
  #isStopped = false;

  /** Throws STATE_CORRUPT or UNSUPPORTED for votes on disk that it cannot read. */
  constructor(parts: VotingParts) {
    this.#parts = parts;
    this.#late = new LateWrites(parts.store, parts.log);
    this.history = new VoterRecords(parts.founding, (key) => this.#isMember(key));
    const kept = readRecords(parts.store, recordPrefix);
    this.#kept = new Set(kept.map(([key]) => key.slice(recordPrefix.length)));
    this.history.merge(kept.map(([, record]) => record));
    this.#voter = this.#openVoter();
    parts.channel.receive((from, bytes) => this.#receive(from, bytes));
  }

  start(): void {
    const last = this.#voter.last;
    if (last !== undefined) this.#parts.replication.spread([last.bytes]);
    this.#round();
    this.#due();
    this.#drive();
  }

  stop(): void {
    this.#isStopped = true;
    for (const timer of Object.values(this.#timers)) timer.cancel();
  }

  records(): readonly Uint8Array[] {
    return this.history.records();
  }

  merge(records: readonly Uint8Array[]): readonly Uint8Array[] {
    const fresh = this.history.merge(records);
    if (fresh.length > 0) this.#changed();
    return fresh;
  }

  /** Others know something of this node that it does not: its disk is an old one, or it has a clone. */
  suspect(): void {
    this.#voter.suspect();
    this.#soon();
  }

  /** Members came or went. */
  membersChanged(): void {
    this.history.membersChanged();
    this.#changed();
  }

  /** Without one, nothing of this kind gets this node's vote. Throws for a kind that has one. */
  judge(kind: string, judge: MotionJudge): void {
    if (this.#judges.has(kind) || kind === votersMotion) {
      throw new RangeError(`motions of kind ${kind} have a judge`);
    }
    this.#judges.set(kind, judge);
  }

  /** Calls after each change of what is held, once it is on its way to disk. */
  onChanged(watcher: () => void): void {
    this.#watchers.push(watcher);
  }

  /**
   * Asks for a decision: this voter, or from a node that is none the voters it has a session with, who may forget it, so
   * that whoever needs it asks again. Throws INVALID_ARGUMENT for no motion, POOL_EXHAUSTED for too many at once, and
   * UNREACHABLE where there is nobody to ask.
   */
  propose(wish: Wish): void {
    makeMotion(this.#parts.founding.networkId, this.history.position(), wish);
    const { voters } = this.history.term();
    const others = voters.map(peerIdOf).filter((id) => id !== this.#parts.self.id);
    if (others.length < voters.length) {
      if (!this.#voter.propose(wish, this.history, this.#parts.clock.now() + wishedFor)) {
        throw new MeshError(
          "POOL_EXHAUSTED",
          "Cannot ask for a decision: this voter waits for too many; ask later",
        );
      }
      return this.#soon();
    }
    const told = others.filter((voter) => this.#send(voter, { kind: "want", wish }));
    if (told.length > 0) return;
    throw new MeshError(
      "UNREACHABLE",
      "Cannot ask for a decision: no voter has a session with this node; ask later",
    );
  }

  #openVoter(): Voter {
    const { self, store, isDiskOld = false } = this.#parts;
    const bytes = store.get(standKey);
    const stored = bytes === undefined ? {} : { stored: decodeStoredVoter(bytes) };
    const voter = new Voter(self, { ...stored, isDiskOld, isFit: (motion) => this.#isFit(motion) });
    if (voter.last !== undefined) this.history.merge([voter.last.bytes]);
    return voter;
  }

  #isMember(key: Uint8Array): boolean {
    const id = peerIdOf(key);
    return this.#parts.members().some((member) => member.id === id && member.state === "admitted");
  }

  #isFit(wish: Wish): boolean {
    if (wish.kind !== votersMotion) {
      return this.history.isComplete() && this.#judges.get(wish.kind)?.(wish) === true;
    }
    return decodeVoterList(wish.payload)?.every((key) => this.#isMember(key)) === true;
  }

  #changed(): void {
    this.#keep();
    for (const watcher of this.#watchers) watcher();
    this.#soon();
  }

  /** The disk follows what is held. */
  #keep(): void {
    const held = new Map(
      this.records().filter((record) => claimedKind(record) !== voteKind)
        .map((record) => [encodeHex(recordId(record)), record]),
    );
    const changes: StoreChange[] = [];
    for (const [id, value] of held) if (!this.#kept.has(id)) changes.push({ key: recordPrefix + id, value });
    for (const id of this.#kept) {
      if (!held.has(id)) changes.push({ key: recordPrefix + id, value: undefined });
    }
    this.#kept.clear();
    for (const id of held.keys()) this.#kept.add(id);
    if (changes.length > 0) this.#late.write(changes);
  }

  #accuse(voters: readonly PeerId[]): void {
    for (const peer of voters) {
      const name = this.#parts.members().find(({ id }) => id === peer)?.name ?? peer;
      this.#parts.raise(
        `voter-contradicted:${peer}`,
        `${name} has voted for two things in one place: its disk went back, or it runs twice; reset it and join anew`,
      );
    }
  }

  #soon(): void {
    this.#driveIn(0);
  }

  #drive(): void {
    if (this.#isWriting || this.#isStopped) return;
    const now = this.#parts.clock.now();
    if (now < this.#failed.until) return this.#driveIn(this.#failed.until - now);
    const step = this.#voter.next(this.history, now);
    if (step !== undefined) return void this.#take(step);
    const deadline = this.#voter.deadline();
    this.#timers.drive?.cancel();
    if (deadline !== undefined) this.#driveIn(deadline - now);
  }

  #driveIn(delay: Millis): void {
    this.#timers.drive?.cancel();
    this.#timers.drive = this.#timer(delay, () => this.#drive());
  }

  /** On disk, then for all to see. Certificates too: a voter alone would have nobody to learn them from again. */
  async #take({ stored, record }: VoterStep): Promise<void> {
    this.#isWriting = true;
    const key = stored === undefined ? recordPrefix + encodeHex(recordId(record!)) : standKey;
    const isOnDisk = await this.#write([{ key, value: stored ?? record! }]);
    this.#isWriting = false;
    if (this.#isStopped) return;
    if (stored !== undefined) this.#voter.written(isOnDisk);
    this.#count(isOnDisk);
    if (isOnDisk && stored === undefined) this.#kept.add(encodeHex(recordId(record!)));
    if (!isOnDisk) return this.#soon();
    if (record !== undefined) this.#parts.replication.spread(this.merge([record]));
    this.#soon();
  }

  #count(isOnDisk: boolean): void {
    const wait = Math.min(writeAgain * 2 ** this.#failed.count, dueEvery);
    this.#failed.until = isOnDisk ? Number.NEGATIVE_INFINITY : this.#parts.clock.now() + wait;
    this.#failed.count = isOnDisk ? 0 : Math.min(this.#failed.count + 1, 10);
  }

  async #write(changes: readonly StoreChange[]): Promise<boolean> {
    try {
      await this.#parts.store.commit(changes);
      return true;
    } catch (error) {
      this.#parts.log.log("error", "A vote cannot be kept and is not sent", {
        error,
        code: errorCode(error),
      });
      return false;
    }
  }

  #round(): void {
    this.#late.retry();
    // Not when a record comes: of two contradicting ones the second may change nothing but this.
    for (const { voters } of this.history.equivocations()) this.#accuse(voters.map(peerIdOf));
    const isHearing = this.#voter.silence(this.history) === "hearing";
    if (isHearing) this.#ask();
    this.#timers.round = this.#timer(isHearing ? askEvery : roundEvery, () => this.#round());
  }

  #ask(): void {
    for (const voter of this.history.term().voters.map(peerIdOf)) {
      if (voter !== this.#parts.self.id) this.#askOne(voter);
    }
  }

  #askOne(peer: PeerId): void {
    this.#owed.asked(peer);
    this.#send(peer, { kind: "ask" });
  }

  /** The voter in the lowest place that is up proposes what is due; the others would only outbid it. */
  #due(): void {
    this.#timers.due = this.#timer(dueEvery, () => this.#due());
    const { self, channel, clock, members } = this.#parts;
    const peers = new Set([...channel.peers(), self.id]);
    for (const peer of this.#asked.keys()) if (!peers.has(peer)) this.#asked.delete(peer);
    this.#owed.keepOnly(peers);
    if (placeOf(this.history.term().voters, self.publicKey) === -1) return;
    const seen = this.#times.see(members(), (peer) => peers.has(peer), clock.now());
    const { voters, since } = this.history.term();
    const hosts = this.#able(voters, seen);
    if (this.#wanted !== undefined) this.#voter.withdraw(this.#wanted);
    const isFull = this.history.position().slot > since + slotsPerEpoch - reserve;
    const list = (hosts && dueList(voters, hosts)) ?? (isFull ? voters : undefined);
    this.#wanted = undefined;
    if (list === undefined || voters.map(peerIdOf).find((peer) => peers.has(peer)) !== self.id) return;
    this.#wanted = { kind: votersMotion, payload: encodeVoterList(list) };
    this.#voter.propose(this.#wanted, this.history);
    this.#soon();
  }

  /**
   * Without hosts that have never said a word here. An older program looks like any host and never votes: two of three
   * votes given to such would be the last thing that this network decides. Undefined while it is too early to say.
   */
  #able(voters: VoterList, hosts: readonly Host[]): readonly Host[] | undefined {
    const isAble = ({ publicKey }: Host) =>
      placeOf(voters, publicKey) !== -1 || this.#asked.get(peerIdOf(publicKey)) === Infinity;
    const able = hosts.filter(isAble);
    if (dueList(voters, hosts, { steadyAfter: askAfter }) === undefined) return able;
    const mute = hosts.filter((host) => (host.upFor ?? 0) >= askAfter && !isAble(host))
      .map(({ publicKey }) => peerIdOf(publicKey));
    for (const peer of mute) {
      this.#asked.set(peer, (this.#asked.get(peer) ?? 0) + 1);
      this.#askOne(peer);
    }
    // A list is not made shorter while somebody may still answer who keeps it long.
    const isShorter = (dueList(voters, able)?.length ?? voters.length) < voters.length;
    return isShorter && mute.some((peer) => this.#asked.get(peer)! <= 3) ? undefined : able;
  }

  #receive(from: PeerId, bytes: Uint8Array): void {
    const message = decodeVotingMessage(bytes);
    if (this.#isStopped || message === undefined) return;
    this.#asked.set(from, Infinity);
    if (message.kind === "ask") this.#answer(from);
    if (message.kind === "told") this.#hear(from, message);
    // Who votes is for voters to propose: else any member could make itself the only one by asking for it.
    const isWished = message.kind === "want" && message.wish.kind !== votersMotion &&
      this.#isFit(message.wish);
    if (isWished) this.#wish(message.wish);
  }

  #wish(wish: Wish): void {
    try {
      this.#voter.propose(wish, this.history, this.#parts.clock.now() + wishedFor);
    } catch (error) {
      if (errorCode(error) !== "INVALID_ARGUMENT") throw error;
    }
    this.#soon();
  }

  #answer(asker: PeerId): void {
    const own = this.#voter.last?.bytes;
    const key = this.#parts.members().find(({ id }) => id === asker)?.publicKey;
    const theirs = key && this.history.voteOf(key)?.bytes;
    this.#send(asker, { kind: "told", part: 0, ...(own && { record: own }) });
    this.#send(asker, { kind: "told", part: 1, ...(theirs && { record: theirs }) });
  }

  #hear(from: PeerId, { part, record }: Extract<VotingMessage, { kind: "told" }>): void {
    const voter = this.history.term().voters.find((key) => peerIdOf(key) === from);
    if (voter === undefined || !this.#owed.take(from)) return;
    if (record !== undefined) this.#parts.replication.spread(this.merge([record]));
    const parts = (this.#answers.get(from) ?? 0) | 1 << part;
    this.#answers.set(from, parts);
    if (parts !== 3) return;
    this.#answers.delete(from);
    this.#drive();
    this.#voter.hear(voter);
    this.#soon();
  }

  #send(to: PeerId, message: VotingMessage): boolean {
    return this.#parts.channel.send(to, encodeVotingMessage(message));
  }

  #timer(delay: Millis, run: () => void): Timer {
    const { clock } = this.#parts;
    return clock.timer(clock.now() + delay, () => this.#isStopped || run());
  }
}
