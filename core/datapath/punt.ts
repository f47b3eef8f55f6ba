/**
 * What the worker hands to the main thread, as records of a ring. Little-endian:
 *
 *     0   u32  kind
 *     4   u32  flags: of the message; bit 8: its counter is the highest of the session so far; bit 9: it is a relayed one
 *     8   u32  local index of the session, which is never another's; a slot may be by the time that this is read
 *     12  u32  counter
 *     16       `sockaddr` of the sender, 28 bytes, zero behind that of IPv4; of one behind a relay see `relay_sender.ts`
 *     44  u32  length of the packet
 *     48       address of this host that it was sent to, see `source_address.ts`, 16 bytes
 *     64       the packet
 *
 * Fields that a kind does not have are zero: a few bytes on a slow path are less than three layouts.
 */
import type { Arena } from "./arena.ts";
import type { RingConsumer, RingProducer } from "./ring.ts";
import { askedAt, senderLength, sourceLength } from "./source_address.ts";

const DATAGRAM = 1;
const OPENED = 2;
const FRAME = 3;
const TAP_LOST = 4;

const newestFlag = 0x100;
/** As the worker gives it, among the flags of a message. */
export const relayedFlag = 0x200;
const sockaddrAt = 16;
const sockaddrLength = 28;
const lengthAt = 44;
const localAt = 48;
const packetAt = 64;

/** All bytes are copies: they stay when the ring goes on. */
export type Punt = PuntedDatagram | PuntedPacket | PuntedFrame | TapLost;

/** As it came from the socket. */
export interface PuntedDatagram {
  readonly kind: "datagram";
  /** `struct sockaddr_in` or `sockaddr_in6`, 28 bytes. */
  readonly from: Uint8Array;
  /** Address of this host that it was sent to, 16 bytes; all zero when the socket does not tell. */
  readonly local: Uint8Array;
  readonly bytes: Uint8Array;
}

/** A message of a session, opened and not seen before. */
export interface PuntedPacket {
  readonly kind: "opened";
  /** Of the session, unsigned. */
  readonly localIndex: number;
  /** Third byte of the transport header. */
  readonly flags: number;
  readonly counter: number;
  /** No higher counter of the session was opened by the worker before. */
  readonly isNewest: boolean;
  /** It is no data but a relayed message; then the bytes are its plaintext, and none if the worker has dealt with it. */
  readonly isRelayed: boolean;
  readonly from: Uint8Array;
  readonly local: Uint8Array;
  /** A GRE packet, if it is data. */
  readonly bytes: Uint8Array;
}

/** As it came from the TAP, behind its header for offloads. */
export interface PuntedFrame {
  readonly kind: "frame";
  readonly bytes: Uint8Array;
}

/** The TAP device was deleted: nothing is read from it any more. */
export interface TapLost {
  readonly kind: "tap-lost";
}

/**
 * The worker's side; packets and `sockaddr`s lie in the arena. Every method is false, and the caller counts it, when the ring
 * has no room or the packet does not lie in the arena as a whole.
 */
export class PuntWriter {
  readonly #ring: RingProducer;
  readonly #arena: Arena;
  #localIndex = 0;
  #counter = 0;
  #flags = 0;
  #isNews = false;

  constructor(ring: RingProducer, arena: Arena) {
    this.#ring = ring;
    this.#arena = arena;
  }

  /** `from`: offset of a sender, {@link senderLength} bytes. */
  datagram(from: number, offset: number, length: number): boolean {
    return this.#write(DATAGRAM, from, offset, length);
  }

  /** Of which message the next {@link opened} packet is; `counter` is below 2^32, of either sign. */
  message(localIndex: number, counter: number, flags: number, isNewest: boolean): void {
    this.#localIndex = localIndex;
    this.#counter = counter;
    this.#flags = (flags & (0xff | relayedFlag)) | (isNewest ? newestFlag : 0);
  }

  opened(from: number, offset: number, length: number): boolean {
    return this.#write(OPENED, from, offset, length);
  }

  frame(offset: number, length: number): boolean {
    return this.#write(FRAME, -1, offset, length);
  }

