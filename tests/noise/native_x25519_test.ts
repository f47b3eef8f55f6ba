import assert from "node:assert/strict";
import { diffieHellman, generateKeyPair, keyPairOf } from "../../core/noise/dh.ts";
import { SeededRandom } from "../../plugins/noise/testing_rig.ts";
import { test } from "../harness.ts";
import { nativeX25519 } from "./native_x25519.ts";

test("the runtime's X25519 makes the bytes that the portable one makes: public keys and shared secrets", () => {
  const random = new SeededRandom(9);
  for (let i = 0; i < 30; i++) {
    const [native, other] = [generateKeyPair(random, nativeX25519), generateKeyPair(random)];
    assert.deepEqual(native, keyPairOf(native.secretKey));
    const theirs = other.publicKey.slice();
    if (i % 2 === 1) theirs[31]! |= 0x80; // RFC 7748 §5: the top bit is ignored
    const secret = diffieHellman(native.secretKey, theirs, nativeX25519);
    assert.deepEqual(secret, diffieHellman(native.secretKey, theirs));
    assert.deepEqual(secret, diffieHellman(other.secretKey, native.publicKey, nativeX25519));
  }
  // Not all u-coordinates are on the curve: those on its twist give a secret, too.
  const { secretKey } = generateKeyPair(random);
  for (let i = 0; i < 30; i++) {
    const u = random.fill(new Uint8Array(32));
    assert.deepEqual(diffieHellman(secretKey, u, nativeX25519), diffieHellman(secretKey, u));
  }
});

test("a key of low order is refused whichever curve would be asked", () => {
  const { secretKey } = generateKeyPair(new SeededRandom(9));
  assert.equal(diffieHellman(secretKey, new Uint8Array(32), nativeX25519), undefined);
});
