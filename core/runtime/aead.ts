/**
 * The AEADs of this process. `@noble/ciphers` is the reference that exists everywhere; the platform's OpenSSL does the
 * same two to eight times faster. Which is faster than which depends on runtime and processor (Deno pays more per call
 * than Node, AES-GCM needs AES instructions), so it is measured at start rather than guessed.
 */
import { gcm } from "@noble/ciphers/aes.js";
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { createCipheriv, createDecipheriv } from "node:crypto";
import type { AeadKey, AeadName, AeadSuite } from "../contracts/aead.ts";
import type { Clock } from "../contracts/host.ts";
import { decodeHex } from "../wire/hex.ts";

const names: readonly AeadName[] = ["chacha20-poly1305", "aes-256-gcm"];
const nobleCiphers = { "chacha20-poly1305": chacha20poly1305, "aes-256-gcm": gcm } as const;
const tagLength = 16;

const reference: readonly AeadSuite[] = names.map((name) => ({
  name,
  implementation: "noble",
  key: (secret) => nobleKey(name, secret),
}));

/** Both algorithms in portable JavaScript. */
export function nobleAeads(): readonly AeadSuite[] {
  return reference;
}

/** Both algorithms by `node:crypto`. An OpenSSL built without one of them fails the check in {@link rankAeads}. */
export function platformAeads(): readonly AeadSuite[] {
  return names.map((name) => ({
    name,
    implementation: "platform",
    key: (secret) => platformKey(name, secret),
  }));
}

function nobleKey(name: AeadName, secret: Uint8Array): AeadKey {
  const cipher = nobleCiphers[name];
  return {
    seal: (nonce, associatedData, plaintext) => cipher(secret, nonce, associatedData).encrypt(plaintext),
    open: (nonce, associatedData, ciphertext) => {
      if (ciphertext.length < tagLength) return undefined;
      return orUndefined(() => cipher(secret, nonce, associatedData).decrypt(ciphertext));
    },
  };
}

function platformKey(name: AeadName, secret: Uint8Array): AeadKey {
  return {
    seal: (nonce, associatedData, plaintext) =>
      platformSeal(name, secret, { nonce, associatedData }, plaintext),
    open: (nonce, associatedData, ciphertext) => {
      if (ciphertext.length < tagLength) return undefined;
      return orUndefined(() => platformOpen(name, secret, { nonce, associatedData }, ciphertext));
    },
  };
}

interface Header {
  readonly nonce: Uint8Array;
  readonly associatedData: Uint8Array;
}

function platformSeal(name: AeadName, secret: Uint8Array, header: Header, plaintext: Uint8Array): Uint8Array {
  const cipher = createCipheriv(algorithm(name), secret, header.nonce, { authTagLength: tagLength });
  cipher.setAAD(header.associatedData, { plaintextLength: plaintext.length });
  const sealed = new Uint8Array(plaintext.length + tagLength);
  sealed.set(cipher.update(plaintext));
  cipher.final();
  sealed.set(cipher.getAuthTag(), plaintext.length);
  return sealed;
}

/** Throws when the tag does not verify. */
function platformOpen(
  name: AeadName,
  secret: Uint8Array,
  header: Header,
  ciphertext: Uint8Array,
): Uint8Array {
  const length = ciphertext.length - tagLength;
  const decipher = createDecipheriv(algorithm(name), secret, header.nonce, { authTagLength: tagLength });
  decipher.setAAD(header.associatedData, { plaintextLength: length });
  decipher.setAuthTag(ciphertext.subarray(length));
  const plaintext = new Uint8Array(decipher.update(ciphertext.subarray(0, length)));
  decipher.final();
  return plaintext;
}

/** `node:crypto` types its stream ciphers apart from its AEADs; both of ours are AEADs and share one call form. */
function algorithm(name: AeadName): "chacha20-poly1305" {
  return name as "chacha20-poly1305";
}

function orUndefined(open: () => Uint8Array): Uint8Array | undefined {
  try {
    return open();
  } catch {
    return undefined;
  }
}

