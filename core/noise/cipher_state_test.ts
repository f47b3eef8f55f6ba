import assert from "node:assert/strict";
import { hexToBytes } from "@noble/hashes/utils.js";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { CipherState, maxNonce } from "./cipher_state.ts";
import { type CipherFunctions, ciphers } from "./suite.ts";

const key = Uint8Array.from({ length: 32 }, (_, index) => index);
const ad = Uint8Array.of(1, 2, 3);
const text = new TextEncoder().encode("thirteen warps");
const all = [...ciphers.values()];

test("n stands behind four zero bytes: little-endian for ChaChaPoly, big-endian for AESGCM", () => {
  const nonces: [number, string][] = [
    [0, "0000000000000000"],
    [1, "0000000000000001"],
    [0x0102030405, "0000000102030405"],
    [0xffffffff, "00000000ffffffff"],
    [2 ** 53 - 2, "001ffffffffffffe"],
  ];
  for (const cipher of all) {
    for (const [n, bigEndian] of nonces) {
      const state = new CipherState(cipher, key);
      state.setNonce(n);
      assert.deepEqual(
        state.encryptWithAd(ad, text),
        seal(cipher, bigEndian),
        `${cipher.name} ${n}`,
      );
    }
  }
});

test("what one state seals another opens, in order, and n counts only what was good", () => {
  fc.assert(
    fc.property(fc.constantFrom(...all), fc.array(fc.uint8Array()), (cipher, messages) => {
      const [sender, receiver] = [new CipherState(cipher, key), new CipherState(cipher, key)];
      messages.forEach((message, number) => {
        const sealed = sender.encryptWithAd(ad, message);
        assert.equal(sealed.length, message.length + 16);
        assert.equal(receiver.decryptWithAd(ad, Uint8Array.from(sealed, (byte) => byte ^ 1)), undefined);
        assert.equal(receiver.decryptWithAd(text, sealed), undefined);
        assert.equal(receiver.nonce, number);
        assert.deepEqual(receiver.decryptWithAd(ad, sealed), message);
        assert.equal(receiver.nonce, sender.nonce);
      });
    }),
    { seed: 20, numRuns: 100 },
  );
});

test("messages out of order open once n is set, and only under their own n", () => {
  for (const cipher of all) {
    const [sender, receiver] = [new CipherState(cipher, key), new CipherState(cipher, key)];
    const sealed = [0, 1, 2].map((number) => sender.encryptWithAd(ad, Uint8Array.of(number)));
    assert.equal(receiver.decryptWithAd(ad, sealed[2]!), undefined);
    for (const n of [2, 0, 1]) {
      receiver.setNonce(n);
      assert.deepEqual(receiver.decryptWithAd(ad, sealed[n]!), Uint8Array.of(n));
    }
  }
});

test("an n that is no whole number below the limit exhausts the state, and a good one revives it", () => {
  const state = new CipherState(all[0]!, key);
  const sealed = new CipherState(all[0]!, key).encryptWithAd(ad, text);
  for (const n of [-1, 0.5, NaN, Infinity, 2 ** 53 - 1, 2 ** 53, 2 ** 64]) {
    state.setNonce(n);
    assert.equal(state.nonce, maxNonce);
    assert.equal(state.decryptWithAd(ad, sealed), undefined);
    assert.throws(() => state.encryptWithAd(ad, text), /used up/);
  }
  state.setNonce(0);
  assert.deepEqual(state.decryptWithAd(ad, sealed), text);
});

test("the last n is used once and none after it", () => {
  const state = new CipherState(all[0]!, key);
  state.setNonce(maxNonce - 1);
  state.encryptWithAd(ad, text);
  assert.throws(() => state.encryptWithAd(ad, text), /used up/);
  const beyond = seal(all[0]!, "001fffffffffffff");
  assert.equal(state.decryptWithAd(ad, beyond), undefined);
});

