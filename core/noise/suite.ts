/**
 * The symmetric functions a protocol name may ask for (Noise revision 34, §4.2, §4.3, §12.3 to §12.8), all
 * from `@noble/*`: synchronous, the same bytes in every runtime, no native code. This is the reference; the
 * data path takes faster ciphers for transport messages and is tested against it.
 *
 * Rejected: WebCrypto (a promise per call would stand inside the pure machine, and it has neither ChaCha20
 * nor BLAKE2); a registry that callers can extend (a protocol name must mean one thing); Curve448, which
 * nothing here would choose.
 */
import { gcm } from "@noble/ciphers/aes.js";
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { blake2b, blake2s } from "@noble/hashes/blake2.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256, sha512 } from "@noble/hashes/sha2.js";

/** Bytes of a cipher key and of a pre-shared key. */
export const keyLength = 32;

/** Bytes that sealing adds. */
export const tagLength = 16;

/** No Noise message, handshake or transport, is longer (§3). */
export const maxMessageLength = 65_535;

/** `ENCRYPT` and `DECRYPT` of §4.2. Keys are 32 bytes, nonces 12. */
export interface CipherFunctions {
  readonly name: string;
  /** Byte order of n in the nonce, behind four zero bytes: §12.3 and §12.4 differ. */
  readonly littleEndianNonce: boolean;
  /** Ciphertext with the tag behind it, in fresh memory. */
  encrypt(key: Uint8Array, nonce: Uint8Array, ad: Uint8Array, plaintext: Uint8Array): Uint8Array;
  /** The plaintext in fresh memory, or undefined when the tag does not verify or is not there. */
  decrypt(key: Uint8Array, nonce: Uint8Array, ad: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined;
}

/** `HASH` and `HKDF` of §4.3. */
export interface HashFunctions {
  readonly name: string;
  /** HASHLEN: bytes of every output. */
  readonly length: 32 | 64;
  /** The hash of the parts, one behind the other. */
  hash(...parts: readonly Uint8Array[]): Uint8Array;
  /** Two or three outputs of HASHLEN bytes, one behind the other, in fresh memory that the caller wipes. */
  hkdf(chainingKey: Uint8Array, input: Uint8Array, outputs: 2 | 3): Uint8Array;
}

type Aead = typeof chacha20poly1305 | typeof gcm;
type Hash = typeof blake2s | typeof blake2b | typeof sha256 | typeof sha512;

function cipherFunctions(name: string, littleEndianNonce: boolean, aead: Aead): CipherFunctions {
  return {
    name,
    littleEndianNonce,
    encrypt: (key, nonce, ad, plaintext) => aead(key, nonce, ad).encrypt(plaintext),
    decrypt: (key, nonce, ad, ciphertext) => {
      try {
        return aead(key, nonce, ad).decrypt(ciphertext);
      } catch { // noble's only word for a tag that does not verify or is not there
        return undefined;
      }
    },
  };
}

const noInfo = new Uint8Array();

function hashFunctions(name: string, length: 32 | 64, hash: Hash): HashFunctions {
  return {
    name,
    length,
    hash: (...parts) => {
      const state = hash.create();
      for (const part of parts) state.update(part);
      return state.digest();
    },
    // §4.3 is RFC 5869 with the chaining key as salt and no info.
    hkdf: (chainingKey, input, outputs) => hkdf(hash, input, chainingKey, noInfo, outputs * length),
  };
}

function byName<T extends { readonly name: string }>(...functions: readonly T[]): ReadonlyMap<string, T> {
  return new Map(functions.map((each) => [each.name, each]));
}

/** Cipher functions by the name they have in a protocol name. */
export const ciphers: ReadonlyMap<string, CipherFunctions> = byName(
  cipherFunctions("ChaChaPoly", true, chacha20poly1305),
  cipherFunctions("AESGCM", false, gcm),
);

/** Hash functions by the name they have in a protocol name. */
export const hashes: ReadonlyMap<string, HashFunctions> = byName(
  hashFunctions("BLAKE2s", 32, blake2s),
  hashFunctions("BLAKE2b", 64, blake2b),
  hashFunctions("SHA256", 32, sha256),
  hashFunctions("SHA512", 64, sha512),
);
