/**
 * Datagrams of one size for one peer, sent with one call: the kernel cuts the train into datagrams (UDP_SEGMENT), its
 * last one may be shorter. What is sealed is written where it will be sent from.
 */
import { Drop } from "../contracts/drop.ts";
import type { Arena } from "./arena.ts";
import type { ArenaPlan } from "./arena_plan.ts";
import { dontWait, ErrorNumber, type PacketIo } from "./packet_io.ts";
import type { PeerTable } from "./peer_table.ts";

export interface TrainParts {
  readonly arena: Arena;
  readonly plan: ArenaPlan;
  readonly io: PacketIo;
  readonly peers: PeerTable;
  readonly drops: { count(drop: Drop, times: number): void };
}

/** UDP_MAX_SEGMENTS of older kernels; newer ones take twice as many. */
export const mostDatagrams = 64;
/** 65,535 less the headers of IPv4 and UDP. */
export const longestTrain = 65_507;

/** `struct msghdr` of 64-bit systems: 56 bytes, pointers of 8. Then its one `iovec`, and a `cmsg` of 24 bytes. */
const messageLength = 56;
const iovLength = 16;
const controlLength = 24;
/** A `cmsg` header of 16 bytes and 2 of data. */
const segmentCmsgLength = 18;
const SOL_UDP = 17;
const UDP_SEGMENT = 103;

/** POLLOUT, and how long a full socket is waited for: a device drains that much in a fraction of it. */
const POLLOUT = 4;
const patienceMillis = 1;

export class Train {
  readonly #arena: Arena;
  readonly #io: PacketIo;
  readonly #peers: PeerTable;
  readonly #drops: TrainParts["drops"];
  readonly #base: number;
  readonly #message: number;
  readonly #iov: number;
  readonly #control: number;
  readonly #pollEntry: number;
  #socket = -1;
  #peer = -1;
  #bytes = 0;
  #count = 0;
  /** Of the first datagram. */
  #size = 0;
  /** Its last datagram was a shorter one. */
  #isClosed = false;
  /** The kernel, or the device behind it, cannot cut trains. */
  #isWhole = true;

  constructor({ arena, plan, io, peers, drops }: TrainParts) {
    this.#arena = arena;
    this.#io = io;
    this.#peers = peers;
    this.#drops = drops;
    this.#base = plan.take(65_536);
    this.#message = plan.take(messageLength);
    this.#iov = plan.take(iovLength);
    this.#control = plan.take(controlLength);
    this.#pollEntry = plan.take(8);
    this.#prepare();
  }

  /** The socket to send on from now on; −1 for none. */
  useSocket(descriptor: number): void {
    this.#socket = descriptor;
    this.#arena.view.setInt32(this.#pollEntry, descriptor, true);
  }

  /** False once a train was refused as such: then datagrams go one by one. */
  get sendsTrains(): boolean {
    return this.#isWhole;
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
    if (this.#count === 1 || this.#isWhole) this.#sendWhole();
    else this.#sendEach();
    this.#count = 0;
    this.#bytes = 0;
    this.#peer = -1;
    this.#isClosed = false;
  }

  #prepare(): void {
    const { view, address } = this.#arena;
    this.#setPointer(this.#message + 16, this.#iov + address);
    this.#setPointer(this.#message + 24, 1);
    this.#setPointer(this.#control, segmentCmsgLength);
    view.setInt32(this.#control + 8, SOL_UDP, true);
    view.setInt32(this.#control + 12, UDP_SEGMENT, true);
    view.setInt16(this.#pollEntry + 4, POLLOUT, true);
  }

  #setPointer(at: number, value: number): void {
    this.#arena.view.setUint32(at, value, true);
    this.#arena.view.setUint32(at + 4, 0, true);
  }

  #sendWhole(): void {
    const result = this.#send(0, this.#bytes, this.#count > 1);
    if (result >= 0) return;
    const isRefused = result === ErrorNumber.io || result === ErrorNumber.invalid;
    if (this.#count > 1 && (isRefused || result === ErrorNumber.messageSize)) {
      if (isRefused) this.#isWhole = false;
      return this.#sendEach();
    }
    this.#lost(result, this.#count);
  }

  #sendEach(): void {
    for (let at = 0; at < this.#bytes; at += this.#size) {
      const result = this.#send(at, Math.min(this.#size, this.#bytes - at), false);
      if (result < 0) this.#lost(result, 1);
    }
  }

  #lost(result: number, datagrams: number): void {
    this.#drops.count(reasonOf(result), datagrams);
  }

  #send(from: number, length: number, isTrain: boolean): number {
    const { view, address } = this.#arena;
    const peer = this.#peer;
    this.#setPointer(this.#message, this.#peers.sockaddr(peer) + address);
    view.setUint32(this.#message + 8, this.#peers.sockaddrLength[peer]!, true);
    this.#setPointer(this.#message + 32, isTrain ? this.#control + address : 0);
    this.#setPointer(this.#message + 40, isTrain ? controlLength : 0);
    view.setUint16(this.#control + 16, this.#size, true);
    this.#setPointer(this.#iov, this.#base + from + address);
    this.#setPointer(this.#iov + 8, length);
    let result = this.#io.sendmsg(this.#socket, this.#message + address, dontWait);
    if (result === ErrorNumber.again) {
      this.#io.poll(this.#pollEntry + address, 1, patienceMillis);
      result = this.#io.sendmsg(this.#socket, this.#message + address, dontWait);
    }
    return result;
  }
}

function reasonOf(result: number): Drop {
  if (result === ErrorNumber.again) return Drop.queueFull;
  return result === ErrorNumber.messageSize ? Drop.tooBig : Drop.underlay;
}
