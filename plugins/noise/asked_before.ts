/**
 * Who has asked lately and was turned away? Two Bloom filters that take turns: what was noted is known for one to two
 * windows. Under a flood from forged sources this tells those who come again, as every genuine sender does, from those
 * who are made up for one datagram; and it does so in a fixed 512 KiB, where a table of sources would be what the flood
 * fills. At 45,000 sources a second 1 % are taken for known by mistake.
 */
import type { Random } from "../../core/contracts/host.ts";
import type { Millis } from "../../core/contracts/values.ts";
import { readU32 } from "../../core/wire/field.ts";
import { limits } from "./constants.ts";

const bits = 2 ** 21;

export class AskedBefore {
  readonly #random: Random;
  /** Made when first needed: most nodes never see a flood. */
  #filters: { current: Uint32Array; before: Uint32Array; readonly seed: number } | undefined;
  #turnedAt: Millis = -Infinity;

  constructor(random: Random) {
    this.#random = random;
  }

  has(key: string, now: Millis): boolean {
    if (this.#filters === undefined) return false;
    this.#turn(now);
    const { current, before, seed } = this.#filters;
    const [one, two] = places(key, seed);
    return (isSet(current, one) && isSet(current, two)) || (isSet(before, one) && isSet(before, two));
  }

  note(key: string, now: Millis): void {
    this.#filters ??= {
      current: new Uint32Array(bits / 32),
      before: new Uint32Array(bits / 32),
      seed: readU32(this.#random.fill(new Uint8Array(4)), 0),
    };
    this.#turn(now);
    for (const place of places(key, this.#filters.seed)) {
      this.#filters.current[place >>> 5]! |= 1 << (place & 31);
    }
  }

  #turn(now: Millis): void {
    if (now - this.#turnedAt < limits.askedBeforeMillis) return;
    const isLongAgo = now - this.#turnedAt >= 2 * limits.askedBeforeMillis;
    const { current, before } = this.#filters!;
    if (isLongAgo) current.fill(0);
    before.fill(0);
    this.#filters!.current = before;
    this.#filters!.before = current;
    this.#turnedAt = now;
  }
}

/** FNV-1a with a secret start, so that nobody can choose keys that meet; then its two halves are mixed once more. */
function places(key: string, seed: number): readonly [number, number] {
  let hash = seed;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  const mixed = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return [(mixed ^ (mixed >>> 12)) & (bits - 1), (Math.imul(mixed, 0x297a2d39) >>> 12) & (bits - 1)];
}

function isSet(filter: Uint32Array, place: number): boolean {
  return (filter[place >>> 5]! & (1 << (place & 31))) !== 0;
}