  tapLost(): boolean {
    return this.#write(TAP_LOST, -1, 0, 0);
  }

  /** Once after many: see {@link RingProducer.wake}; nothing when there were none. */
  wake(): void {
    if (!this.#isNews) return;
    this.#isNews = false;
    this.#ring.wake();
  }

  #write(kind: number, from: number, offset: number, length: number): boolean {
    if (!this.#has(offset, length) || (from !== -1 && !this.#has(from, senderLength))) return false;
    const at = this.#ring.reserve(packetAt + length);
    if (at < 0) return false;
    const isOpened = kind === OPENED;
    const { view } = this.#ring;
    view.setInt32(at, kind, true);
    view.setInt32(at + 4, isOpened ? this.#flags : 0, true);
    view.setInt32(at + 8, isOpened ? this.#localIndex : 0, true);
    view.setInt32(at + 12, isOpened ? this.#counter : 0, true);
    this.#writeSender(at, from);
    view.setInt32(at + lengthAt, length, true);
    this.#copy(offset, at + packetAt, length);
    this.#ring.commit();
    this.#isNews = true;
    return true;
  }

  #writeSender(at: number, from: number): void {
    if (from === -1) {
      this.#clear(at + sockaddrAt, sockaddrLength);
      return this.#clear(at + localAt, sourceLength);
    }
    this.#copy(from, at + sockaddrAt, sockaddrLength);
    this.#copy(from + askedAt, at + localAt, sourceLength);
  }

  #has(offset: number, length: number): boolean {
    return offset >= 0 && length >= 0 && offset + length <= this.#arena.bytes.length;
  }

  /** By words: `set` would need a view of the packet, an allocation. Floats would not keep the bits of a NaN. */
  #copy(from: number, to: number, length: number): void {
    const source = this.#arena.view;
    const target = this.#ring.view;
    const words = length & ~3;
    for (let i = 0; i < words; i += 4) target.setInt32(to + i, source.getInt32(from + i));
    for (let i = words; i < length; i++) target.setUint8(to + i, source.getUint8(from + i));
  }

  #clear(at: number, length: number): void {
    for (let i = 0; i < length; i += 4) this.#ring.view.setInt32(at + i, 0);
  }
}

/** The main thread's side. */
export class PuntReader {
  readonly #ring: RingConsumer;
  #malformed = 0;

  constructor(ring: RingConsumer) {
    this.#ring = ring;
  }

  /** Records passed over, which no writer of this build makes. */
  get malformed(): number {
    return this.#malformed;
  }

  /** The oldest record; undefined when there is none. To read for as long as there are more could last for ever. */
  next(): Punt | undefined {
    for (;;) {
      const at = this.#ring.peek();
      if (at < 0) return undefined;
      const punt = this.#read(at, this.#ring.length);
      this.#ring.release();
      if (punt !== undefined) return punt;
      this.#malformed++;
    }
  }

  #read(at: number, length: number): Punt | undefined {
    if (length < packetAt) return undefined;
    const { view, bytes: all } = this.#ring;
    const packetLength = view.getUint32(at + lengthAt, true);
    if (packetLength !== length - packetAt) return undefined;
    const from = all.slice(at + sockaddrAt, at + sockaddrAt + sockaddrLength);
    const local = all.slice(at + localAt, at + localAt + sourceLength);
    const bytes = all.slice(at + packetAt, at + length);
    const kind = view.getUint32(at, true);
    if (kind === DATAGRAM) return { kind: "datagram", from, local, bytes };
    if (kind === FRAME) return { kind: "frame", bytes };
    if (kind === TAP_LOST) return { kind: "tap-lost" };
    if (kind !== OPENED) return undefined;
    const flags = view.getUint32(at + 4, true);
    return {
      kind: "opened",
      localIndex: view.getUint32(at + 8, true),
      flags: flags & 0xff,
      counter: view.getUint32(at + 12, true),
      isNewest: (flags & newestFlag) !== 0,
      isRelayed: (flags & relayedFlag) !== 0,
      from,
      local,
      bytes,
    };
  }
}
