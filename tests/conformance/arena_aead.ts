/**
 * What every implementation of the data path's AEADs must do: give noble's bytes, refuse everything else, stay inside what it
 * was given.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { AeadName } from "../../core/contracts/aead.ts";
import type { Arena } from "../../core/datapath/arena.ts";
import type { ArenaAeadKey, ArenaAeadSuite } from "../../core/datapath/arena_aead.ts";
import { nobleAeads } from "../../core/runtime/aead.ts";
import { test } from "../harness.ts";

/** Suites, and memory that they can reach. */
export interface ArenaAeadBed extends Partial<Disposable> {
  readonly suites: readonly ArenaAeadSuite[];
  readonly arena: Arena;
}

export interface ArenaAeadKit {
  /** Begins the tests' names. */
  readonly name: string;
  /** For one test; `length` is what the arena must hold. Disposed of when the test is over. */
  readonly bed: (length: number) => Promise<ArenaAeadBed> | ArenaAeadBed;
  /** A reason not to run. */
  readonly skip?: string | undefined;
}

/** Offsets in the arena, odd ones too: packets lie anywhere. */
const AT = { header: 3, plain: 101, out: 66_003 } as const;
const arenaLength = 140_000;
const headerLength = 16;
const tagLength = 16;
const frame = 0xa5;

export function testArenaAead({ name, bed, skip }: ArenaAeadKit): void {
  const each = (claim: string, check: (rig: Rig) => void) =>
    test(`${name}: ${claim}`, async () => {
      const { suites, arena, ...rest } = await bed(arenaLength);
      try {
        for (const suite of suites) {
          const rig = new Rig(suite, arena);
          check(rig);
          rig.free();
        }
      } finally {
        rest[Symbol.dispose]?.();
      }
    }, { skip });

  each("all lengths to 80, a packet, a large one and the largest give noble's bytes, opened again", (rig) => {
    for (const length of [...Array(81).keys(), 1400, 9000, 65_000]) rig.agree(length, 7, 0, AT.out);
  });
  each("sealing and opening in place gives the same bytes", (rig) => {
    for (const length of [0, 1, 15, 16, 17, 80, 333, 1400, 9000]) rig.agree(length, 8, 0, AT.plain);
  });
  each("any counter, also beyond 2^32, stands in the nonce as Noise puts it", (rig) => {
    for (const [low, high] of counters) rig.agree(40, low, high, AT.out);
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), fc.nat(0xffff_ffff), fc.nat(300), (low, high, length) => {
        rig.agree(length, low, high, AT.out);
      }),
      { seed: 5, numRuns: 30 },
    );
  });
  each("a changed bit anywhere in header, body or tag opens nothing, and the next message opens", alterAll);
  each("another counter or another key opens nothing", (rig) => {
    const length = rig.seal(50, 9, 1);
    for (const [low, high] of [[8, 1], [9, 0], [9, 2], [1, 9]] as const) {
      assert.equal(rig.opener.open(low, high, AT.header, AT.out, length, AT.plain), false);
    }
    const other = rig.suite.key(pattern(32, 99), rig.arena);
    assert.equal(other.open(9, 1, AT.header, AT.out, length, AT.plain), false);
    other.free();
    assert.equal(rig.opener.open(9, 1, AT.header, AT.out, length, AT.plain), true);
  });
  each("fewer than 16 bytes open to nothing", (rig) => {
    const length = rig.seal(0, 1, 0);
    for (let less = 0; less < length; less++) {
      assert.equal(rig.opener.open(1, 0, AT.header, AT.out, less, AT.plain), false);
    }
  });
  each("offsets beyond the arena are refused", refuseBeyond);
  each("keys do not disturb each other", interleave);
  each("a key that seals and opens by turns is right", turnRound);
  each("a key outlives the caller's copy of its secret, and can be freed twice", (rig) => {
    rig.agree(30, 1, 0, AT.out);
    rig.free();
    rig.free();
    const again = new Rig(rig.suite, rig.arena);
    again.agree(30, 2, 0, AT.out);
    again.free();
  });
}

const counters: readonly (readonly [low: number, high: number])[] = [
  [0, 0],
  [0x7fff_ffff, 0],
  [0x8000_0000, 0],
  [0xffff_ffff, 0],
  [0, 1],
  [5, 0x8000_0001],
  [0xffff_fffe, 0xffff_ffff],
];

/**
 * Keys of one secret, one that seals and one that opens, as the two ends of a session have them: implementations may take a
 * longer way when a key turns round, and that way must not hide what is wrong with the usual one.
 */
class Rig {
  readonly suite: ArenaAeadSuite;
  readonly arena: Arena;
  readonly sealer: ArenaAeadKey;
  readonly opener: ArenaAeadKey;
  readonly #secret: Uint8Array;

