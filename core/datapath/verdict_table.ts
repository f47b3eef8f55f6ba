/**
 * What the policy has said of flows, so that the worker need not ask again. The main thread tells it, flow by flow, as it
 * judges the first packets; a flow that is not here is asked about, so anything may be forgotten at any time.
 *
 * The key is all that a policy is asked with: family, direction, protocol, both addresses, both ports. One of the addresses is
 * the local endpoint's. ICMP has no ports, and a policy does not hear its type, so that is no part of a verdict.
 *
 * Open addressing in typed arrays. A flow lies in one of the {@link window} places from where its hash says; when all are
 * taken, one that was not asked for lately makes way. So whoever opens flows without end costs evictions, of flows that say
 * nothing first, and never room or a longer search. The hash has a secret, or flows could be chosen to fall on one another's.
 */
import type { Flow } from "../contracts/policy.ts";
import { readU32 } from "../wire/field.ts";
import type { Arena } from "./arena.ts";
import type { PolicyEpoch } from "./policy_epoch.ts";
import type { ArenaPacket } from "./super_frame_packet.ts";

/** What {@link VerdictTable.find} answers. */
export const Known = { unknown: 0, allowed: 1, denied: 2 } as const;
export type Known = (typeof Known)[keyof typeof Known];

/** A verdict as it is told, and the epoch in which it was given. */
export interface ToldVerdict {
  readonly epoch: number;
  readonly flow: Flow;
  readonly allow: boolean;
}

/** Places that a flow may lie in. */
const window = 8;
/** Of a key: both addresses, of which those of IPv4 use the first two words. */
const words = 8;
const EMPTY = 0;
const askedFlag = 4;
const egressFlag = 0x100;

export class VerdictTable {
  readonly capacity: number;
  readonly #view: DataView;
  readonly #epoch: PolicyEpoch;
  readonly #mask: number;
  /** Of each place: 0 for an empty one, else family, direction and protocol. */
  readonly #kinds: Int32Array;
  readonly #ports: Int32Array;
  readonly #addresses: Int32Array;
  /** A {@link Known}, and whether it was asked for since somebody had to make way. */
  readonly #states: Uint8Array;
  // The flow in hand.
  readonly #key = new Int32Array(words);
  #kind = 0;
  #pair = 0;
  #length = 0;
  #seed = 0;
  #seen: number;
  #isOn = false;
  #evictions = 0;

  /** `capacity` is a power of two. */
  constructor(capacity: number, arena: Arena, epoch: PolicyEpoch) {
    this.capacity = capacity;
    this.#view = arena.view;
    this.#epoch = epoch;
    this.#mask = capacity - 1;
    this.#kinds = new Int32Array(capacity);
    this.#ports = new Int32Array(capacity);
    this.#addresses = new Int32Array(words * capacity);
    this.#states = new Uint8Array(capacity);
    this.#seen = epoch.now;
  }

  /** Whether packets are judged at all; once they are, for good. */
  get isOn(): boolean {
    return this.#isOn;
  }

  /** Flows that made way for others so far. */
  get evictions(): number {
    return this.#evictions;
  }

  /** From here on packets are judged. `seed`: 32 bits that nobody else knows. */
  begin(seed: number): void {
    this.#seed = seed | 0;
    this.#isOn = true;
    this.#kinds.fill(EMPTY);
  }

  /** Of the flow of a plain packet, as it leaves a local endpoint or comes to one. */
  find(packet: ArenaPacket, isEgress: boolean): Known {
    this.#forgetOld();
    this.#kind = (packet.version << 9) | (isEgress ? egressFlag : 0) | packet.upper;
    this.#pair = packet.ports;
    this.#length = packet.version === 4 ? 2 : words;
    const at = packet.sourceOffset;
    for (let i = 0; i < this.#length; i++) this.#key[i] = this.#view.getInt32(at + 4 * i);
    const place = this.#place();
    if (place < 0) return Known.unknown;
    const state = this.#states[place]!;
    if ((state & askedFlag) === 0) this.#states[place] = state | askedFlag;
    return (state & ~askedFlag) as Known;
  }

  /** Keeps a verdict; false for one of another epoch, which is nothing any more. */
  put({ epoch, flow, allow }: ToldVerdict): boolean {
    this.#forgetOld();
    if (epoch !== this.#seen) return false;
    this.#take(flow);
    let place = this.#place();
    if (place < 0) place = this.#room();
    this.#kinds[place] = this.#kind;
    this.#ports[place] = this.#pair;
    for (let i = 0; i < this.#length; i++) this.#addresses[words * place + i] = this.#key[i]!;
    this.#states[place] = allow ? Known.allowed : Known.denied;
    return true;
  }

  #forgetOld(): void {
    const now = this.#epoch.now;
    if (now === this.#seen) return;
    this.#seen = now;
    this.#kinds.fill(EMPTY);
  }

  #take({ direction, protocol, source, destination, sourcePort, destinationPort }: Flow): void {
    this.#kind = (source.family << 9) | (direction === "egress" ? egressFlag : 0) | protocol;
    this.#pair = (sourcePort << 16) | destinationPort;
    const half = source.family === 4 ? 1 : words / 2;
    this.#length = 2 * half;
    for (let i = 0; i < half; i++) {
      this.#key[i] = readU32(source.bytes, 4 * i);
      this.#key[half + i] = readU32(destination.bytes, 4 * i);
    }
  }

  /** Where the flow in hand lies, or −1. Nothing is ever taken out alone, so it lies before the first empty place. */
  #place(): number {
    const first = this.#hash();
    for (let i = 0; i < window; i++) {
      const place = (first + i) & this.#mask;
      const kind = this.#kinds[place]!;
      if (kind === EMPTY) return -1;
      if (kind === this.#kind && this.#ports[place] === this.#pair && this.#hasKey(place)) return place;
    }
    return -1;
  }

  #hasKey(place: number): boolean {
    for (let i = 0, at = words * place; i < this.#length; i++) {
      if (this.#addresses[at + i] !== this.#key[i]) return false;
    }
    return true;
  }

  /** For a flow that has no place: an empty one, or that of one that was not asked for lately. */
  #room(): number {
    const first = this.#hash();
    let idle = -1;
    for (let i = 0; i < window; i++) {
      const place = (first + i) & this.#mask;
      if (this.#kinds[place] === EMPTY) return place;
      if (idle < 0 && (this.#states[place]! & askedFlag) === 0) idle = place;
    }
    const chosen = idle < 0 ? this.#second(first) : idle;
    this.#evictions++;
    return chosen;
  }

  /** All were asked for: each has to be again to stay, and one of them, in turn, does not get the time. */
  #second(first: number): number {
    for (let i = 0; i < window; i++) this.#states[(first + i) & this.#mask]! &= ~askedFlag;
    return (first + this.#evictions % window) & this.#mask;
  }

  #hash(): number {
    let hash = mixed(this.#seed, this.#kind);
    hash = mixed(hash, this.#pair);
    for (let i = 0; i < this.#length; i++) hash = mixed(hash, this.#key[i]!);
    return hash & this.#mask;
  }
}

/** Every bit of the word reaches the lowest ones, and none of the seed is lost. */
function mixed(hash: number, word: number): number {
  let mix = Math.imul(hash ^ word, 0x85eb_ca6b);
  mix ^= mix >>> 13;
  mix = Math.imul(mix, 0xc2b2_ae35);
  return mix ^ (mix >>> 16);
}
