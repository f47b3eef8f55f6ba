/**
 * A session: two keys, two counters, and the times after which it must not be used any more. Nonces are those of Noise
 * (revision 34, §12.3, §12.4): four zero bytes and the counter, little-endian for ChaCha20-Poly1305, big-endian for AES-GCM,
 * so that a transport message here is a transport message of the protocol named in the handshake.
 */
import type { AeadKey, AeadSuite } from "../../core/contracts/aead.ts";
import { Drop } from "../../core/contracts/drop.ts";
import type { ExportedCells, SessionKeys } from "../../core/contracts/encapsulation.ts";
import { MeshError } from "../../core/contracts/errors.ts";
import type { Millis } from "../../core/contracts/values.ts";
import { limits, protocol } from "./constants.ts";
import { ReplayWindow, windowSize } from "./replay_window.ts";
import { readCounter, type SealedType, transportHeaderLength, writeTransportHeader } from "./wire.ts";

export interface SessionStart {
  readonly localIndex: number;
  readonly remoteIndex: number;
  readonly initiator: boolean;
  readonly suite: AeadSuite;
  /** 32 bytes each, in memory that becomes the session's. */
  readonly keys: { readonly send: Uint8Array; readonly receive: Uint8Array };
  /** Both sides have said that they trust the network between them. Absent: they have not. */
  readonly mayBePlain?: boolean;
  readonly now: Millis;
}

/** The plaintext of keepalives and goodbyes. */
export const empty: Uint8Array = new Uint8Array();

export class Session {
  readonly localIndex: number;
  readonly remoteIndex: number;
  readonly initiator: boolean;
  readonly suite: AeadSuite;
  readonly createdAt: Millis;
  /** Data of this session may cross in plain while the peer is in a trusted network. */
  readonly mayBePlain: boolean;
  readonly #secrets: { readonly send: Uint8Array; readonly receive: Uint8Array };
  readonly #sendKey: AeadKey;
  readonly #receiveKey: AeadKey;
  readonly #window = new ReplayWindow();
  readonly #nonce = new Uint8Array(12);
  readonly #nonceView = new DataView(this.#nonce.buffer);
  /** Messages that this thread has sealed, and those that it has opened. */
  #sealed = 0;
  #opened = 0;
  #cells: ExportedCells | undefined;
  #wiped = false;

  constructor(start: SessionStart) {
    this.localIndex = start.localIndex;
    this.remoteIndex = start.remoteIndex;
    this.initiator = start.initiator;
    this.suite = start.suite;
    this.createdAt = start.now;
    this.mayBePlain = start.mayBePlain === true;
    this.#secrets = start.keys;
    this.#sendKey = start.suite.key(start.keys.send);
    this.#receiveKey = start.suite.key(start.keys.receive);
  }

  /**
   * From now on counters are those of `cells`, which the data path worker uses, too. Throws INVALID_ARGUMENT once a message
   * has been sealed: its counter would be used again.
   */
  share(cells: ExportedCells): void {
    if (this.#sealed > 0) {
      throw new MeshError(
        "INVALID_ARGUMENT",
        "Cannot share a session in use: share it before its first message",
      );
    }
    this.#cells = cells;
  }

  /** The data path worker seals in this session as well, and opens its data messages. */
  get isShared(): boolean {
    return this.#cells !== undefined;
  }

  /** Counters used so far, which is also the next one. */
  get sent(): number {
    return this.#cells?.sent ?? this.#sealed;
  }

  /** How many of them the worker has used. */
  get sentByWorker(): number {
    return this.sent - this.#sealed;
  }

  /** Packets that the worker has sent in plain. */
  get plainByWorker(): number {
    return this.#cells?.sentPlain ?? 0;
  }

