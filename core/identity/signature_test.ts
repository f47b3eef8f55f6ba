import assert from "node:assert/strict";
import { ed25519 } from "@noble/curves/ed25519.js";
import { test } from "../../tests/harness.ts";
import { concatBytes, copyBytes, equalBytes } from "../wire/bytes.ts";
import { encodeHex } from "../wire/hex.ts";
import { fakeSelf, flipEachByte } from "./fake_members.ts";
import { quickenSignatures, type SignatureCheck, verifyPortably, verifySignature } from "./signature.ts";

const self = fakeSelf("signer");
const message = new TextEncoder().encode("selvage test 1\0message");
const signature = self.sign(message);
/** The order of the Ed25519 base point (RFC 8032 §5.1). */
const order = 2n ** 252n + 27742317777372353535851937790883648493n;

/** Takes what the others of its kind refuse, as the lax rules have it. */
const lax: SignatureCheck = (publicKey, signed, of) =>
  ed25519.verify(of, signed, publicKey, { zip215: true });

/** Both without a library of the platform and with one that takes more than it should. */
function refuses(publicKey: Uint8Array, signed: Uint8Array, of: Uint8Array): boolean {
  const alone = publicKey.length === 32 && of.length === 64 && verifyPortably(publicKey, signed, of);
  assert.ok(quickenSignatures(lax));
  assert.equal(verifySignature(publicKey, signed, of), alone);
  return !alone;
}

test("no flipped byte of signature, message or key passes verification", () => {
  for (const flipped of flipEachByte(signature)) {
    assert.ok(!verifySignature(self.publicKey, message, flipped));
  }
  for (const flipped of flipEachByte(message)) {
    assert.ok(!verifySignature(self.publicKey, flipped, signature));
  }
  for (const flipped of flipEachByte(self.publicKey)) {
    assert.ok(!verifySignature(flipped, message, signature));
  }
});

test("a signature with the group order added to its scalar is refused", () => {
  const scalar = littleEndian(signature.subarray(32)) + order;
  const twin = concatBytes(signature.subarray(0, 32), toLittleEndian(scalar));
  assert.ok(refuses(self.publicKey, message, twin));
});

test("a key of small order, under which anything would verify, is refused", () => {
  const identityPoint = new Uint8Array(32);
  identityPoint[0] = 1;
  const empty = concatBytes(identityPoint, new Uint8Array(32));
  assert.ok(lax(identityPoint, message, empty), "the lax rules take it");
  assert.ok(refuses(identityPoint, message, empty));
});

test("a point in its second encoding is refused", () => {
  // y = p + 1 encodes the same point as y = 1.
  const second = toLittleEndian(2n ** 255n - 18n);
  const empty = concatBytes(second, new Uint8Array(32));
  assert.ok(lax(second, message, empty), "the lax rules take it");
  assert.ok(refuses(second, message, empty));
  assert.ok(refuses(self.publicKey, message, empty));
});

test("keys and signatures in memory whose slices are views of it stay as they are, and hold", () => {
  assert.ok(quickenSignatures(lax));
  for (let i = 0; i < 8; i++) {
    const one = fakeSelf(`signer ${i}`);
    const [key, of] = [Lent.from(one.publicKey), Lent.from(one.sign(message))];
    assert.ok(verifySignature(key, message, of));
    assert.ok(equalBytes(key, one.publicKey));
  }
});

test("keys and signatures of another length are refused without an exception", () => {
  assert.ok(refuses(self.publicKey.subarray(1), message, signature));
  assert.ok(refuses(self.publicKey, message, signature.subarray(1)));
  assert.ok(refuses(new Uint8Array(), message, new Uint8Array()));
});

test("a library that takes a changed signature or message, fails a good one, or throws is not asked again", () => {
  const wrong: readonly SignatureCheck[] = [
    () => true,
    () => false,
    (publicKey, _, of) => lax(publicKey, Uint8Array.of(0x72), of),
    () => {
      throw new Error("no such algorithm");
    },
  ];
  for (const check of wrong) assert.ok(!quickenSignatures(check));
});

test("what a library says no to is still a good signature if the portable check says so", () => {
  let asked = 0;
  const forgetful: SignatureCheck = (...of) => asked++ < 3 && lax(...of);
  assert.ok(quickenSignatures(forgetful));
  assert.ok(verifySignature(self.publicKey, message, signature));
  assert.ok(asked > 3);
});

/** As the Buffers that sockets of Node hand out. */
class Lent extends Uint8Array {
  override slice(start?: number, end?: number): Lent {
    return this.subarray(start, end) as Lent;
  }
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${encodeHex(copyBytes(bytes).reverse())}`);
}

function toLittleEndian(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 255n));
}
