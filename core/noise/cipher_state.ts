/**
 * CipherState (Noise revision 34, §5.1): a key and the number of the next message.
 *
 * Three deliberate differences from the letter of §5.1, none visible on the wire:
 * - Without a key the specification hands plaintext through. That is kept to {@link SymmetricState}, which
 *   alone needs it; here a wiped or never keyed state throws, so that no slip can send a transport message in
 *   clear.
 * - n is a Number. 2^53 − 1 takes the place of the reserved 2^64 − 1: BigInt would cost an allocation per
 *   packet, and a session ends long before (10^10 packets per second for ten days).
 * - A message that does not verify is a value, not an exception: it came from a stranger.
 */
import { type CipherFunctions, keyLength, maxMessageLength, tagLength } from "./suite.ts";

/** The first n that is never used: a state that has reached it is exhausted. */
export const maxNonce = Number.MAX_SAFE_INTEGER;

const nothing = new Uint8Array();
const rekeyInput = new Uint8Array(keyLength);

/** 2^64 − 1 behind four zero bytes, the same in both byte orders; only REKEY (§4.2) uses it. */
const rekeyNonce = Uint8Array.of(0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255);

export class CipherState {
  readonly #cipher: CipherFunctions;
  readonly #key = new Uint8Array(keyLength);
  readonly #nonce = new Uint8Array(12);
  readonly #nonceView = new DataView(this.#nonce.buffer);
  #hasKey = false;
  #n = 0;

  /** `key` as for {@link initializeKey}; without one the state must be keyed before it is used. */
  constructor(cipher: CipherFunctions, key?: Uint8Array) {
    this.#cipher = cipher;
    if (key !== undefined) this.initializeKey(key);
  }

  /** Takes a copy of a 32-byte key and sets n to 0. */
  initializeKey(key: Uint8Array): void {
    if (key.length !== keyLength) throw new Error(`A cipher key has ${keyLength} bytes, not ${key.length}`);
    this.#key.set(key);
    this.#hasKey = true;
    this.#n = 0;
  }

  get hasKey(): boolean {
    return this.#hasKey;
  }

  /** n of the next message. */
  get nonce(): number {
    return this.#n;
  }

  /**
   * Sets n, for messages that arrive out of order (§11.4); rejecting repeats is the caller's part. n may come
   * straight from the wire: whatever is not a whole number from 0 to 2^53 − 2 exhausts the state until n is
   * set again.
   */
  setNonce(n: number): void {
    this.#n = Number.isSafeInteger(n) && n >= 0 ? n : maxNonce;
  }

  /**
   * Seals `plaintext` (at most 65,519 bytes) and advances n. The result is fresh memory, 16 bytes longer.
   * Throws when it is too long, when there is no key and when the state is exhausted: the caller rekeys a
   * session in time.
   */
  encryptWithAd(ad: Uint8Array, plaintext: Uint8Array): Uint8Array {
    this.#requireKey();
    if (plaintext.length > maxMessageLength - tagLength) {
      throw new Error("A Noise message has at most 65535 bytes");
    }
    if (this.#n >= maxNonce) throw new Error("The nonces of this cipher key are used up");
    const ciphertext = this.#cipher.encrypt(this.#key, this.#nonceBytes(), ad, plaintext);
    this.#n += 1;
    return ciphertext;
  }

  /**
   * Opens `ciphertext` into fresh memory and advances n; or returns undefined with n unchanged when it does
   * not verify, is shorter than a tag or longer than 65,535 bytes, or when the state is exhausted. Throws
   * when there is no key.
   */
  decryptWithAd(ad: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined {
    this.#requireKey();
    if (ciphertext.length > maxMessageLength || this.#n >= maxNonce) return undefined;
    const plaintext = this.#cipher.decrypt(this.#key, this.#nonceBytes(), ad, ciphertext);
    if (plaintext !== undefined) this.#n += 1;
    return plaintext;
  }

  /** Replaces the key by a one-way function of itself (§4.2, §11.3); n goes on. */
  rekey(): void {
    this.#requireKey();
    const sealed = this.#cipher.encrypt(this.#key, rekeyNonce, nothing, rekeyInput);
    this.#key.set(sealed.subarray(0, keyLength));
    sealed.fill(0);
  }

  /** A state with the same key and n, and memory of its own. */
  clone(): CipherState {
    const copy = new CipherState(this.#cipher);
    copy.#key.set(this.#key);
    copy.#hasKey = this.#hasKey;
    copy.#n = this.#n;
    return copy;
  }

  /** Zeroes the key. From here on the state throws until it is keyed again. */
  wipe(): void {
    this.#key.fill(0);
    this.#hasKey = false;
    this.#n = 0;
  }

  #requireKey(): void {
    if (!this.#hasKey) {
      throw new Error("This cipher state has no key: it was never given one, or has been wiped");
    }
  }

  /** Four zero bytes, then n in the cipher's byte order (§12.3, §12.4). */
  #nonceBytes(): Uint8Array {
    const little = this.#cipher.littleEndianNonce;
    this.#nonceView.setUint32(little ? 4 : 8, this.#n >>> 0, little);
    this.#nonceView.setUint32(little ? 8 : 4, Math.floor(this.#n / 2 ** 32), little);
    return this.#nonce;
  }
}
