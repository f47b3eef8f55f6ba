/**
 * Datagrams of one size for one peer, sent with one call: the kernel cuts the train into datagrams (UDP_SEGMENT), its
 * last one may be shorter. What is sealed is written where it will be sent from.
 *
 * They leave from the address of this host that the peer's packets come to, if that is known: where a host has several, a
 * firewall or a NAT of the peer passes no answer from another one. No interface is named, for the way there may change.
 */
import { Drop } from "../contracts/drop.ts";
import type { Arena } from "./arena.ts";
import type { ArenaPlan } from "./arena_plan.ts";
import { dontWait, ErrorNumber, type PacketIo } from "./packet_io.ts";
import { type PeerTable, sockaddrLength } from "./peer_table.ts";
import { isRefusalOfSource, sourceMessageSpan, writeSourceMessage } from "./source_message.ts";
import { Tally, type Telemetry } from "./telemetry.ts";

export interface TrainParts {
  readonly arena: Arena;
  readonly plan: ArenaPlan;
  readonly io: PacketIo;
  readonly peers: PeerTable;
  readonly telemetry: Pick<Telemetry, "add" | "count">;
}

/** UDP_MAX_SEGMENTS of older kernels; newer ones take twice as many. */
export const mostDatagrams = 64;
/** 65,535 less the headers of IPv4 and UDP. */
export const longestTrain = 65_507;

/** `struct msghdr` of 64-bit systems: 56 bytes, pointers of 8. Then its one `iovec`, and two `cmsg`s. */
const messageLength = 56;
const iovLength = 16;
/** A `cmsg` header of 16 bytes and 2 of data, filled up to 8. In front of it, only when there is one, that of the source. */
const cmsgHeaderLength = 16;
const segmentLength = cmsgHeaderLength + 2;
const segmentSpan = 24;
const controlLength = sourceMessageSpan + segmentSpan;
const SOL_UDP = 17;
const UDP_SEGMENT = 103;

/** POLLOUT, and how long a full socket is waited for: a device drains that much in a fraction of it. */
const POLLOUT = 4;
const patienceMillis = 1;

export class Train {
  readonly #arena: Arena;
  readonly #io: PacketIo;
  readonly #peers: PeerTable;
  readonly #telemetry: TrainParts["telemetry"];
  readonly #base: number;
  readonly #message: number;
  readonly #iov: number;
  /** Of the `cmsg` of the size. */
  readonly #segment: number;
  readonly #pollEntry: number;
  #socket = -1;
  #peer = -1;
  #bytes = 0;
  #count = 0;
  /** Of the first datagram. */
  #size = 0;
  /** Its last datagram was a shorter one. */
  #isClosed = false;
  /** A full socket was waited for in this turn. */
  #isCrowded = false;

  constructor({ arena, plan, io, peers, telemetry }: TrainParts) {
    this.#arena = arena;
    this.#io = io;
    this.#peers = peers;
    this.#telemetry = telemetry;
    this.#base = plan.take(65_536);
    this.#message = plan.take(messageLength);
    this.#iov = plan.take(iovLength);
    this.#segment = plan.take(controlLength) + sourceMessageSpan;
    this.#pollEntry = plan.take(8);
    this.#prepare();
  }

  /** The socket to send on from now on; −1 for none. */
  useSocket(descriptor: number): void {
    this.#socket = descriptor;
    this.#arena.view.setInt32(this.#pollEntry, descriptor, true);
    this.#peers.takesTrains.fill(1);
  }

  get hasSocket(): boolean {
    return this.#socket >= 0;
  }

  /** The socket was full in this turn: what comes from the TAP device had better wait there. */
  get isCrowded(): boolean {
    return this.#isCrowded;
  }

  /** Offset at which a datagram of `size` bytes for `peer` is to be written next; `added` puts it into the train. */
  room(peer: number, size: number): number {
    const fits = peer === this.#peer && !this.#isClosed && size <= this.#size &&
      this.#count < mostDatagrams && this.#bytes + size <= longestTrain;
    if (!fits) this.flush();
    return this.#base + this.#bytes;
  }