  constructor(suite: ArenaAeadSuite, arena: Arena, seed = 1) {
    this.suite = suite;
    this.arena = arena;
    this.#secret = pattern(32, seed);
    const given = Uint8Array.from(this.#secret);
    this.sealer = suite.key(given, arena);
    this.opener = suite.key(given, arena);
    given.fill(0);
  }

  free(): void {
    this.sealer.free();
    this.opener.free();
  }

  /** Seals a message at `AT.plain` to `AT.out`. The length sealed. */
  seal(length: number, low: number, high: number): number {
    this.arena.bytes.set(pattern(headerLength, low), AT.header);
    this.arena.bytes.set(pattern(length, length), AT.plain);
    assert.equal(this.sealer.seal(low, high, AT.header, AT.plain, length, AT.out), true);
    return length + tagLength;
  }

  /** A message sealed to `out` is noble's, opens to what it was, and neither call writes beside its result. */
  agree(length: number, low: number, high: number, out: number): void {
    const { bytes } = this.arena;
    const [header, plain] = [pattern(headerLength, low), pattern(length, length)];
    bytes.fill(frame, 0, AT.plain + length + tagLength + 8).fill(
      frame,
      out - 8,
      out + length + tagLength + 8,
    );
    bytes.set(header, AT.header);
    bytes.set(plain, AT.plain);
    const what = `${this.suite.name} ${this.suite.implementation} ${length} bytes, counter ${high}:${low}`;
    assert.equal(this.sealer.seal(low, high, AT.header, AT.plain, length, out), true, what);
    const expected = this.#noble(low, high, header, plain);
    assert.ok(same(bytes.subarray(out, out + length + tagLength), expected), `${what}: noble's bytes`);
    assert.equal(this.opener.open(low, high, AT.header, out, length + tagLength, AT.plain), true, what);
    assert.ok(same(bytes.subarray(AT.plain, AT.plain + length), plain), `${what}: opened`);
    for (const at of [AT.plain - 1, out - 1, out + length + tagLength]) assert.equal(bytes[at], frame, what);
    if (out !== AT.plain) assert.equal(bytes[AT.plain + length], frame, what);
  }

  #noble(low: number, high: number, header: Uint8Array, plain: Uint8Array): Uint8Array {
    const reference = nobleAeads().find(({ name }) => name === this.suite.name)!;
    return reference.key(this.#secret).seal(noiseNonce(this.suite.name, low, high), header, plain);
  }
}

/** Written out by shifts, so that it shares nothing with what it checks. */
function noiseNonce(name: AeadName, low: number, high: number): Uint8Array {
  const counter = (BigInt(high) << 32n) | BigInt(low);
  const bytes = Array.from({ length: 8 }, (_, i) => Number((counter >> BigInt(8 * i)) & 0xffn));
  return Uint8Array.of(0, 0, 0, 0, ...(name === "aes-256-gcm" ? bytes.reverse() : bytes));
}

function alterAll(rig: Rig): void {
  for (const size of [0, 1, 40, 300]) {
    const length = rig.seal(size, 3, 0);
    const { bytes } = rig.arena;
    const open = () => rig.opener.open(3, 0, AT.header, AT.out, length, AT.plain);
    const places = [
      ...Array.from({ length: headerLength }, (_, i) => AT.header + i),
      ...Array.from({ length }, (_, i) => AT.out + i),
    ];
    for (const place of places) {
      bytes[place]! ^= 1 << (place & 7);
      assert.equal(open(), false, `${rig.suite.name}: byte ${place} of ${size}`);
      bytes[place]! ^= 1 << (place & 7);
    }
    assert.equal(open(), true);
    assert.ok(same(bytes.subarray(AT.plain, AT.plain + size), pattern(size, size)));
  }
}

function refuseBeyond({ sealer, opener }: Rig): void {
  const end = arenaLength;
  const wrong: readonly (readonly [header: number, from: number, length: number, out: number])[] = [
    [end - 15, 0, 20, 100],
    [-1, 0, 20, 100],
    [0, end - 19, 20, 100],
    [0, -1, 20, 100],
    [0, 100, 20, -1],
    [0, 100, -1, 200],
    [0, 100, 0x7fff_fff0, 200],
  ];
  for (const [header, from, length, out] of wrong) {
    assert.equal(sealer.seal(1, 0, header, from, length, out), false);
    assert.equal(opener.open(1, 0, header, from, length, out), false);
  }
  assert.equal(sealer.seal(1, 0, 0, 100, 20, end - 35), false);
  assert.equal(sealer.seal(1, 0, 0, 100, 20, end - 36), true);
  assert.equal(opener.open(1, 0, 0, end - 36, 36, 100), true);
  assert.equal(sealer.seal(1, 0, 0, 100, 20, 200), true);
  assert.equal(opener.open(1, 0, 0, 200, 36, end - 19), false);
  assert.equal(opener.open(1, 0, 0, 200, 36, end - 20), true);
}

function interleave({ suite, arena }: Rig): void {
  const rigs = [1, 2, 3].map((seed) => new Rig(suite, arena, seed));
  for (let counter = 0; counter < 9; counter++) rigs[counter % 3]!.agree(20 + counter, counter, 0, AT.out);
  rigs[0]!.free();
  rigs[1]!.agree(20, 10, 0, AT.out);
  for (const rig of rigs) rig.free();
}

function turnRound({ suite, arena, opener }: Rig): void {
  const both = new Rig(suite, arena);
  both.agree(10, 1, 0, AT.out);
  for (let counter = 2; counter < 8; counter++) {
    const length = both.seal(50 + counter, counter, 0);
    for (const key of [both.sealer, both.sealer, opener, both.opener]) {
      assert.equal(key.open(counter, 0, AT.header, AT.out, length, AT.plain), true);
      assert.ok(
        same(arena.bytes.subarray(AT.plain, AT.plain + 50 + counter), pattern(50 + counter, 50 + counter)),
      );
    }
    assert.equal(both.opener.seal(counter, 0, AT.header, AT.plain, 50 + counter, AT.out), true);
    assert.equal(opener.open(counter, 0, AT.header, AT.out, length, AT.plain), true);
  }
  both.free();
}

function pattern(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = i * 31 + seed * 97 + (i >> 8);
  return bytes;
}

function same(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, i) => byte === right[i]);
}