test("rekeying takes the first 32 bytes of zeros sealed under 2^64 - 1, and n goes on", () => {
  for (const cipher of all) {
    const state = new CipherState(cipher, key);
    state.setNonce(7);
    state.rekey();
    assert.equal(state.nonce, 7);
    const sealed = seal(cipher, "ffffffffffffffff", new Uint8Array(32), { key, ad: new Uint8Array() });
    const next = { key: sealed.slice(0, 32), ad };
    assert.deepEqual(state.encryptWithAd(ad, text), seal(cipher, "0000000000000007", text, next));
  }
});

test("both sides can rekey in step and the old key opens nothing more", () => {
  const [sender, receiver, late] = [1, 2, 3].map(() => new CipherState(all[0]!, key));
  sender!.rekey();
  receiver!.rekey();
  const sealed = sender!.encryptWithAd(ad, text);
  assert.equal(late!.decryptWithAd(ad, sealed), undefined);
  assert.deepEqual(receiver!.decryptWithAd(ad, sealed), text);
});

test("a message has at most 65535 bytes, and one shorter than a tag opens to nothing", () => {
  for (const cipher of all) {
    const [sender, receiver] = [new CipherState(cipher, key), new CipherState(cipher, key)];
    assert.throws(() => sender.encryptWithAd(ad, new Uint8Array(65_520)), /at most 65535/);
    const longest = sender.encryptWithAd(ad, new Uint8Array(65_519));
    assert.equal(longest.length, 65_535);
    const tooLong = seal(cipher, "0000000000000000", new Uint8Array(65_520));
    assert.equal(receiver.decryptWithAd(ad, tooLong)?.length, undefined);
    for (const length of [0, 1, 15, 16]) {
      assert.equal(receiver.decryptWithAd(ad, longest.subarray(0, length)), undefined);
    }
    assert.equal(receiver.decryptWithAd(ad, longest)?.length, 65_519);
  }
});

test("without a key nothing passes, sealed or in clear", () => {
  const wiped = new CipherState(all[0]!, key);
  wiped.wipe();
  for (const state of [new CipherState(all[0]!), wiped]) {
    assert.equal(state.hasKey, false);
    assert.throws(() => state.encryptWithAd(ad, text), /no key/);
    assert.throws(() => state.decryptWithAd(ad, text), /no key/);
    assert.throws(() => state.rekey(), /no key/);
  }
});

test("wiping zeroes the key where it lies", () => {
  let held = new Uint8Array();
  const spy: CipherFunctions = { ...all[0]!, encrypt: (key) => held = key as Uint8Array<ArrayBuffer> };
  const state = new CipherState(spy, key);
  state.encryptWithAd(ad, text);
  assert.deepEqual(held, key);
  state.wipe();
  assert.deepEqual(held, new Uint8Array(32));
});

test("the key is copied in, has 32 bytes, and a clone is wiped apart", () => {
  const mutable = key.slice();
  const state = new CipherState(all[0]!, mutable);
  mutable.fill(0);
  const copy = state.clone();
  state.wipe();
  assert.deepEqual(copy.encryptWithAd(ad, text), seal(all[0]!, "0000000000000000"));
  for (const length of [0, 16, 31, 33]) {
    assert.throws(() => new CipherState(all[0]!, new Uint8Array(length)), /32 bytes/);
  }
});

test("a new key starts at n = 0", () => {
  const state = new CipherState(all[0]!, key);
  state.encryptWithAd(ad, text);
  state.initializeKey(key);
  assert.equal(state.nonce, 0);
});

/** Seals under a nonce written by hand; `n` in big-endian hexadecimal, turned round for ChaChaPoly. */
function seal(cipher: CipherFunctions, n: string, plaintext = text, under = { key, ad }): Uint8Array {
  const counter = hexToBytes(n);
  if (cipher.name === "ChaChaPoly") counter.reverse();
  return cipher.encrypt(under.key, Uint8Array.of(0, 0, 0, 0, ...counter), under.ad, plaintext);
}
