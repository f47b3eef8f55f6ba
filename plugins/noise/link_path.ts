/**
 * The way to one peer: how large a datagram it carries, and records that had to be split to cross it. The link seals and
 * sends; here it is decided what.
 */
import type { Endpoint, Millis } from "../../core/contracts/values.ts";
import { PathMtu } from "../../core/forwarding/path_mtu.ts";
import { readU16, writeU16 } from "../../core/wire/field.ts";
import { isRelayEndpoint } from "../../core/wire/relay_endpoint.ts";
import { directOverhead, limits, relayOverhead } from "./constants.ts";
import { tagLength, transportHeaderLength } from "./wire.ts";

/** IP and UDP headers of the underlay. */
const outer = { 4: 28, 6: 48 } as const;
const sealing = transportHeaderLength + tagLength;

/** What is known of a way before it is measured. */
interface WayKind {
  /** Which sizes are taken for granted. */
  readonly family: 4 | 6;
  /** What its IP packets have more than the datagram that is sealed for the peer. */
  readonly outer: number;
  /** The same of the overlay packet in it. */
  readonly overhead: number;
}

/** Where a peer is, and how many relays there are on the way. */
export interface MeasuredWay {
  readonly endpoint: Endpoint;
  readonly relays: number;
}

/**
 * Behind a relay each leg is of a family of its own, which this end need not know: the larger headers and the smaller guarantees
 * are counted. A size is that of this end's packets: other legs have more around the same message, or less, and what is too much
 * for them does not come back.
 */
function kindOf({ endpoint, relays }: MeasuredWay): WayKind {
  if (isRelayEndpoint(endpoint)) {
    const around = relays * relayOverhead;
    return { family: 4, outer: outer[6] + around, overhead: directOverhead[6] + around };
  }
  const family = endpoint.host.includes(":") ? 6 : 4;
  return { family, outer: outer[family], overhead: directOverhead[family] };
}

export class LinkPath {
  readonly #upper: number;
  #way: WayKind;
  #machine: PathMtu;
  /** When the path was last measured from the start, or will be. */
  #startsAt: Millis;

  /** `upper`: IP bytes of the largest packet that this host's underlay takes. */
  constructor(upper: number, way: MeasuredWay, now: Millis) {
    this.#upper = upper;
    this.#way = kindOf(way);
    this.#machine = new PathMtu(this.#way.family, upper, now);
    this.#startsAt = now;
  }

  /** The peer seems to be elsewhere: what was known of the way to it is not known any more. */
  moved(way: MeasuredWay, now: Millis): void {
    // One that is about to start is not put off: a peer that goes on moving would never be measured.
    if (this.#startsAt <= now) this.#startsAt = Math.max(now, this.#startsAt + limits.pathMoveMillis);
    this.#way = kindOf(way);
    this.#machine = new PathMtu(this.#way.family, this.#upper, this.#startsAt, false);
  }

  /** Whether as many bytes are around a packet on this way as on the one that is measured. */
  isAsLong(way: MeasuredWay): boolean {
    return kindOf(way).outer === this.#way.outer;
  }

  /** IP bytes of the largest overlay packet that crosses in one datagram; undefined while that is being measured. */
  get known(): number | undefined {
    const { known } = this.#machine;
    return known && known - this.#way.overhead;
  }

  /** Bytes of the longest datagram to send. */
  get datagramRoom(): number {
    return this.#machine.mtu - this.#way.outer;
  }

  /** Bytes of the longest plaintext to seal in one message. */
  get room(): number {
    return this.datagramRoom - sealing;
  }

  /** So many bytes have been sealed in one message; true when {@link deadline} may have moved to an earlier time. */
  sent(plaintext: number, now: Millis): boolean {
    const before = this.#machine.deadline();
    this.#machine.sent(plaintext + sealing + this.#way.outer, now);
    return this.#machine.deadline() < before;
  }

  deadline(): Millis {
    return this.#machine.deadline();
  }

  /** Plaintexts of the probes that are due. `heardAt`: when the peer was last heard. */
  probes(now: Millis, heardAt: Millis): readonly Uint8Array[] {
    const sizes = this.#machine.due(now, heardAt);
    const first = this.#machine.isDoubtful ? doubt : 0;
    return sizes.map((size) => encodeProbe(size - this.#way.outer - sealing, first));
  }

  /** The peer's probe has come; true when {@link deadline} may have moved to an earlier time. */
  heardProbe(plaintext: Uint8Array, now: Millis): boolean {
    if (plaintext[0] === doubt) this.#machine.doubted(now);
    return plaintext[0] === doubt;
  }

  /** The plaintext of an answer to one of them; false if it is none. */
  probed(plaintext: Uint8Array, now: Millis): boolean {
    if (plaintext.length !== probedLength) return false;
    this.#machine.acknowledged(readU16(plaintext, 0) + this.#way.outer, now);
    return true;
  }
}

/** First byte of a probe: the sender misses answers to the size that it uses. All other bytes are zero, and not looked at. */
const doubt = 1;

function encodeProbe(length: number, first: number): Uint8Array {
  const plaintext = new Uint8Array(length);
  plaintext[0] = first;
  return plaintext;
}

/** Bytes of the datagram that had the probe, in 2 bytes. */
export const probedLength = 2;

export function encodeProbed(length: number): Uint8Array {
  const plaintext = new Uint8Array(probedLength);
  writeU16(plaintext, 0, length);
  return plaintext;
}
