/**
 * How members learn of each other. Admissions, revocations and announcements are a shared state that the
 * {@link Replicator} carries; here is what is no such state: the network keys, which follow it, and news of clones.
 *
 * A message of the channel `mesh` is a CBOR array [version, kind, content]:
 *
 *     [1, "key", [epoch, secret 32 bytes, digest 16 bytes, digest 16 bytes or null]]
 *                                            the newest network key, with the hashes of the revocations that its sender
 *                                            knows and of those that its maker knew
 *     [1, "clone", [endpoint as text, …]]    to both that use one identity: where the sender has seen it
 *
 * A key is taken only by a node that knows all the revocations its sender knows, and passed on only from there: it must
 * not overtake the news of who is not to have it. Two that differ tell each other their records, and a second later the
 * key again: who shows an older one is told the newest.
 *
 * A key that was lost on its way is told again every 30 s. Two that know different revocations for good,
 * because there is no place for all, tell each other the same ever less often: see `stalemates.ts`.
 *
 * Two revocations on two sides of a partition make two keys, each of which is known to one of those revoked. So a key
 * whose maker did not know all the revocations that there are is replaced: by the first of its members, or the next one
 * if that one does not.
 */
import type { Channel, Clock, Logger, Timer } from "../contracts/host.ts";
import type { ReplicatedState, Replication } from "../contracts/replicated_state.ts";
import type { Millis, PeerId } from "../contracts/values.ts";
import type { EpochKey } from "./key_ring.ts";
import { decodeCbor, encodeCbor } from "../wire/cbor.ts";
import { equalBytes } from "../wire/bytes.ts";
import { parseEndpoint } from "../wire/endpoint.ts";
import type { Replicator } from "./replicator.ts";
import { Stalemates } from "./stalemates.ts";

/** What is shared, and who judges it. */
export interface RecordBook extends ReplicatedState {
  /** 16 bytes, equal on two nodes that hold the same revocations. */
  exclusionsDigest(): Uint8Array;
  newestKey(): EpochKey;
  /** True when the newest key was made by somebody who did not know of all revocations. */
  isKeyStale(): boolean;
  /** True when the key is newer than ours and now in use. */
  learnKey(key: EpochKey): boolean;
  /** True while others hold an announcement of this node that it does not know of. */
  isOutspoken(): boolean;
  /** Writes anew what the disk has refused; called every now and then. */
  rewrite(): void;
}

const keyEvery: Millis = 30_000;
const recheckAfter: Millis = 1000;
/** Between two answers to an announcement of ours that is not ours: two clones would outbid each other without end. */
const selfEvery: Millis = 30_000;
/** Time for a better key to come by itself, and for each peer that is to replace it before us. */
const stalePatience: Millis = 40_000;
const staleStep: Millis = 10_000;
/**
 * No honest peer is more revocations ahead of us, and none makes them faster than one a second for long. One that is not
 * honest must not use up all epochs there are, for records have 32 bits for them: after that nobody could be shut out.
 */
const mostEpochs = 1_024;
const epochEvery: Millis = 1000;
const version = 1;
const exclusionsSubject = "exclusions";

export interface IntroductionParts {
  readonly self: PeerId;
  /** Of the name `mesh`. */
  readonly channel: Channel;
  readonly replicator: Replicator;
  readonly book: RecordBook;
  readonly clock: Clock;
  readonly log: Logger;
}