  added(peer: number, size: number): void {
    if (this.#count === 0) {
      this.#peer = peer;
      this.#size = size;
    }
    if (size < this.#size) this.#isClosed = true;
    this.#count++;
    this.#bytes += size;
  }

  /** Sends what there is. */
  flush(): void {
    if (this.#count === 0) return;
    if (this.#count === 1 || this.#peers.takesTrains[this.#peer] === 1) this.#sendWhole();
    else this.#sendEach();
    this.#count = 0;
    this.#bytes = 0;
    this.#peer = -1;
    this.#isClosed = false;
  }

  /**
   * Sends what there is. In each turn a full socket is waited for once: to wait for each train would keep datagrams that come in
   * waiting for as long as a device is stuck.
   */
  endTurn(): void {
    this.flush();
    this.#isCrowded = false;
  }

  #prepare(): void {
    const { view, address } = this.#arena;
    this.#setPointer(this.#message + 16, this.#iov + address);
    this.#setPointer(this.#message + 24, 1);
    this.#setPointer(this.#segment, segmentLength);
    view.setInt32(this.#segment + 8, SOL_UDP, true);
    view.setInt32(this.#segment + 12, UDP_SEGMENT, true);
    view.setInt16(this.#pollEntry + 4, POLLOUT, true);
  }

  #setPointer(at: number, value: number): void {
    this.#arena.view.setUint32(at, value, true);
    this.#arena.view.setUint32(at + 4, 0, true);
  }

  #sendWhole(): void {
    const result = this.#send(0, this.#bytes, this.#count > 1);
    if (result >= 0) return this.#sent(this.#count, this.#bytes);
    // A device that cannot cut them (EIO), or a path that is too narrow (EINVAL, EMSGSIZE), or something else: only that
    // they do go one by one tells.
    const isRefused = result === ErrorNumber.io || result === ErrorNumber.invalid ||
      result === ErrorNumber.messageSize;
    if (this.#count === 1 || !isRefused) return this.#lost(result, this.#count);
    if (this.#sendEach()) this.#peers.takesTrains[this.#peer] = 0;
  }

  /** Whether all of them went. */
  #sendEach(): boolean {
    let isSent = true;
    for (let at = 0; at < this.#bytes; at += this.#size) {
      const length = Math.min(this.#size, this.#bytes - at);
      const result = this.#send(at, length, false);
      if (result >= 0) this.#sent(1, length);
      else {
        this.#lost(result, 1);
        isSent = false;
      }
    }
    return isSent;
  }

  #sent(datagrams: number, bytes: number): void {
    this.#telemetry.add(Tally.datagramsOut, datagrams);
    this.#telemetry.add(Tally.datagramBytesOut, bytes);
  }

  #lost(result: number, datagrams: number): void {
    this.#telemetry.add(Tally.sendsRefused, 1);
    this.#telemetry.count(reasonOf(result), datagrams);
  }

  #send(from: number, length: number, isTrain: boolean): number {
    const { view, address } = this.#arena;
    const peer = this.#peer;
    this.#setPointer(this.#message, this.#peers.sockaddr(peer) + address);
    view.setUint32(this.#message + 8, this.#peers.sockaddrLength[peer]!, true);
    view.setUint16(this.#segment + cmsgHeaderLength, this.#size, true);
    this.#setPointer(this.#iov, this.#base + from + address);
    this.#setPointer(this.#iov + 8, length);
    const segment = isTrain ? segmentSpan : 0;
    if (this.#peers.hasSource[peer] !== 1) return this.#give(0, segment);
    const family = this.#peers.sockaddrLength[peer] === sockaddrLength ? 6 : 4;
    const source = writeSourceMessage(this.#arena, this.#segment, this.#peers.source(peer), family);
    const result = this.#give(source, segment);
    return isRefusalOfSource(result) ? this.#giveWithout(segment, result) : result;
  }

  /**
   * The address may be this host's no more. If so, the datagrams go without it, and those after them: else it was something
   * else, of which the second result tells no more than the first.
   */
  #giveWithout(segment: number, refusal: number): number {
    const result = this.#give(0, segment);
    if (result < 0) return refusal;
    this.#peers.hasSource[this.#peer] = 0;
    this.#telemetry.add(Tally.sourcesLost, 1);
    return result;
  }

  /** With so many bytes of control messages before the size of datagrams, and so many for it. */
  #give(source: number, segment: number): number {
    const { address } = this.#arena;
    const length = source + segment;
    this.#setPointer(this.#message + 32, length === 0 ? 0 : this.#segment - source + address);
    this.#setPointer(this.#message + 40, length);
    const result = this.#io.sendmsg(this.#socket, this.#message + address, dontWait);
    if (result !== ErrorNumber.again || this.#isCrowded) return result;
    this.#isCrowded = true;
    this.#io.poll(this.#pollEntry + address, 1, patienceMillis);
    return this.#io.sendmsg(this.#socket, this.#message + address, dontWait);
  }
}

function reasonOf(result: number): Drop {
  if (result === ErrorNumber.again || result === ErrorNumber.noBuffers) return Drop.queueFull;
  return result === ErrorNumber.messageSize ? Drop.tooBig : Drop.underlay;
}
