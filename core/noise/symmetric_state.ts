/**
 * SymmetricState (Noise revision 34, §5.2): a CipherState, the chaining key `ck` that has absorbed every
 * secret, and the hash `h` that has absorbed every byte both sides saw.
 *
 * It can be cloned. A handshake tries each message on a clone and keeps the clone only if the message was
 * good; see {@link HandshakeState} for why. Three 32-byte copies are nothing beside one X25519.
 */
import { CipherState } from "./cipher_state.ts";
import type { Protocol } from "./protocol_name.ts";
import { type HashFunctions, keyLength, tagLength } from "./suite.ts";

const nothing = new Uint8Array();

export class SymmetricState {
  readonly #cipher: CipherState;
  readonly #hash: HashFunctions;
  /** Secret; overwritten in place so that no older value stays behind. */
  readonly #ck: Uint8Array;
  /** Not secret, and never written to: clones share it. */
  #h: Uint8Array;

  private constructor(cipher: CipherState, hash: HashFunctions, ck: Uint8Array, h: Uint8Array) {
    this.#cipher = cipher;
    this.#hash = hash;
    this.#ck = ck;
    this.#h = h;
  }

  /** InitializeSymmetric: a short name is padded with zeros, a long one hashed. */
  static initialize(protocol: Protocol): SymmetricState {
    const { hash, cipher } = protocol;
    const name = new TextEncoder().encode(protocol.name);
    const padded = new Uint8Array(hash.length);
    if (name.length <= hash.length) padded.set(name);
    const h = name.length <= hash.length ? padded : hash.hash(name);
    return new SymmetricState(new CipherState(cipher), hash, h.slice(), h);
  }

  /** Bytes that sealing a field adds now: 0 as long as there is no key, then 16. */
  get overhead(): number {
    return this.#cipher.hasKey ? tagLength : 0;
  }

  /** `h` by copy. It identifies the session once the handshake is complete (§11.2). */
  get handshakeHash(): Uint8Array {
    return this.#h.slice();
  }

  mixHash(data: Uint8Array): void {
    this.#h = this.#hash.hash(this.#h, data);
  }

  mixKey(input: Uint8Array): void {
    const { length } = this.#hash;
    const outputs = this.#hash.hkdf(this.#ck, input, 2);
    this.#ck.set(outputs.subarray(0, length));
    this.#cipher.initializeKey(outputs.subarray(length, length + keyLength));
    outputs.fill(0);
  }

  /** For pre-shared keys (§9.1). */
  mixKeyAndHash(input: Uint8Array): void {
    const { length } = this.#hash;
    const outputs = this.#hash.hkdf(this.#ck, input, 3);
    this.#ck.set(outputs.subarray(0, length));
    this.mixHash(outputs.subarray(length, 2 * length));
    this.#cipher.initializeKey(outputs.subarray(2 * length, 2 * length + keyLength));
    outputs.fill(0);
  }

  /** The field as it goes out: sealed, or without a key `plaintext` itself. Either way it is hashed. */
  encryptAndHash(plaintext: Uint8Array): Uint8Array {
    const sealed = this.#cipher.hasKey ? this.#cipher.encryptWithAd(this.#h, plaintext) : plaintext;
    this.mixHash(sealed);
    return sealed;
  }

  /**
   * The field's content in fresh memory; undefined when it does not verify, and then the state is of no more
   * use.
   */
  decryptAndHash(ciphertext: Uint8Array): Uint8Array | undefined {
    const opened = this.#cipher.hasKey ? this.#cipher.decryptWithAd(this.#h, ciphertext) : ciphertext.slice();
    if (opened !== undefined) this.mixHash(ciphertext);
    return opened;
  }

  /** The two transport keys, 32 bytes each in fresh memory: initiator to responder first. */
  split(): [Uint8Array, Uint8Array] {
    const { length } = this.#hash;
    const outputs = this.#hash.hkdf(this.#ck, nothing, 2);
    const keys: [Uint8Array, Uint8Array] = [
      outputs.slice(0, keyLength),
      outputs.slice(length, length + keyLength),
    ];
    outputs.fill(0);
    return keys;
  }

  clone(): SymmetricState {
    return new SymmetricState(this.#cipher.clone(), this.#hash, this.#ck.slice(), this.#h);
  }

  /** Zeroes `ck` and `k`; `h` stays readable. */
  wipe(): void {
    this.#ck.fill(0);
    this.#cipher.wipe();
  }
}
