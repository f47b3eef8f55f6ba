import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { type AeadPreference, chooseAeads, trialLength } from "./aead_choice.ts";
import { heapArena } from "./arena.ts";
import type { ArenaAeadKey, ArenaAeadSuite } from "./arena_aead.ts";
import { nobleArenaSuites } from "./noble_arena_aead.ts";

const [aes, chacha] = nobleArenaSuites() as [ArenaAeadSuite, ArenaAeadSuite];

/** Time passes when a suite works, and not otherwise: what a test says of cost does not depend on the machine. */
class WorkClock {
  #now = 0;

  now(): number {
    return this.#now;
  }

  work(millis: number): void {
    this.#now += millis;
  }
}

/** For tests that are not about cost: a millisecond passes at every look. */
class LookClock extends WorkClock {
  override now(): number {
    this.work(1);
    return super.now();
  }
}

function choose(suites: readonly ArenaAeadSuite[], clock: WorkClock, prefer: AeadPreference = "auto") {
  return chooseAeads(suites, { clock, arena: heapArena(trialLength), millis: 1, prefer });
}

/** A suite on top of noble's, under another name and with other behaviour. */
function suite(
  inner: ArenaAeadSuite,
  implementation: string,
  change: (key: ArenaAeadKey) => Partial<ArenaAeadKey>,
): ArenaAeadSuite {
  return {
    name: inner.name,
    implementation,
    key: (secret, arena) => {
      const key = inner.key(secret, arena);
      const plain: ArenaAeadKey = {
        seal: (...at) => key.seal(...at),
        open: (...at) => key.open(...at),
        free: () => key.free(),
      };
      return { ...plain, ...change(plain) };
    },
  };
}

function costing(inner: ArenaAeadSuite, implementation: string, work: readonly [WorkClock, number]) {
  const [clock, millis] = work;
  return suite(inner, implementation, (key) => ({
    seal: (...at) => {
      clock.work(millis);
      return key.seal(...at);
    },
    open: (...at) => {
      clock.work(2 * millis);
      return key.open(...at);
    },
  }));
}

test("noble is sound, so the tags in the trial are noble's", () => {
  const { suites, measures } = choose([aes, chacha], new LookClock());
  assert.deepEqual(suites, [aes, chacha]);
  assert.deepEqual(measures.map(({ sound }) => sound), [true, true]);
});

test("each cipher gets its cheapest suite, and the cheaper cipher comes first", () => {
  const clock = new WorkClock();
  const slowAes = costing(aes, "libsodium x", [clock, 0.04]);
  const fastAes = costing(aes, "libcrypto x", [clock, 0.02]);
  const fastChaCha = costing(chacha, "libcrypto x", [clock, 0.01]);
  const { suites, measures } = choose([slowAes, fastAes, fastChaCha], clock);
  assert.deepEqual(suites, [fastChaCha, fastAes]);
  assert.deepEqual(measures, [
    { name: chacha.name, implementation: "libcrypto x", sound: true, sealNanos: 10_000, openNanos: 20_000 },
    { name: aes.name, implementation: "libcrypto x", sound: true, sealNanos: 20_000, openNanos: 40_000 },
    { name: aes.name, implementation: "libsodium x", sound: true, sealNanos: 40_000, openNanos: 80_000 },
  ]);
});

test("of two suites that cost about the same the one given first is taken", () => {
  const clock = new WorkClock();
  const first = costing(aes, "libcrypto a", [clock, 0.021]);
  const second = costing(aes, "libcrypto b", [clock, 0.02]);
  assert.deepEqual(choose([first, second], clock).suites, [first]);
  assert.deepEqual(choose([second, first], clock).suites, [second]);
  assert.equal(choose([first, second], clock).measures[0]!.implementation, "libcrypto b");
});

test("a preference takes all ways of one implementation and nothing of the others", () => {
  const clock = new WorkClock();
  const slow = costing(aes, "libcrypto koffi by init", [clock, 0.04]);
  const fast = costing(aes, "libcrypto koffi by parameter", [clock, 0.03]);
  const other = costing(aes, "libsodium koffi", [clock, 0.01]);
  const noble = costing(chacha, "noble", [clock, 0.1]);
  const all = [slow, fast, other, noble];
  assert.deepEqual(choose(all, clock, "libcrypto").suites, [fast]);
  assert.deepEqual(choose(all, clock, "libsodium").suites, [other]);
  assert.deepEqual(choose(all, clock, "noble").suites, [noble]);
  assert.deepEqual(choose([slow, noble], clock, "libsodium").suites, []);
  assert.equal(choose([slow, noble], clock, "libsodium").measures.length, 2);
});

