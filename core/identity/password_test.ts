import assert from "node:assert/strict";
// deno-lint-ignore selvage/no-runtime-globals -- an oracle to compare with
import { scryptSync } from "node:crypto";
import { test } from "../../tests/harness.ts";
import { encodeHex } from "../wire/hex.ts";
import {
  assertStrongPassword,
  neverExpires,
  passwordBits,
  passwordKey,
  passwordTokenReference,
} from "./password.ts";
import { isExpired } from "./token.ts";

test("a password key is scrypt with 64 MiB, salted with the network name; how a keyboard composes a letter does not matter", () => {
  const [composed, decomposed] = ["correct h\u00F6rse", "correct ho\u0308rse"];
  assert.notEqual(composed, decomposed);
  const cost = { N: 65_536, r: 8, p: 1, maxmem: 128 * 1024 * 1024 };
  const expected = scryptSync(composed, "selvage password 1\0loom", 32, cost);
  assert.equal(encodeHex(passwordKey(decomposed, "loom").reveal()), expected.toString("hex"));
});

// Python's hashlib wrote the expected id.
test("the reference of a password names the network alone and never expires", () => {
  const reference = passwordTokenReference("loom");
  assert.equal(encodeHex(reference.id), "f5e365d04f488bae790990e1ff6e1d5c");
  assert.equal(reference.expires, neverExpires);
  assert.notDeepEqual(passwordTokenReference("other").id, reference.id);
  assert.ok(!isExpired(reference, 8.64e15));
});

test("passwords that people choose are worth less than 60 bits", () => {
  const weak = [
    "",
    "password",
    "Password123!",
    "qwertyuiopasdfghjkl",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "abcdefghijklmnopqrstuvwxyz",
    "987654321098765432109876543210",
    "Summer2026!",
    "passwordpasswordpassword",
    "tr0ub4dor&3",
  ];
  for (const password of weak) {
    assert.ok(passwordBits(password) < 60, `${password}: ${passwordBits(password)}`);
  }
});

test("passwords that a generator makes are worth 60 bits or more", () => {
  const strong = [
    "kX7#mQ2$vR9!tB4&",
    "vpzr-htwk-mgbe-xqcs",
    "9f3a1c7e5b2d8064af13c97e",
    "Ünïcödé-Påßwôrd-ẞøłïđ",
  ];
  for (const password of strong) {
    assert.ok(passwordBits(password) >= 60, `${password}: ${passwordBits(password)}`);
  }
});

test("more of the same adds next to nothing and a fresh character adds its class", () => {
  const gain = (longer: string, shorter: string) => (passwordBits(longer) - passwordBits(shorter)).toFixed(6);
  assert.equal(gain("kk", "k"), "1.000000");
  assert.equal(gain("kp", "k"), Math.log2(26).toFixed(6));
  assert.equal(gain("k5", "k"), Math.log2(10).toFixed(6));
  assert.equal(gain("kpkp", "kpk"), "1.000000");
});

test("a weak password is refused unless the operator insists", () => {
  assert.throws(() => assertStrongPassword("Password123!", false), {
    code: "INVALID_ARGUMENT",
    message: /about 4\d bits and 60 are wanted.*--force/,
  });
  assertStrongPassword("Password123!", true);
  assertStrongPassword("kX7#mQ2$vR9!tB4&", false);
});

test("an empty password is refused even then", () => {
  assert.throws(() => assertStrongPassword("", true), { code: "INVALID_ARGUMENT" });
});

test("the refusal does not repeat the password", () => {
  assert.throws(() => assertStrongPassword("hunter2", false), (error: Error) => {
    return !`${error.message}${JSON.stringify(error)}`.includes("hunter2");
  });
});