/** All measuring together; it delays the start of every node. */
const measureMillis = 6;
/** Two looks at each, the better one counts: the first also pays for compilation. */
const rounds = 2;
/** Enough for a rate, and an end on a clock that stands still. */
const sealsPerRound = 256;

/**
 * The suites fit for use, fastest first by a self-test of at most 10 ms. One that does not give the same bytes as noble
 * for the same input, or opens a changed message, is left out. Where the clock shows no difference the given order stays.
 */
export function rankAeads(suites: readonly AeadSuite[], clock: Clock): readonly AeadSuite[] {
  const sound = suites.filter(agreesWithNoble);
  const slice = measureMillis / (rounds * Math.max(sound.length, 1));
  const cost = new Map(sound.map((suite) => [suite, Infinity]));
  for (let round = 0; round < rounds; round++) {
    for (const suite of sound) {
      cost.set(suite, Math.min(cost.get(suite)!, millisPerSeal(suite, clock, slice)));
    }
  }
  return [...sound].sort((left, right) => cost.get(left)! - cost.get(right)!);
}

/** No data, less than a block, and more than one block of both algorithms. A packet's length would cost a start more. */
const probeLengths: readonly number[] = [0, 15, 70];
/**
 * What noble makes of them, in hex, by length. Kept rather than made at each start, which would wait for noble's AES: it is
 * quick after some thousand blocks and slow before.
 */
const answers: Readonly<Record<AeadName, readonly string[]>> = {
  "chacha20-poly1305": [
    "33a7c5d0b9313c2035d15b542bc86cdd",
    "7179ec2d83f94c15be360b966742f5fc7ddc4ac4461dc5b068ecb1207f28cd",
    "7179ec2d83f94c15be360b966742f5b2c8243df84b4927cde29a7305aab84841476adb1b2115f9cb6a5169fdd0ec" +
    "80d3ecfb2305f21d78de9111b2d89f409758a4b653a1887dfcba1b3dce4eeaa138d3bc3aa0b6b484",
  ],
  "aes-256-gcm": [
    "74870d63e074452ef4a9e415fe34dafe",
    "767a55df661ae98dd5b0135708165befe9c7fba7a0ad6099769bf21a258412",
    "767a55df661ae98dd5b0135708165b5b2b343013dc74bcc88a6cf3fcf18b2f411df9d86a9023c516267a2361539a" +
    "5ff2f48d3cdce128bba1361bc1d2cf34aa2ebfaf3c116579d3341cbee5731dde04b3f60f0e10c9fc",
  ],
};

function agreesWithNoble(suite: AeadSuite): boolean {
  if (reference.includes(suite)) return true;
  try {
    const key = suite.key(pattern(32, 1));
    return probeLengths.every((length, i) => agreesAt(length, key, decodeHex(answers[suite.name][i]!)!));
  } catch {
    return false;
  }
}

function agreesAt(length: number, key: AeadKey, sealed: Uint8Array): boolean {
  const [nonce, header, plaintext] = [pattern(12, 2), pattern(16, 3), pattern(length, 4)];
  if (!same(key.seal(nonce, header, plaintext), sealed)) return false;
  const opened = key.open(nonce, header, sealed);
  const changed = sealed.map((byte, i) => (i === length ? byte ^ 1 : byte));
  return opened !== undefined && same(opened, plaintext) && key.open(nonce, header, changed) === undefined;
}

function millisPerSeal(suite: AeadSuite, clock: Clock, slice: number): number {
  const key = suite.key(pattern(32, 1));
  const [nonce, header, plaintext] = [pattern(12, 2), pattern(16, 3), pattern(1400, 4)];
  const start = clock.now();
  let elapsed = 0;
  let seals = 0;
  while (elapsed < slice && seals < sealsPerRound) {
    key.seal(nonce, header, plaintext);
    seals++;
    elapsed = clock.now() - start;
  }
  return elapsed / seals;
}

function pattern(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 97) & 0xff);
}

function same(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, i) => byte === right[i]);
}