  /** The worker has passed on something that came in this session. */
  get hasUsedRelay(): boolean {
    return (this.#cells?.passedOn ?? 0) > 0;
  }

  /** Messages that the worker has opened. */
  get openedByWorker(): number {
    return this.#cells?.received ?? 0;
  }

  /** Those of them that came on another way than packets to the peer take. */
  get strayedByWorker(): number {
    return this.#cells?.strayed ?? 0;
  }

  /** Messages opened by whomever, each once. */
  get opened(): number {
    return this.#opened + this.openedByWorker;
  }

  /** Highest counter opened, by whomever; −1 before the first message. */
  get newest(): number {
    return Math.max(this.#window.newest, this.#cells?.newest ?? -1);
  }

  /** Highest counter opened in this thread. */
  get newestHere(): number {
    return this.#window.newest;
  }

  /** When its keys are wiped. */
  get endsAt(): Millis {
    return this.createdAt + protocol.rejectAfterMillis;
  }

  isUsable(now: Millis): boolean {
    return !this.#wiped && now < this.endsAt && this.#isCounter(this.sent);
  }

  /** True when a new session should be on its way: asked at every message, it costs three comparisons. */
  wantsRekey(now: Millis): boolean {
    const after = this.initiator ? protocol.rekeyAfterMillis : protocol.responderRekeyAfterMillis;
    const messages = this.isShared ? limits.sharedRekeyAfterMessages : protocol.rekeyAfterMessages;
    return now - this.createdAt >= after || this.sent >= messages || this.newest >= messages;
  }

  /** Was a message with this counter sent in about the last second? Asked of what a stranger may have made up. */
  hasSentLately(counter: number): boolean {
    const window = this.isShared ? limits.sharedSentLately : windowSize;
    return counter < this.sent && counter >= this.sent - window;
  }

  /** Header and sealed `plaintext` in fresh memory; undefined when the session is over. */
  seal(type: SealedType, plaintext: Uint8Array, now: Millis, flags = 0): Uint8Array | undefined {
    if (!this.isUsable(now)) return undefined;
    const counter = this.#takeCounter(); // before the seal, so that no failure can repeat a nonce
    if (!this.#isCounter(counter)) return undefined; // the worker has taken the last one meanwhile
    const header = new Uint8Array(transportHeaderLength);
    writeTransportHeader(header, { type, flags, receiver: this.remoteIndex, counter });
    const sealed = this.#sendKey.seal(this.#nonceOf(counter), header, plaintext);
    const datagram = new Uint8Array(transportHeaderLength + sealed.length);
    datagram.set(header);
    datagram.set(sealed, transportHeaderLength);
    return datagram;
  }

  /**
   * The plaintext of a transport message of this session, in fresh memory, once per counter; or why not. The length has
   * been checked. The replay window moves only for what is authentic.
   */
  open(datagram: Uint8Array, now: Millis): Uint8Array | Drop {
    const counter = readCounter(datagram);
    if (!this.#isCounter(counter)) return Drop.malformed;
    if (!this.isUsable(now)) return Drop.unknownSession;
    const header = datagram.subarray(0, transportHeaderLength);
    const sealed = datagram.subarray(transportHeaderLength);
    const plaintext = this.#receiveKey.open(this.#nonceOf(counter), header, sealed);
    if (plaintext === undefined) return Drop.badTag;
    if (!this.#window.accept(counter)) return Drop.replayed;
    this.#opened++;
    return plaintext;
  }

  /** For a data path worker: copies, which are its own to wipe. */
  exportKeys(): SessionKeys {
    return {
      localIndex: this.localIndex,
      remoteIndex: this.remoteIndex,
      aead: this.suite.name,
      send: this.#secrets.send.slice(),
      receive: this.#secrets.receive.slice(),
    };
  }

  /** Zeroes the keys; the session neither seals nor opens from here on. */
  wipe(): void {
    this.#wiped = true;
    this.#secrets.send.fill(0);
    this.#secrets.receive.fill(0);
  }

  #takeCounter(): number {
    const own = this.#sealed++;
    return this.#cells?.takeCounter() ?? own;
  }

  /** Of a shared session only those that a cell of 32 bits with a sign holds: beyond them it repeats itself. */
  #isCounter(counter: number): boolean {
    const limit = this.isShared ? limits.sharedRejectAfterMessages : protocol.rejectAfterMessages;
    return counter >= 0 && counter < limit;
  }

  #nonceOf(counter: number): Uint8Array {
    const little = this.suite.name === "chacha20-poly1305";
    this.#nonceView.setUint32(little ? 4 : 8, counter >>> 0, little);
    this.#nonceView.setUint32(little ? 8 : 4, Math.floor(counter / 2 ** 32), little);
    return this.#nonce;
  }
}
