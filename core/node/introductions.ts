/**
 * How members learn of each other: every peer tells a new session all signed records it holds, and passes on what is
 * new to it. Records are opaque here: the book judges them, and keeps only kinds that it knows.
 *
 * A message of the channel is a CBOR array [version, kind, content]:
 *
 *     [1, "records", [record bytes, …]]      signed records, in pieces that fit one datagram
 *     [1, "digest", 16 bytes]                hash of all records held; a peer with another one answers with its records
 *     [1, "key", [epoch, secret 32 bytes, digest 16 bytes, digest 16 bytes or null]]
 *                                            the newest network key, with the hashes of the revocations that its sender
 *                                            knows and of those that its maker knew
 *     [1, "clone", [endpoint as text, …]]    to both that use one identity: where the sender has seen it
 *
 * A key is taken only by a node that knows all the revocations its sender knows, and passed on only from there: it must
 * not overtake the news of who is not to have it. Whoever lacks some asks with its digest and is told both again.
 *
 * A key that was lost on its way is told again with the digests; who shows an older one is told the newest.
 *
 * Two revocations on two sides of a partition make two keys, each of which is known to one of those revoked. So a key
 * whose maker did not know all the revocations that there are is replaced: by the first of its members, or the next one
 * if that one does not.
 *
 * Flooding what is new costs O(peers) messages per record, which a full mesh of at most 64 can bear; a datagram lost is
 * made good by the digest.
 */
import { type Channel, type Clock, type Logger, maxChannelMessage, type Timer } from "../contracts/host.ts";
import type { Millis, PeerId } from "../contracts/values.ts";
import type { EpochKey } from "./key_ring.ts";
import { decodeCbor, encodeCbor } from "../wire/cbor.ts";
import { equalBytes } from "../wire/bytes.ts";
import { parseEndpoint } from "../wire/endpoint.ts";

/** What is spread, and who judges it. */
export interface RecordBook {
  records(): readonly Uint8Array[];
  /** 16 bytes, equal on two nodes that hold the same records. */
  digest(): Uint8Array;
  /** Keeps what is valid; the records that were new. Hostile bytes change nothing. */
  learn(records: readonly Uint8Array[]): readonly Uint8Array[];
  /** As {@link digest}, over the revocations alone. */
  exclusionsDigest(): Uint8Array;
  newestKey(): EpochKey;
  /** True when the newest key was made by somebody who did not know of all revocations. */
  isKeyStale(): boolean;
  /** True when the key is newer than ours and now in use. */
  learnKey(key: EpochKey): boolean;
}

const digestEvery: Millis = 30_000;
/** A peer is told all we know no more often: a liar must not make us its amplifier, nor two that differ each other's. */
const repairEvery: Millis = 1_000;
/** Time for a better key to come by itself, and for each peer that is to replace it before us. */
const stalePatience: Millis = 40_000;
const staleStep: Millis = 10_000;
/** No honest peer is more revocations ahead of us; one that is not must not use up all epochs there are. */
const longestEpochJump = 1_024;
const version = 1;
/** Room for the CBOR around the records of one message. */
const pieceBytes = maxChannelMessage - 64;

export interface IntroductionParts {
  readonly self: PeerId;
  readonly channel: Channel;
  readonly book: RecordBook;
  readonly clock: Clock;
  readonly log: Logger;
}

export class Introductions {
  readonly #self: PeerId;
  readonly #channel: Channel;
  readonly #book: RecordBook;
  readonly #clock: Clock;
  readonly #log: Logger;
  #timer: Timer | undefined;
  /** Who was told all lately, until when that lasts, and whether something is owed by then. */
  readonly #repairs = new Map<PeerId, { readonly timer: Timer; isOwed: boolean }>();
  #stopped = false;
  #renewal: Timer | undefined;
  #renew: () => void = () => {};
  #cloneSeen: (from: PeerId, places: readonly string[]) => void = () => {};

