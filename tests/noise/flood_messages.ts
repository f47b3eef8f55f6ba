/**
 * First messages as an attacker would send them: initiations and knocks in turn, of one kind.
 *
 * - `random`: the right type, version and length, all else random.
 * - `wrong-mac`: what an eavesdropper can make: true ids in front, a made-up Noise message, a made-up mac1.
 * - `replayed`: genuine ones, recorded before.
 * - `forged`: what a member, or a holder of a token, can make: a right mac1 over a made-up Noise message, and every other
 *   time a made-up mac2, which costs the receiver more than none.
 *
 * The Noise messages of `forged` are random but for their length: a right one costs the attacker Diffie-Hellmans of his
 * own, and the receiver does not get that far.
 */
import { networkKey, type SeededRandom, token, tokenKey } from "../../plugins/noise/testing_rig.ts";
import { joinKeys, memberKeys, PreparedMac } from "../../plugins/noise/mac.ts";
import { protocol } from "../../plugins/noise/constants.ts";
import { encodeInitiation, encodeKnock, handshakeOverhead, macsLength } from "../../plugins/noise/wire.ts";

export type FloodKind = "random" | "wrong-mac" | "replayed" | "forged";
export const floodKinds: readonly FloodKind[] = ["random", "wrong-mac", "replayed", "forged"];

export interface FloodTarget {
  /** Of the node under attack. */
  readonly noiseKey: Uint8Array;
  /** Genuine first messages to it, for `replayed`. */
  readonly recorded: readonly Uint8Array[];
}

/** Where the 4 bytes of the ephemeral key that vary are, and mac1. */
const ephemeralAt = 32;

/** Makes messages one after the other; each is valid until the next is made. */
export class FloodMessages {
  readonly #kind: FloodKind;
  readonly #target: FloodTarget;
  readonly #random: SeededRandom;
  readonly #templates: readonly { readonly message: Uint8Array; readonly mac: PreparedMac }[];
  #made = 0;

  constructor(kind: FloodKind, target: FloodTarget, random: SeededRandom) {
    this.#kind = kind;
    this.#target = target;
    this.#random = random;
    const body = (length: number, overhead: number) => random.fill(new Uint8Array(length - overhead));
    const initiation = { sender: 1, keyId: networkKey(1).id };
    const { initiationLength, knockLength } = protocol;
    this.#templates = [{
      message: encodeInitiation({
        ...initiation,
        noise: body(initiationLength, handshakeOverhead.initiation),
      }),
      mac: new PreparedMac(memberKeys(networkKey(1).secret, target.noiseKey).mac1),
    }, {
      message: encodeKnock({ sender: 1, token, noise: body(knockLength, handshakeOverhead.knock) }),
      mac: new PreparedMac(joinKeys(tokenKey).mac1),
    }];
  }

  next(): Uint8Array {
    const number = this.#made++;
    if (this.#kind === "replayed") return this.#target.recorded[number % this.#target.recorded.length]!;
    const { message, mac } = this.#templates[number % 2]!;
    this.#random.fill(message.subarray(this.#kind === "random" ? 4 : ephemeralAt, ephemeralAt + 12));
    const macAt = message.length - macsLength;
    if (this.#kind === "forged") {
      message.set(mac.of(message.subarray(0, 64)), macAt);
      message.fill(number % 4 < 2 ? 0 : 1, macAt + 16);
    } else this.#random.fill(message.subarray(macAt, macAt + 16));
    return message;
  }
}

/** Source addresses without end, as an attacker makes them up. */
export function spoofedHost(random: SeededRandom): string {
  const [a, b, c, d] = random.fill(new Uint8Array(4));
  return `${a}.${b}.${c}.${d}`;
}
