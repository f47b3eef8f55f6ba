/**
 * Which implementation seals the packets: the fastest on this processor, in this runtime, that gives the right bytes. What
 * a library was built with and what the processor has instructions for is not to be guessed, so all are tried at start.
 */
import type { AeadName } from "../contracts/aead.ts";
import type { Clock } from "../contracts/host.ts";
import type { Arena } from "./arena.ts";
import type { ArenaAeadKey, ArenaAeadSuite } from "./arena_aead.ts";

/** What an operator may ask for. `auto` is the fastest. */
export const aeadPreferences = ["auto", "libcrypto", "libsodium", "noble"] as const;
export type AeadPreference = (typeof aeadPreferences)[number];

export interface AeadTrial {
  readonly clock: Pick<Clock, "now">;
  /** Its first {@link trialLength} bytes are overwritten. */
  readonly arena: Arena;
  /** For each of the two directions of each suite. */
  readonly millis: number;
  readonly prefer: AeadPreference;
}

export interface AeadChoice {
  /**
   * One of each cipher, the cheaper cipher first. Without a cipher that no suite of the preferred implementation does
   * right; empty when there is none at all, which an `auto` with noble among the suites never gives.
   */
  readonly suites: readonly ArenaAeadSuite[];
  /** Of all suites, chosen or not; sound ones first, cheaper ones first. For status. */
  readonly measures: readonly AeadMeasure[];
}

/** Plain data. */
export interface AeadMeasure {
  readonly name: AeadName;
  readonly implementation: string;
  /** Gave noble's bytes, opened them, and refused changed ones. */
  readonly sound: boolean;
  /** Nanoseconds to seal and to open a packet of {@link timedLength} bytes; zero when not sound. */
  readonly sealNanos: number;
  readonly openNanos: number;
}

/**
 * Bytes of the packet that is sealed and opened for time, a jumbo frame. A call from JavaScript that is not yet compiled costs
 * as much as the cipher takes for a packet of 1,400 bytes, and it takes ten thousand calls to compile it, which a start
 * cannot wait for; with a long packet what is measured is the cipher. What the calls add then differs less.
 */
export const timedLength = 9000;
/** A suite must be cheaper by this much to come before one that was given first: less is noise at a start. */
const clearly = 0.9;
const headerLength = 16;
const tagLength = 16;
const AT = { header: 0, plain: 64, sealed: 10_240 } as const;
export const trialLength = 20_480;

/** Beyond 2^32 and with no two bytes alike, so that no order of bytes but the right one gives the right nonce. */
const COUNTER = { low: 0x89ab_cdef, high: 0x0123_4567 } as const;

/**
 * Tags of noble, for secret, header and message of {@link pattern} 1, 3 and 4, by the length of the message. A tag vouches for
 * the ciphertext under it, and opening what was written, for that being what was tagged. The lengths take different ways
 * through a library: nothing, less than a block, some blocks, and enough for code that does many blocks at once.
 */
const TAGS: Readonly<Record<AeadName, ReadonlyMap<number, string>>> = {
  "aes-256-gcm": new Map([
    [0, "ab1d785eec860aa48aeafbf743bc04c7"],
    [15, "3b54cc956d6db887b4d371aac46a0d48"],
    [200, "6a41946ec2a11abb1dd36eb4f3bde3e0"],
    [1400, "fd1b81de9a16e97d09b8d88fcf422550"],
  ]),
  "chacha20-poly1305": new Map([
    [0, "0cc1e08b9e9d26d177dd104f0cec6af6"],
    [15, "d94abfcdc509f29b891f204c7d461a1e"],
    [200, "d75beac728413eb6f583759ba2ea0c28"],
    [1400, "5fab8011221adb0176a3d336fa717976"],
  ]),
};

/** An end on a clock that stands still. */
const mostCalls = 1024;
/** Calls between two looks at the clock; the fastest few count, since another process may interrupt any others. */
const callsPerLook = 4;
/** However slow they are: the first calls of portable code are those of an interpreter. */
const fewestCalls = 12;

interface Tried {
  readonly suite: ArenaAeadSuite;
  readonly measure: AeadMeasure;
}

/**
 * Takes `2 * millis` for each suite, and as long as twelve calls of each direction take for a slow one. Of suites that cost
 * about the same the one given first is taken.
 */