export class Introductions {
  readonly #self: PeerId;
  readonly #channel: Channel;
  readonly #book: RecordBook;
  readonly #replicator: Replicator;
  readonly #replication: Replication;
  readonly #clock: Clock;
  readonly #log: Logger;
  #timer: Timer | undefined;
  #stopped = false;
  #renewal: Timer | undefined;
  #answer: Timer | undefined;
  #recheck: Timer | undefined;
  /** Whose key could not be taken, because they know of other revocations. */
  readonly #doubtful = new Set<PeerId>();
  readonly #stalemates = new Stalemates();
  /** Who has told of a clone of ours in this round. */
  readonly #clonesSeen = new Set<PeerId>();
  #answeredAt: Millis = Number.NEGATIVE_INFINITY;
  /** How many epochs may be passed over, and as of when. */
  readonly #epochs = { left: mostEpochs, asOf: 0 };
  #renew: () => void = () => {};
  #speak: () => void = () => {};
  #cloneSeen: (from: PeerId, places: readonly string[]) => void = () => {};

  constructor({ self, channel, replicator, book, clock, log }: IntroductionParts) {
    this.#self = self;
    this.#channel = channel;
    this.#book = book;
    this.#replicator = replicator;
    this.#clock = clock;
    this.#log = log;
    this.#replication = replicator.replicate({
      name: book.name,
      kinds: book.kinds,
      records: () => book.records(),
      merge: (records) => this.#merge(records),
    });
    replicator.onTold((peer) => this.#sendKey(peer));
    channel.receive((from, message) => this.#receive(from, message));
  }

  /** Called with what a peer says of our own identity being in use elsewhere. */
  onCloneSeen(handler: (from: PeerId, places: readonly string[]) => void): void {
    this.#cloneSeen = handler;
  }

  /** Called when a new key is this node's to make. */
  onStaleKey(handler: () => void): void {
    this.#renew = handler;
  }

  /** Called when this node is to announce itself anew: what others know of it is not what it said. */
  onOutspoken(handler: () => void): void {
    this.#speak = handler;
  }

  start(): void {
    this.#replicator.start();
    this.#tellKeys();
  }

  stop(): void {
    this.#stopped = true;
    this.#replicator.stop();
    for (const timer of [this.#timer, this.#renewal, this.#answer, this.#recheck]) timer?.cancel();
  }

  /** To a peer that has just come up. */
  greet(peer: PeerId): void {
    this.#replicator.greet(peer);
    this.#sendKey(peer);
  }

  /** The records alone, without the key: what a peer that is being shut out may hear last. */
  tell(peer: PeerId): void {
    this.#replicator.tell(peer, this.#book.kinds);
  }

  /** Records that were made here, to every peer. */
  spread(records: readonly Uint8Array[]): void {
    this.#replication.spread(records);
  }

  spreadKey(except?: PeerId): void {
    for (const peer of this.#channel.peers()) {
      if (peer !== except) this.#sendKey(peer);
    }
  }

  tellClone(peer: PeerId, places: readonly string[]): void {
    this.#send(peer, "clone", places);
  }

  #receive(from: PeerId, message: Uint8Array): void {
    const [kind, content] = this.#parse(message);
    if (kind === "key") return this.#learnKey(from, content);
    if (kind === "clone") return this.#learnClone(from, content);
    this.#log.log("debug", "Unknown introduction", { peer: from, kind });
  }

  /** Of each peer once a round: what it says is logged as an error. */
  #learnClone(from: PeerId, content: unknown): void {
    if (this.#clonesSeen.has(from)) return;
    this.#clonesSeen.add(from);
    this.#cloneSeen(from, endpointTexts(content));
  }

  #parse(message: Uint8Array): readonly [unknown, unknown] {
    try {
      const decoded = decodeCbor(message);
      if (Array.isArray(decoded) && decoded[0] === version) return [decoded[1], decoded[2]];
    } catch {
      // Hostile or newer bytes; the caller logs the kind, which is then undefined.
    }
    return [undefined, undefined];
  }

  #merge(records: readonly Uint8Array[]): readonly Uint8Array[] {
    const fresh = this.#book.merge(records);
    if (fresh.length > 0) this.#answerForSelf();
    this.#checkKey();
    return fresh;
  }

  /** At once, but no more often than once in a while. */
  #answerForSelf(): void {
    if (this.#answer !== undefined || this.#stopped || !this.#book.isOutspoken()) return;
    const at = Math.max(this.#clock.now(), this.#answeredAt + selfEvery);
    this.#answer = this.#clock.timer(at, () => {
      this.#answer = undefined;
      this.#answeredAt = this.#clock.now();
      if (this.#book.isOutspoken()) this.#speak();
    });
  }

  #tellKeys(): void {
    this.#checkKey();
    this.#timer = this.#clock.timer(this.#clock.now() + keyEvery, () => {
      this.#stalemates.keepOnly(this.#channel.peers(), [exclusionsSubject]);
      this.#clonesSeen.clear();
      this.#book.rewrite();
      this.spreadKey();
      this.#tellKeys();
    });
  }

  #checkKey(): void {
    if (this.#renewal !== undefined || this.#stopped || !this.#book.isKeyStale()) return;
    const before = this.#channel.peers().filter((peer) => peer < this.#self).length;
    this.#renewal = this.#clock.timer(this.#clock.now() + stalePatience + before * staleStep, () => {
      this.#renewal = undefined;
      if (this.#book.isKeyStale()) this.#renew();
    });
  }

  #learnKey(from: PeerId, content: unknown): void {
    if (!Array.isArray(content)) return;
    const [epoch, secret, exclusions, madeFor] = content;
    if (!Number.isSafeInteger(epoch) || !(secret instanceof Uint8Array) || secret.length !== 32) return;
    if (!(exclusions instanceof Uint8Array)) return;
    const ahead = epoch - this.#book.newestKey().epoch;
    if (ahead < 0) return this.#sendKey(from);
    // One of the same epoch that wins counts too, for it goes to everybody.
    const cost = Math.max(1, ahead);
    if (cost > this.#epochsLeft()) return;
    if (!equalBytes(exclusions, this.#book.exclusionsDigest())) this.#reconcile(from, exclusions);
    else if (this.#book.learnKey({ epoch, secret, exclusions: digestOf(madeFor) })) {
      this.#epochs.left -= cost;
      this.spreadKey(from);
    }
    this.#checkKey();
  }

  #epochsLeft(): number {
    const now = this.#clock.now();
    const regained = Math.floor((now - this.#epochs.asOf) / epochEvery);
    this.#epochs.left = Math.min(mostEpochs, this.#epochs.left + regained);
    this.#epochs.asOf += regained * epochEvery;
    return this.#epochs.left;
  }

  /** The records first; by the time that both know the same, the keys are compared once more. */
  #reconcile(peer: PeerId, theirs: Uint8Array): void {
    const digests = [this.#book.exclusionsDigest(), theirs] as const;
    if (!this.#stalemates.isWorthTelling(peer, exclusionsSubject, digests, this.#clock.now())) return;
    this.#replicator.reconcile(peer, this.#book.kinds);
    if (this.#stopped) return;
    this.#doubtful.add(peer);
    this.#recheck ??= this.#clock.timer(this.#clock.now() + recheckAfter, () => {
      this.#recheck = undefined;
      for (const each of this.#doubtful) this.#sendKey(each);
      this.#doubtful.clear();
    });
  }

  #sendKey(peer: PeerId): void {
    const { epoch, secret, exclusions = null } = this.#book.newestKey();
    this.#send(peer, "key", [epoch, secret, this.#book.exclusionsDigest(), exclusions]);
  }

  #send(peer: PeerId, kind: string, content: unknown): void {
    this.#channel.send(peer, encodeCbor([version, kind, content]));
  }
}

/** What a peer claims goes to the operator's eyes: endpoints and nothing else, two at most. */
function endpointTexts(value: unknown): readonly string[] {
  const texts = Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
  return texts.filter((text) => parseEndpoint(text) !== undefined).slice(0, 2);
}

function digestOf(value: unknown): Uint8Array | undefined {
  return value instanceof Uint8Array && value.length === 16 ? value : undefined;
}
