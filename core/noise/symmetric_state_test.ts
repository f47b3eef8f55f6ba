import assert from "node:assert/strict";
import { concatBytes } from "@noble/hashes/utils.js";
import { test } from "../../tests/harness.ts";
import { parseProtocolName } from "./protocol_name.ts";
import { SymmetricState } from "./symmetric_state.ts";

const shortName = "Noise_N_25519_AESGCM_SHA256"; // 27 characters, within HASHLEN
const longName = "Noise_XXpsk0+psk3_25519_ChaChaPoly_SHA256";
const wideName = "Noise_XX_25519_ChaChaPoly_SHA512";
const secret = new Uint8Array(32).fill(6);
const text = new TextEncoder().encode("selvage");

test("h starts as the padded name, or as the hash of a name longer than a hash", async () => {
  const padded = new Uint8Array(32);
  padded.set(new TextEncoder().encode(shortName));
  assert.deepEqual(start(shortName).handshakeHash, padded);
  const hashed = await platformHash("SHA-256", new TextEncoder().encode(longName));
  assert.deepEqual(start(longName).handshakeHash, hashed);
});

test("mixing follows HKDF as the specification writes it, also for a hash wider than a key", async () => {
  for (const [name, algorithm, length] of [[longName, "SHA-256", 32], [wideName, "SHA-512", 64]] as const) {
    const state = start(name);
    const h = state.handshakeHash;
    state.mixKeyAndHash(secret);
    const [ck1, tempH] = await platformHkdf(algorithm, h, secret); // ck starts as h
    assert.deepEqual(state.handshakeHash, await platformHash(algorithm, h, tempH));
    state.mixKey(text);
    const [ck2] = await platformHkdf(algorithm, ck1, text);
    const [forth, back] = await platformHkdf(algorithm, ck2, new Uint8Array());
    assert.equal(ck2.length, length);
    assert.deepEqual(state.split(), [forth.slice(0, 32), back.slice(0, 32)]);
  }
});

test("fields are in clear until a key is mixed in, and hashed either way", () => {
  const [writer, reader] = [start(longName), start(longName)];
  for (const overhead of [0, 16]) {
    assert.equal(writer.overhead, overhead);
    const field = writer.encryptAndHash(text);
    assert.equal(field.length, text.length + overhead);
    assert.deepEqual(reader.decryptAndHash(field), text);
    assert.deepEqual(reader.handshakeHash, writer.handshakeHash);
    writer.mixKey(secret);
    reader.mixKey(secret);
  }
});

test("a clone goes its own way", () => {
  const [state, twin] = [keyed(secret), keyed(secret)];
  const clone = state.clone();
  clone.mixHash(text);
  clone.mixKey(text);
  clone.wipe();
  assert.deepEqual(state.encryptAndHash(text), twin.encryptAndHash(text));
  assert.deepEqual(state.split(), twin.split());
});

test("wiping leaves nothing of the secrets that were mixed in", () => {
  const states = [keyed(secret), keyed(text), start(longName)];
  for (const state of states) state.wipe();
  const [first, ...others] = states.map((state) => state.split());
  for (const other of others) assert.deepEqual(other, first);
  for (const state of states) assert.equal(state.overhead, 0);
});

function start(name: string): SymmetricState {
  return SymmetricState.initialize(parseProtocolName(name));
}

function keyed(input: Uint8Array): SymmetricState {
  const state = start(longName);
  state.mixKey(input);
  return state;
}

async function platformHash(algorithm: string, ...parts: Uint8Array[]): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest(algorithm, concatBytes(...parts)));
}

/** §4.3 with WebCrypto's HMAC: three outputs, of which the caller takes what it wants. */
async function platformHkdf(
  algorithm: string,
  chainingKey: Uint8Array,
  input: Uint8Array,
): Promise<[Uint8Array, Uint8Array, Uint8Array]> {
  const hmac = async (keyBytes: Uint8Array, ...parts: Uint8Array[]) => {
    const options = { name: "HMAC", hash: algorithm };
    const key = await crypto.subtle.importKey("raw", keyBytes.slice(), options, false, ["sign"]);
    return new Uint8Array(await crypto.subtle.sign("HMAC", key, concatBytes(...parts)));
  };
  const temporary = await hmac(chainingKey, input);
  const first = await hmac(temporary, Uint8Array.of(1));
  const second = await hmac(temporary, first, Uint8Array.of(2));
  return [first, second, await hmac(temporary, second, Uint8Array.of(3))];
}