export function chooseAeads(suites: readonly ArenaAeadSuite[], trial: AeadTrial): AeadChoice {
  const tried = suites.map((suite) => ({ suite, measure: measure(suite, trial) }));
  const chosen = new Map<AeadName, Tried>();
  for (const candidate of tried) {
    const { suite, measure } = candidate;
    const best = chosen.get(suite.name);
    if (!measure.sound || !isPreferred(suite, trial.prefer)) continue;
    if (best === undefined || cost(measure) < clearly * cost(best.measure)) chosen.set(suite.name, candidate);
  }
  return {
    suites: [...chosen.values()].sort((a, b) => byCost(a.measure, b.measure)).map(({ suite }) => suite),
    measures: tried.map(({ measure }) => measure).sort(byCost),
  };
}

/** `libcrypto` stands for all ways to call it. */
function isPreferred({ implementation }: ArenaAeadSuite, prefer: AeadPreference): boolean {
  return prefer === "auto" || implementation.split(" ", 1)[0] === prefer;
}

function byCost(left: AeadMeasure, right: AeadMeasure): number {
  if (left.sound !== right.sound) return left.sound ? -1 : 1;
  return cost(left) - cost(right);
}

function cost({ sealNanos, openNanos }: AeadMeasure): number {
  return sealNanos + openNanos;
}

/** One key seals and another one opens, as in a session. A cipher that the library lacks makes its suite throw. */
function measure(suite: ArenaAeadSuite, trial: AeadTrial): AeadMeasure {
  const { name, implementation } = suite;
  const keys: ArenaAeadKey[] = [];
  try {
    for (let i = 0; i < 2; i++) keys.push(suite.key(pattern(32, 1), trial.arena));
    const [sealer, opener] = keys as [ArenaAeadKey, ArenaAeadKey];
    if (isSound(name, sealer, opener, trial.arena)) {
      return { name, implementation, sound: true, ...times(sealer, opener, trial) };
    }
  } catch {
    // Reported as not sound.
  } finally {
    for (const key of keys) key.free();
  }
  return { name, implementation, sound: false, sealNanos: 0, openNanos: 0 };
}

/** Every message has a counter of its own: one left over from the message before would be right for one message only. */
function isSound(name: AeadName, sealer: ArenaAeadKey, opener: ArenaAeadKey, { bytes }: Arena): boolean {
  bytes.set(pattern(headerLength, 3), AT.header);
  for (const [length, tag] of TAGS[name]) {
    const message = pattern(length, 4);
    bytes.set(message, AT.plain);
    if (!seal(sealer, length)) return false;
    const end = AT.sealed + length;
    if (hex(bytes.subarray(end, end + tagLength)) !== tag) return false;
    bytes.fill(0, AT.plain, AT.plain + length);
    if (!open(opener, length) || !same(bytes.subarray(AT.plain, AT.plain + length), message)) return false;
    bytes[end]! ^= 1;
    const fooled = open(opener, length);
    bytes[end]! ^= 1;
    if (fooled || open(opener, length, 1)) return false;
  }
  return true;
}

function seal(key: ArenaAeadKey, length: number): boolean {
  return key.seal(COUNTER.low + length, COUNTER.high, AT.header, AT.plain, length, AT.sealed);
}

function open(key: ArenaAeadKey, length: number, wrong = 0): boolean {
  const low = COUNTER.low + length + wrong;
  return key.open(low, COUNTER.high, AT.header, AT.sealed, length + tagLength, AT.plain);
}

function times(sealer: ArenaAeadKey, opener: ArenaAeadKey, trial: AeadTrial) {
  return {
    sealNanos: nanosPerCall(() => seal(sealer, timedLength), trial),
    openNanos: nanosPerCall(() => open(opener, timedLength), trial),
  };
}

function nanosPerCall(call: () => boolean, { clock, millis }: AeadTrial): number {
  const start = clock.now();
  let [before, now] = [start, start];
  let best = Infinity;
  for (let calls = 0; calls < mostCalls; calls += callsPerLook) {
    if (calls >= fewestCalls && now - start >= millis) break;
    for (let i = 0; i < callsPerLook; i++) call();
    now = clock.now();
    best = Math.min(best, now - before);
    before = now;
  }
  return Math.round(best / callsPerLook * 1e6);
}

function pattern(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + seed * 97) & 0xff);
}

function same(left: Uint8Array, right: Uint8Array): boolean {
  return left.every((byte, i) => byte === right[i]);
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
