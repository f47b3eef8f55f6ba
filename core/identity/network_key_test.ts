import assert from "node:assert/strict";
// deno-lint-ignore selvage/no-runtime-globals -- the inspector is what may print a secret
import { inspect } from "node:util";
import { test } from "../../tests/harness.ts";
import { encodeHex } from "../wire/hex.ts";
import { seededRandom } from "./fake_members.ts";
import { createNetworkKey, deriveTokenKey, networkKeyOf } from "./network_key.ts";

const secret = Uint8Array.from({ length: 32 }, (_, i) => i);
const token = { id: new Uint8Array(16).fill(7), expires: 1_800_000_000 };

// Expected values: Python's hashlib.blake2s and hmac, RFC 5869 written out.
test("the id of a network key is a keyed hash of 8 bytes", () => {
  assert.equal(encodeHex(networkKeyOf(secret).id), "581e227c96f8d583");
});

test("a token key is HKDF over the network key, token id and expiry", () => {
  const expected = "4e57899fbff44ca9674ce0cf52f8c17a46e946496b0bca2432fe039fd8e48fc6";
  assert.equal(encodeHex(deriveTokenKey(networkKeyOf(secret), token)), expected);
});

test("another key, id or expiry gives another token key", () => {
  const key = networkKeyOf(secret);
  const keys = [
    deriveTokenKey(key, token),
    deriveTokenKey(key, { ...token, expires: token.expires + 1 }),
    deriveTokenKey(key, { ...token, id: new Uint8Array(16).fill(8) }),
    deriveTokenKey(createNetworkKey(seededRandom("key")), token),
    key.secret,
  ];
  assert.equal(new Set(keys.map(encodeHex)).size, keys.length);
});

test("created network keys are random and hold 32 bytes", () => {
  const random = seededRandom("keys");
  const [one, other] = [createNetworkKey(random), createNetworkKey(random)];
  assert.equal(one.secret.length, 32);
  assert.notDeepEqual(one.secret, other.secret);
});

test("neither JSON nor an inspector shows the secret of a network key", () => {
  const key = networkKeyOf(secret);
  assert.deepEqual(Object.keys(JSON.parse(JSON.stringify(key))), ["id"]);
  assert.doesNotMatch(inspect(key, { depth: 9, maxArrayLength: null }), /0, *1, *2, *3/);
  assert.deepEqual(Object.keys({ ...key }), ["id"]);
});

test("a secret of another length is no network key", () => {
  assert.throws(() => networkKeyOf(secret.subarray(1)), { code: "INVALID_ARGUMENT" });
});
