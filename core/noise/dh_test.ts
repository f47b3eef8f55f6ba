import assert from "node:assert/strict";
import { x25519 } from "@noble/curves/ed25519.js";
import { hexToBytes } from "@noble/hashes/utils.js";
import { test } from "../../tests/harness.ts";
import { diffieHellman, generateKeyPair, isUsablePublicKey, keyPairOf } from "./dh.ts";
import { seededRandom } from "./handshake_fixture.ts";
import { lowOrderKeys } from "./low_order_fixture.ts";

test("both sides agree, and with the platform's own X25519", async () => {
  const random = seededRandom(9);
  for (let round = 0; round < 20; round++) {
    const [a, b] = [generateKeyPair(random), generateKeyPair(random)];
    const secret = diffieHellman(a.secretKey, b.publicKey);
    assert.deepEqual(secret, diffieHellman(b.secretKey, a.publicKey));
    assert.deepEqual(secret, await platformAgree(a.secretKey, b.publicKey));
  }
});

test("a pair keeps the caller's secret by reference and draws a new one by copy", () => {
  const secretKey = new Uint8Array(32).fill(5);
  assert.equal(keyPairOf(secretKey).secretKey, secretKey);
  const [first, second] = [seededRandom(1), seededRandom(1)].map((random) => generateKeyPair(random));
  assert.deepEqual(first, second);
  assert.notEqual(first!.secretKey, second!.secretKey);
});

test("all fourteen spellings of the seven low-order points are refused", () => {
  const secretKey = generateKeyPair(seededRandom(9)).secretKey;
  assert.equal(lowOrderKeys.length, 14);
  for (const { name, publicKey } of lowOrderKeys) {
    assert.throws(() => x25519.getSharedSecret(secretKey, publicKey), `${name} is of low order`);
    assert.equal(isUsablePublicKey(publicKey), false, name);
    assert.equal(diffieHellman(secretKey, publicKey), undefined, name);
  }
});

test("the neighbours of the low-order points are fine", () => {
  const { secretKey } = generateKeyPair(seededRandom(9));
  for (const { name, publicKey } of lowOrderKeys) {
    const neighbour = publicKey.slice();
    neighbour[15]! ^= 1;
    assert.ok(isUsablePublicKey(neighbour), name);
    assert.ok(diffieHellman(secretKey, neighbour), name);
  }
});

test("a public key of another length is not usable", () => {
  for (const length of [0, 31, 33]) assert.equal(isUsablePublicKey(new Uint8Array(length).fill(9)), false);
});

/**
 * X25519 of WebCrypto. A bare secret is imported as PKCS #8 (RFC 8410 §7), whose header has a fixed length.
 */
async function platformAgree(secretKey: Uint8Array, publicKey: Uint8Array): Promise<Uint8Array> {
  const pkcs8 = Uint8Array.of(...hexToBytes("302e020100300506032b656e04220420"), ...secretKey);
  const own = await crypto.subtle.importKey("pkcs8", pkcs8, "X25519", false, ["deriveBits"]);
  const other = await crypto.subtle.importKey("raw", publicKey.slice(), "X25519", false, []);
  return new Uint8Array(await crypto.subtle.deriveBits({ name: "X25519", public: other }, own, 256));
}