/** What once was or could be wrong with a library, each alone. */
const wrongs: Readonly<Record<string, (key: ArenaAeadKey) => Partial<ArenaAeadKey>>> = {
  "seals nothing": () => ({ seal: () => false }),
  "opens nothing": () => ({ open: () => false }),
  "ignores the tag": (key) => ({ open: (...at) => key.open(...at) || true }),
  "ignores the counter when it seals": (key) => ({ seal: (_low, ...at) => key.seal(7, ...at) }),
  "keeps the counter of the message before": (key) => {
    const [seal, open] = [late(), late()];
    return {
      seal: (low, ...at) => key.seal(seal(low), ...at),
      open: (low, ...at) => key.open(open(low), ...at),
    };
  },
  "ignores the header": (key) => ({
    seal: (low, high, _header, ...at) => key.seal(low, high, 1000, ...at),
    open: (low, high, _header, ...at) => key.open(low, high, 1000, ...at),
  }),
  "swaps the halves of the counter": (key) => ({
    seal: (low, high, ...at) => key.seal(high, low, ...at),
    open: (low, high, ...at) => key.open(high, low, ...at),
  }),
};

/** Gives what it got the time before. */
function late(): (low: number) => number {
  let before: number | undefined;
  return (low) => {
    const given = before ?? low;
    before = low;
    return given;
  };
}

for (const [what, change] of Object.entries(wrongs)) {
  test(`a suite that ${what} is not sound and not chosen`, () => {
    for (const inner of [aes, chacha]) {
      const { suites, measures } = choose([suite(inner, "libcrypto", change), inner], new LookClock());
      assert.deepEqual(suites, [inner]);
      assert.deepEqual(measures.map(({ sound }) => sound), [true, false]);
    }
  });
}

test("a suite that writes other bytes than it tagged is not sound", () => {
  const arena = heapArena(trialLength);
  const wrong = suite(aes, "libcrypto", (key) => ({
    // deno-lint-ignore selvage/max-parameters -- as the contract has it
    seal: (low, high, header, plain, length, out) => {
      const done = key.seal(low, high, header, plain, length, out);
      if (length > 300) arena.bytes[out + 299]! ^= 1;
      return done;
    },
  }));
  const { suites } = chooseAeads([wrong], { clock: new LookClock(), arena, millis: 1, prefer: "auto" });
  assert.deepEqual(suites, []);
});

test("a suite that throws is not sound, and the keys of every suite are freed", () => {
  let keys = 0;
  const counted = (inner: ArenaAeadSuite, most: number): ArenaAeadSuite => ({
    ...inner,
    key: (secret, arena) => {
      if (keys >= most) throw new Error("no more keys");
      keys++;
      return suite(inner, "", (key) => ({
        free: () => {
          keys--;
          key.free();
        },
      })).key(secret, arena);
    },
  });
  for (const most of [0, 1]) assert.deepEqual(choose([counted(aes, most)], new LookClock()).suites, []);
  assert.equal(choose([counted(aes, 2)], new LookClock()).suites.length, 1);
  assert.equal(keys, 0);
});

test("the trial writes no byte behind its part of the arena", () => {
  const arena = heapArena(trialLength + 64);
  arena.bytes.fill(0xa5, trialLength);
  const { suites } = chooseAeads([chacha], { clock: new LookClock(), arena, millis: 1, prefer: "auto" });
  assert.deepEqual(suites, [chacha]);
  assert.ok(arena.bytes.subarray(trialLength).every((byte) => byte === 0xa5));
});

test("the trial ends on a clock that stands still", () => {
  let calls = 0;
  const counted = suite(aes, "libcrypto", (key) => ({
    // What is timed is not looked at, so that the test need not pay for it.
    seal: (...at) => ++calls > 8 || key.seal(...at),
  }));
  const idle = suite(counted, "libcrypto", (key) => ({ open: (...at) => calls > 8 || key.open(...at) }));
  const { suites, measures } = choose([idle], new WorkClock());
  assert.deepEqual(suites, [idle]);
  assert.equal(measures[0]!.sealNanos, 0);
  assert.ok(calls > 100 && calls < 10_000);
});
