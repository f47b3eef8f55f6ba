/** Peers as the worker knows them: where they are, in the form that the kernel takes, and the session to send in. */
import type { Arena } from "./arena.ts";
import type { ArenaPlan } from "./arena_plan.ts";
import { relayedGrowth } from "./data_message.ts";
import { sourceLength } from "./source_address.ts";

/** `struct sockaddr_in6`; that of IPv4 is shorter. */
export const sockaddrLength = 28;
/** In a row of a peer, behind its `sockaddr`. */
const sourceAt = 32;
const stride = sourceAt + sourceLength;
/** 65,507 bytes of a datagram less the header and tag of a transport message. */
const longestGrePacket = 65_475;
const NONE = -1;

export interface PeerEntry {
  readonly sockaddr: Uint8Array;
  /** 16 bytes. */
  readonly source: Uint8Array;
  readonly session: number;
  readonly longest: number;
  readonly isPlain: boolean;
  /** It is behind another one, so it has no place of its own; absent: it is not. */
  readonly isRelayed?: boolean;
}

export class PeerTable {
  readonly capacity: number;
  /** Slot of the session to send in, or −1. */
  readonly session: Int32Array;
  /** Bytes of the longest GRE packet that crosses in one datagram. */
  readonly longest: Int32Array;
  readonly sockaddrLength: Int32Array;
  /** 0 once a train for this peer was refused whose datagrams went one by one: it depends on the way there. */
  readonly takesTrains: Uint8Array;
  /** 1: packets cross as they are, and whose one is that comes so is told by where it comes from. */
  readonly isPlain: Uint8Array;
  /** 1: its packets leave from the address at {@link source}; 0: from the one that the system's route chooses. */
  readonly hasSource: Uint8Array;
  readonly #arena: Arena;
  readonly #base: number;
  /** Peers by place, those in plain only: open addressing with linear probing, at most half full. Made anew at every change. */
  readonly #places: Int32Array;
  readonly #mask: number;
  #plainPeers = 0;

  constructor(capacity: number, arena: Arena, plan: ArenaPlan) {
    this.capacity = capacity;
    this.session = new Int32Array(capacity).fill(NONE);
    this.longest = new Int32Array(capacity);
    this.sockaddrLength = new Int32Array(capacity);
    this.takesTrains = new Uint8Array(capacity).fill(1);
    this.isPlain = new Uint8Array(capacity);
    this.hasSource = new Uint8Array(capacity);
    this.#mask = 2 ** Math.ceil(Math.log2(capacity) + 1) - 1;
    this.#places = new Int32Array(this.#mask + 1).fill(NONE);
    this.#arena = arena;
    this.#base = plan.take(capacity * stride);
  }

  /** Offset in the arena of a peer's `sockaddr`. */
  sockaddr(peer: number): number {
    return this.#base + peer * stride;
  }

  /** Offset in the arena of the address of this host that a peer's packets come to. */
  source(peer: number): number {
    return this.sockaddr(peer) + sourceAt;
  }

  put(peer: number, entry: PeerEntry): void {
    const wasPlain = this.isPlain[peer] === 1;
    this.#arena.bytes.set(entry.sockaddr, this.sockaddr(peer));
    this.sockaddrLength[peer] = entry.sockaddr.length;
    this.#arena.bytes.set(entry.source, this.source(peer));
    this.hasSource[peer] = entry.source.some((byte) => byte !== 0) ? 1 : 0;
    // To nowhere nothing can be sent.
    const isSomewhere = entry.sockaddr.length > 0 || entry.isRelayed === true;
    this.session[peer] = isSomewhere ? entry.session : NONE;
    const room = entry.isRelayed === true ? longestGrePacket - relayedGrowth : longestGrePacket;
    this.longest[peer] = Math.min(entry.longest, room);
    this.takesTrains[peer] = 1;
    this.isPlain[peer] = entry.isPlain && entry.sockaddr.length > 0 ? 1 : 0;
    if (wasPlain || this.isPlain[peer] === 1) this.#placeAll();
  }

  /** The peer in plain that is where the `sockaddr` at `offset` says, or −1. */
  findPlain(offset: number, length: number): number {
    if (this.#plainPeers === 0) return NONE;
    for (let at = this.#bucketOf(offset, length);; at = (at + 1) & this.#mask) {
      const peer = this.#places[at]!;
      if (peer === NONE || this.isAt(peer, offset, length)) return peer;
    }
  }

  /** Whether the peer is where the `sockaddr` at `offset` says. The flow label and scope of IPv6 do not count. */
  isAt(peer: number, offset: number, length: number): boolean {
    if (this.sockaddrLength[peer] !== length) return false;
    const { view } = this.#arena;
    const own = this.sockaddr(peer);
    // Family and port, then the address: at 4 in IPv4, at 8 in IPv6.
    if (view.getInt32(own) !== view.getInt32(offset)) return false;
    if (length < sockaddrLength) return view.getInt32(own + 4) === view.getInt32(offset + 4);
    for (let at = 8; at < 24; at += 4) {
      if (view.getInt32(own + at) !== view.getInt32(offset + at)) return false;
    }
    return true;
  }

  #placeAll(): void {
    this.#places.fill(NONE);
    this.#plainPeers = 0;
    for (let peer = 0; peer < this.capacity; peer++) {
      if (this.isPlain[peer] !== 1) continue;
      this.#plainPeers++;
      let at = this.#bucketOf(this.sockaddr(peer), this.sockaddrLength[peer]!);
      while (this.#places[at] !== NONE) at = (at + 1) & this.#mask;
      this.#places[at] = peer;
    }
  }

  /** Of what {@link isAt} compares. Strangers are looked up and never entered, so they make no bucket longer. */
  #bucketOf(offset: number, length: number): number {
    const { view } = this.#arena;
    let hash = view.getInt32(offset);
    if (length < sockaddrLength) hash = Math.imul(hash, 31) + view.getInt32(offset + 4) | 0;
    else for (let at = 8; at < 24; at += 4) hash = Math.imul(hash, 31) + view.getInt32(offset + at) | 0;
    return (hash ^ (hash >>> 16)) & this.#mask;
  }
}