  constructor({ self, channel, book, clock, log }: IntroductionParts) {
    this.#self = self;
    this.#channel = channel;
    this.#book = book;
    this.#clock = clock;
    this.#log = log;
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

  start(): void {
    this.#checkKey();
    this.#timer = this.#clock.timer(this.#clock.now() + digestEvery, () => {
      for (const peer of this.#channel.peers()) {
        this.#send(peer, "digest", this.#book.digest());
        this.#sendKey(peer);
      }
      this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#renewal?.cancel();
    for (const { timer } of this.#repairs.values()) timer.cancel();
    this.#repairs.clear();
    this.#stopped = true;
  }

  /** All we know, to a peer that has just come up. */
  greet(peer: PeerId): void {
    this.#sendRecords(peer, this.#book.records());
    this.#sendKey(peer);
  }

  /** The records alone, without the key: what a peer that is being shut out may hear last. */
  tell(peer: PeerId): void {
    this.#sendRecords(peer, this.#book.records());
  }

  /** New records, to every peer but the one they came from. */
  spread(records: readonly Uint8Array[], except?: PeerId): void {
    for (const peer of this.#channel.peers()) {
      if (peer !== except) this.#sendRecords(peer, records);
    }
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
    if (kind === "records") return this.#learn(from, bytesList(content));
    if (kind === "digest") return this.#compare(from, digestOf(content));
    if (kind === "key") return this.#learnKey(from, content);
    if (kind === "clone") return this.#cloneSeen(from, endpointTexts(content));
    this.#log.log("debug", "Unknown introduction", { peer: from, kind });
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

  #learn(from: PeerId, records: readonly Uint8Array[]): void {
    const learned = this.#book.learn(records);
    if (learned.length > 0) this.spread(learned, from);
    this.#checkKey();
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
    const newest = this.#book.newestKey().epoch;
    if (!(exclusions instanceof Uint8Array) || epoch > newest + longestEpochJump) return;
    if (epoch < newest) return this.#sendKey(from);
    if (!equalBytes(exclusions, this.#book.exclusionsDigest())) this.#repair(from);
    else if (this.#book.learnKey({ epoch, secret, exclusions: digestOf(madeFor) })) this.spreadKey(from);
    this.#checkKey();
  }

  #compare(from: PeerId, digest: Uint8Array | undefined): void {
    if (digest !== undefined && !equalBytes(digest, this.#book.digest())) this.#tellAll(from);
  }

  /** Which of the two lacks something is not known: the peer is told all and asked for all. */
  #repair(peer: PeerId): void {
    this.#tellAll(peer);
    this.#send(peer, "digest", this.#book.digest());
  }

  #tellAll(peer: PeerId): void {
    const last = this.#repairs.get(peer);
    if (this.#stopped) return;
    if (last !== undefined) {
      last.isOwed = true;
      return;
    }
    const timer = this.#clock.timer(this.#clock.now() + repairEvery, () => {
      const isOwed = this.#repairs.get(peer)?.isOwed === true;
      this.#repairs.delete(peer);
      if (isOwed) this.#tellAll(peer);
    });
    this.#repairs.set(peer, { timer, isOwed: false });
    this.greet(peer);
  }

  #sendKey(peer: PeerId): void {
    const { epoch, secret, exclusions = null } = this.#book.newestKey();
    this.#send(peer, "key", [epoch, secret, this.#book.exclusionsDigest(), exclusions]);
  }

  #sendRecords(peer: PeerId, records: readonly Uint8Array[]): void {
    for (const piece of piecesOf(records)) this.#send(peer, "records", piece);
  }

  #send(peer: PeerId, kind: string, content: unknown): void {
    this.#channel.send(peer, encodeCbor([version, kind, content]));
  }
}

/** Groups records so that each group, with 4 bytes of CBOR per record, fits one message. */
function piecesOf(records: readonly Uint8Array[]): readonly (readonly Uint8Array[])[] {
  const pieces: Uint8Array[][] = [];
  let room = 0;
  for (const record of records) {
    const size = record.length + 4;
    if (size > pieceBytes) continue;
    if (size > room) {
      pieces.push([]);
      room = pieceBytes;
    }
    pieces.at(-1)!.push(record);
    room -= size;
  }
  return pieces;
}

/** What a peer claims goes to the operator's eyes: endpoints and nothing else, two at most. */
function endpointTexts(value: unknown): readonly string[] {
  const texts = Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
  return texts.filter((text) => parseEndpoint(text) !== undefined).slice(0, 2);
}

function digestOf(value: unknown): Uint8Array | undefined {
  return value instanceof Uint8Array && value.length === 16 ? value : undefined;
}

function bytesList(value: unknown): readonly Uint8Array[] {
  return Array.isArray(value) ? value.filter((item) => item instanceof Uint8Array) : [];
}
