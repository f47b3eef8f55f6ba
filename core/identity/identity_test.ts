import assert from "node:assert/strict";
// deno-lint-ignore selvage/no-runtime-globals -- the inspector is what may print a secret
import { inspect } from "node:util";
import { x25519 } from "@noble/curves/ed25519.js";
import { test } from "../../tests/harness.ts";
import { copyBytes } from "../wire/bytes.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { encodeHex } from "../wire/hex.ts";
import { fakeSelf, seededRandom } from "./fake_members.ts";
import {
  createIdentity,
  decodeIdentity,
  encodeIdentity,
  isPeerId,
  openSelf,
  peerIdOf,
  renewNoiseKey,
} from "./identity.ts";
import { verifySignature } from "./signature.ts";

const secrets = createIdentity(seededRandom("identity"));
const self = openSelf(secrets, "web-1");
const message = new TextEncoder().encode("selvage test 1\0message");

test("an identity survives the way to disk and back", () => {
  const read = decodeIdentity(encodeIdentity(secrets));
  assert.ok(read.signingSeed.equals(secrets.signingSeed));
  assert.ok(read.noiseSecret.equals(secrets.noiseSecret));
  assert.deepEqual([read.version, read.bindingNumber], [1, 1]);
  assert.deepEqual(openSelf(read, "web-1").publicKey, self.publicKey);
});

test("two identities share nothing", () => {
  const random = seededRandom("two");
  const [one, other] = [createIdentity(random), createIdentity(random)];
  const all = [one.signingSeed, one.noiseSecret, other.signingSeed, other.noiseSecret];
  assert.equal(new Set(all.map((secret) => encodeHex(secret.reveal()))).size, 4);
});

test("damage to the file form or the seed is told as a corrupt state", () => {
  const bytes = encodeIdentity(secrets);
  for (const damaged of [bytes.subarray(0, 20), new Uint8Array(), encodeCbor([1]), encodeCbor({ v: 1 })]) {
    assert.throws(() => decodeIdentity(damaged), { code: "STATE_CORRUPT" });
  }
  const flippedSeed = copyBytes(bytes);
  const at = bytes.findIndex((_, i) => bytes[i] === 0x73 && bytes[i + 1] === 0x58) + 3;
  flippedSeed[at] = flippedSeed[at]! ^ 1;
  assert.throws(() => decodeIdentity(flippedSeed), { code: "STATE_CORRUPT" });
});

test("an identity of a newer format is told apart from a damaged one", () => {
  assert.throws(() => decodeIdentity(encodeCbor({ v: 2, new: true })), { code: "UNSUPPORTED" });
});

test("a renewed Noise key leaves the identity and raises the number", () => {
  const renewed = renewNoiseKey(secrets, seededRandom("renewed"));
  assert.equal(renewed.bindingNumber, 2);
  assert.ok(renewed.signingSeed.equals(secrets.signingSeed));
  assert.ok(!renewed.noiseSecret.equals(secrets.noiseSecret));
  const last = { ...secrets, bindingNumber: 2 ** 32 - 1 };
  assert.throws(() => renewNoiseKey(last, seededRandom("last")), { code: "INTERNAL" });
});

test("the opened self signs, agrees on keys and carries its name", () => {
  assert.equal(self.name, "web-1");
  assert.equal(self.id, peerIdOf(self.publicKey));
  assert.ok(verifySignature(self.publicKey, message, self.sign(message)));
  const other = fakeSelf("other");
  assert.deepEqual(
    x25519.getSharedSecret(self.noise.secretKey, other.noise.publicKey),
    x25519.getSharedSecret(other.noise.secretKey, self.noise.publicKey),
  );
});

test("no secret key shows in JSON, in a text or under an inspector", () => {
  const hidden = [secrets.signingSeed.reveal(), secrets.noiseSecret.reveal()];
  const prints = [secrets, self].flatMap((value) => [
    JSON.stringify(value),
    String(value),
    inspect(value, { depth: 9, maxArrayLength: null }),
  ]);
  for (const print of prints) {
    for (const secret of hidden) {
      assert.ok(!print.includes(secret.subarray(0, 6).join(", ")), print);
      assert.ok(!print.includes(`"0":${secret[0]},"1":${secret[1]},"2":${secret[2]}`), print);
      assert.ok(!print.includes(encodeHex(secret)), print);
    }
  }
});

test("a peer id has 32 characters and one spelling", () => {
  assert.equal(self.id.length, 32);
  assert.ok(isPeerId(self.id));
  for (
    const text of [
      self.id.toUpperCase(),
      self.id.slice(1),
      `${self.id}a`,
      `${self.id}\n`,
      `1${self.id.slice(1)}`,
    ]
  ) {
    assert.ok(!isPeerId(text), text);
  }
});

test("the id of a key never changes, because other nodes have written it down", () => {
  assert.equal(peerIdOf(new Uint8Array(32)), "q4ehjuajrmjvp7e2emh6crnwmkzukqz4");
});
