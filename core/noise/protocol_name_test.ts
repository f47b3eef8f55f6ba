import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { parseProtocolName } from "./protocol_name.ts";

test("a protocol name gives its pattern and its functions", () => {
  const protocol = parseProtocolName("Noise_XXpsk0+psk3_25519_AESGCM_SHA512");
  assert.equal(protocol.pattern.name, "XXpsk0+psk3");
  assert.equal(protocol.cipher.name, "AESGCM");
  assert.equal(protocol.hash.name, "SHA512");
  assert.equal(protocol.hash.length, 64);
});

test("all ciphers and hashes have the names of the specification", () => {
  for (const cipher of ["ChaChaPoly", "AESGCM"]) {
    for (const hash of ["BLAKE2s", "BLAKE2b", "SHA256", "SHA512"]) {
      const protocol = parseProtocolName(`Noise_NN_25519_${cipher}_${hash}`);
      assert.deepEqual([protocol.cipher.name, protocol.hash.name], [cipher, hash]);
    }
  }
});

test("overheads count keys and tags of each message", () => {
  const overheads = (pattern: string) =>
    parseProtocolName(`Noise_${pattern}_25519_ChaChaPoly_BLAKE2s`).overheads;
  assert.deepEqual(overheads("XX"), [32, 32 + 48 + 16, 48 + 16]);
  assert.deepEqual(overheads("XXpsk3"), [32 + 16, 32 + 48 + 16, 48 + 16]);
  assert.deepEqual(overheads("IKpsk2"), [32 + 48 + 16, 32 + 16]);
  assert.deepEqual(overheads("IX"), [32 + 32, 32 + 48 + 16]);
  assert.deepEqual(overheads("K"), [32 + 16]);
});

test("a name that is not of the grammar is refused", () => {
  const names = [
    "",
    "Noise",
    "Noise_XX_25519_ChaChaPoly",
    "Noise_XX_25519_ChaChaPoly_BLAKE2s_",
    "noise_XX_25519_ChaChaPoly_BLAKE2s",
    "Noise_xx_25519_ChaChaPoly_BLAKE2s",
    "Noise_XX_25519_ChaChaPoly_BLAKE2s\n",
    `Noise_${"X".repeat(255)}_25519_ChaChaPoly_BLAKE2s`,
  ];
  for (const name of names) assert.throws(() => parseProtocolName(name), Error, name);
});

test("an error names the part that is not supported", () => {
  const cases: [string, RegExp][] = [
    ["Noise_XY_25519_ChaChaPoly_BLAKE2s", /"XY" is not supported/],
    ["Noise_XXfallback_25519_ChaChaPoly_BLAKE2s", /"fallback" is not supported/],
    ["Noise_XXpsk4_25519_ChaChaPoly_BLAKE2s", /"psk4" is not supported/],
    ["Noise_XXpsk3+psk0_25519_ChaChaPoly_BLAKE2s", /"psk3\+psk0" is not supported/],
    ["Noise_XX+psk0_25519_ChaChaPoly_BLAKE2s", /"" is not supported/],
    ["Noise_XXpsk10_25519_ChaChaPoly_BLAKE2s", /"psk10" is not supported/],
    ["Noise_XX_448_ChaChaPoly_BLAKE2s", /"448" are not supported; use 25519/],
    ["Noise_XX_25519_ChaCha_BLAKE2s", /"ChaCha" is not supported/],
    ["Noise_XX_25519_ChaChaPoly_BLAKE3", /"BLAKE3" is not supported/],
  ];
  for (const [name, message] of cases) assert.throws(() => parseProtocolName(name), { message });
});
