import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import type { AeadSuite } from "../contracts/aead.ts";
import type { Clock } from "../contracts/host.ts";
import { nobleAeads, platformAeads, rankAeads } from "./aead.ts";

const all = [...nobleAeads(), ...platformAeads()];
const twins = nobleAeads().map((noble) => ({
  noble,
  platform: platformAeads().find(({ name }) => name === noble.name)!,
}));

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const message = fc.record({
  secret: bytes(32),
  nonce: bytes(12),
  header: fc.uint8Array({ maxLength: 64 }),
  plaintext: fc.uint8Array({ maxLength: 300 }),
});

/** A clock that each look moves on: elapsed time counts looks, so a test of speed does not depend on the machine. */
function countingClock(step: number): Clock & { looks: number } {
  return {
    looks: 0,
    now() {
      return ++this.looks * step;
    },
    wall: () => 0,
    timer: () => ({ cancel: () => {} }),
  };
}

test("the platform seals and opens byte for byte as noble does", () => {
  for (const { noble, platform } of twins) {
    fc.assert(
      fc.property(message, ({ secret, nonce, header, plaintext }) => {
        const sealed = noble.key(secret).seal(nonce, header, plaintext);
        assert.deepEqual(platform.key(secret).seal(nonce, header, plaintext), sealed);
        assert.deepEqual(platform.key(secret).open(nonce, header, sealed), plaintext);
        assert.deepEqual(noble.key(secret).open(nonce, header, sealed), plaintext);
      }),
      { seed: 1, numRuns: 100 },
    );
  }
});

test("ChaCha20-Poly1305 gives the ciphertext of RFC 8439 section 2.8.2", () => {
  const hex = (text: string) => Uint8Array.from(text.match(/../g)!, (pair) => parseInt(pair, 16));
  const plaintext = new TextEncoder().encode(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
  );
  for (const suite of all.filter(({ name }) => name === "chacha20-poly1305")) {
    const key = suite.key(Uint8Array.from({ length: 32 }, (_, i) => 0x80 + i));
    const sealed = key.seal(hex("070000004041424344454647"), hex("50515253c0c1c2c3c4c5c6c7"), plaintext);
    assert.deepEqual(sealed.subarray(0, 16), hex("d31a8d34648e60db7b86afbc53ef7ec2"));
    assert.deepEqual(sealed.subarray(114), hex("1ae10b594f09e26a7e902ecbd0600691"));
  }
});

test("one changed bit anywhere, or a wrong nonce or header, opens nothing", () => {
  for (const suite of all) {
    fc.assert(
      fc.property(message, fc.nat(), ({ secret, nonce, header, plaintext }, at) => {
        const key = suite.key(secret);
        const sealed = key.seal(nonce, header, plaintext);
        const flipped = Uint8Array.from(sealed);
        const bit = at % (sealed.length * 8);
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        assert.equal(key.open(nonce, header, flipped), undefined);
        assert.equal(key.open(nonce.map((byte) => byte ^ 1), header, sealed), undefined);
        assert.equal(key.open(nonce, Uint8Array.of(...header, 0), sealed), undefined);
      }),
      { seed: 2, numRuns: 50 },
    );
  }
});

test("fewer than 16 bytes open to nothing", () => {
  for (const suite of all) {
    const key = suite.key(new Uint8Array(32));
    for (let length = 0; length < 16; length++) {
      assert.equal(key.open(new Uint8Array(12), new Uint8Array(0), new Uint8Array(length)), undefined);
    }
  }
});

test("results are memory of their own", () => {
  for (const suite of all) {
    const key = suite.key(new Uint8Array(32));
    const [nonce, header, plaintext] = [new Uint8Array(12), new Uint8Array(4), new Uint8Array(40).fill(7)];
    const sealed = key.seal(nonce, header, plaintext);
    const opened = key.open(nonce, header, sealed)!;
    sealed.fill(0);
    assert.deepEqual(opened, plaintext);
  }
});

test("the ranking keeps every sound suite, fastest first", () => {
  const clock = countingClock(0.01);
  const slow: AeadSuite = {
    ...nobleAeads()[0]!,
    implementation: "slow",
    key(secret) {
      const inner = nobleAeads()[0]!.key(secret);
      return {
        open: inner.open,
        seal: (...args) => {
          clock.looks += 50;
          return inner.seal(...args);
        },
      };
    },
  };
  const ranked = rankAeads([slow, ...nobleAeads()], clock);
  assert.deepEqual(ranked.map(({ implementation }) => implementation), ["noble", "noble", "slow"]);
});

test("the ranking leaves out a suite that seals differently, opens a forgery or throws", () => {
  const [noble] = nobleAeads();
  const wrongBytes: AeadSuite = {
    ...noble!,
    key: (secret) => ({
      ...noble!.key(secret),
      seal: (nonce, header, plaintext) => {
        const sealed = noble!.key(secret).seal(nonce, header, plaintext);
        if (plaintext.length > 64) sealed[64]! ^= 1;
        return sealed;
      },
    }),
  };
  const gullible: AeadSuite = {
    ...noble!,
    key: (secret) => ({
      ...noble!.key(secret),
      open: (nonce, header, sealed) => noble!.key(secret).open(nonce, header, sealed) ?? new Uint8Array(0),
    }),
  };
  const absent: AeadSuite = {
    ...noble!,
    key: () => {
      throw new Error("unknown cipher");
    },
  };
  assert.deepEqual(rankAeads([wrongBytes, gullible, noble!, absent], countingClock(0.01)), [noble]);
});

test("what a suite is held against is what noble makes, of both algorithms", () => {
  const strangers = nobleAeads().map((suite) => ({ ...suite, implementation: "another" }));
  assert.deepEqual(rankAeads(strangers, countingClock(0)), strangers);
});

test("the ranking ends on a clock that stands still, and keeps the given order", () => {
  assert.deepEqual(rankAeads(all, countingClock(0)), all);
});

test("the measurement takes at most ten milliseconds of the clock", () => {
  const clock = countingClock(0.05);
  rankAeads(all, clock);
  assert.ok(clock.looks * 0.05 <= 10, `took ${clock.looks * 0.05} ms`);
});
