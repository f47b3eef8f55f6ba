/**
 * What a link sends and receives, whatever the path to the peer carries: records that are larger than it go in parts, and
 * while there is a session the path is measured. Without a measurement each record is one message, whatever its size.
 */
import { Drop } from "../../core/contracts/drop.ts";
import type { Millis } from "../../core/contracts/values.ts";
import { LinkPath, type MeasuredWay } from "./link_path.ts";
import { type CarriedRecord, decodePart, Reassembly, splitRecord } from "./part.ts";
import { MessageType, type SealedType } from "./wire.ts";

/** The link, as its records see it. */
export interface RecordLink {
  /** Seals and sends one message; false without a session. */
  send(type: SealedType, plaintext: Uint8Array, now: Millis, flags?: number): boolean;
  /** {@link Records.deadline} may be earlier than before. */
  hasDeadline(): void;
  pathMtu(mtu: number | undefined): void;
  /** {@link Records.room} may be another than before. */
  hasRoom(): void;
  /** A record was given up whose parts have not all come. */
  lost(): void;
}

/** A record of transport data. */
export type DataRecord = CarriedRecord & { readonly type: typeof MessageType.data };

export class Records {
  readonly #link: RecordLink;
  readonly #reassembly: Reassembly;
  #path: LinkPath | undefined;
  #toldMtu: number | undefined;
  #nextId = 0;

  constructor(link: RecordLink) {
    this.#link = link;
    this.#reassembly = new Reassembly(() => link.lost());
  }

  /** The peer is there and answers probes; `upper` as in {@link LinkPath}. */
  measure(upper: number, way: MeasuredWay, now: Millis): void {
    this.#path = new LinkPath(upper, way, now);
    this.#toldMtu = undefined;
  }

  /** The last session is over. */
  stop(): void {
    this.#path = undefined;
    this.#reassembly.clear();
  }

  /** Bytes of the longest plaintext that goes in one message. */
  get room(): number {
    return this.#path?.room ?? Infinity;
  }

  moved(way: MeasuredWay, now: Millis): void {
    this.#path?.moved(way, now);
    this.#tell();
    this.#link.hasDeadline();
  }

  /** A relay on the way is itself behind a relay from now on, or is not any more. */
  rerouted(way: MeasuredWay, now: Millis): void {
    if (this.#path?.isAsLong(way) === false) this.moved(way, now);
  }

  send(record: DataRecord, now: Millis): boolean {
    const { room } = this;
    if (record.bytes.length > room) return this.#sendParts(record, room, now);
    const isSent = this.#link.send(record.type, record.bytes, now, record.flags);
    this.#proveSoon(record.bytes.length, now);
    return isSent;
  }

  /** So many bytes have gone as they are: the path is to be proved as if they had been sealed, or it would never be. */
  sentPlain(length: number, now: Millis): void {
    this.#proveSoon(length, now);
  }

  /** Others have sent messages to the peer, perhaps as long as there is room for. */
  sentElsewhere(now: Millis): void {
    if (this.#path !== undefined) this.#proveSoon(this.#path.room, now);
  }

  /**
   * What a relay carries, plaintext of a relayed message; which of them may be split says `relayed.ts`.
   */
  relay(flags: number, bytes: Uint8Array, maySplit: boolean, now: Millis): boolean {
    const { room } = this;
    const record = { type: MessageType.relay, flags, bytes };
    if (maySplit && bytes.length > room) return this.#sendParts(record, room, now);
    this.#proveSoon(Math.min(bytes.length, room), now);
    return this.#link.send(record.type, bytes, now, flags);
  }

  /** Sends a handshake message in parts, if the path does not carry it whole. */
  carry(datagram: Uint8Array, now: Millis): void {
    const path = this.#path;
    if (path === undefined || datagram.length <= path.datagramRoom) return;
    this.#sendParts({ type: datagram[0]!, flags: 0, bytes: datagram }, path.room, now);
  }

  /** The record that this part completes, or what became of the part; `none`: it waits for others. */
  receive(plaintext: Uint8Array, now: Millis): CarriedRecord | Drop {
    const part = decodePart(plaintext);
    if (part === undefined) return Drop.malformed;
    const record = this.#reassembly.add(part, now);
    this.#link.hasDeadline();
    return record;
  }

  /** A probe of the peer, which the link has answered. */
  heardProbe(plaintext: Uint8Array, now: Millis): void {
    if (this.#path?.heardProbe(plaintext, now) === true) this.#link.hasDeadline();
  }

  /** An answer to a probe. What nobody asked for is let pass: it may be of an earlier session. */
  probed(plaintext: Uint8Array, now: Millis, heardAt: Millis): Drop {
    if (this.#path?.probed(plaintext, now) === false) return Drop.malformed;
    this.handleTimeout(now, heardAt);
    this.#link.hasDeadline();
    return Drop.none;
  }

  deadline(): Millis {
    return Math.min(this.#path?.deadline() ?? Infinity, this.#reassembly.deadline() ?? Infinity);
  }

  /** `heardAt`: when the peer was last heard. */
  handleTimeout(now: Millis, heardAt: Millis): void {
    this.#reassembly.expire(now);
    const probes = this.#path?.probes(now, heardAt) ?? [];
    for (const padding of probes) this.#link.send(MessageType.probe, padding, now);
    this.#tell();
  }

  #sendParts(record: CarriedRecord, room: number, now: Millis): boolean {
    const parts = splitRecord(record, this.#nextId, room) ?? [];
    this.#nextId = (this.#nextId + 1) >>> 0;
    this.#proveSoon(parts[0]?.length ?? 0, now);
    return parts.length > 0 && parts.every((part) => this.#link.send(MessageType.part, part, now));
  }

  #proveSoon(length: number, now: Millis): void {
    if (this.#path?.sent(length, now) === true) this.#link.hasDeadline();
  }

  #tell(): void {
    this.#link.hasRoom();
    const mtu = this.#path?.known;
    if (mtu === this.#toldMtu) return;
    this.#toldMtu = mtu;
    this.#link.pathMtu(mtu);
  }
}
