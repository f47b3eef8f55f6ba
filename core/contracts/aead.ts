/** The two algorithms a transport message may be sealed with; both with a 32-byte key, 12-byte nonce, 16-byte tag. */
export type AeadName = "chacha20-poly1305" | "aes-256-gcm";

/** One implementation of one algorithm. All implementations of an algorithm give the same bytes. */
export interface AeadSuite {
  readonly name: AeadName;
  /** `noble`, `platform`, later `libcrypto`: shown in status. */
  readonly implementation: string;
  key(secret: Uint8Array): AeadKey;
}

/** Stateless in the nonce: whoever calls keeps nonces unique. */
export interface AeadKey {
  /** Ciphertext with the tag behind it, `plaintext.length + 16` bytes, fresh memory. */
  seal(nonce: Uint8Array, associatedData: Uint8Array, plaintext: Uint8Array): Uint8Array;
  /** The plaintext in fresh memory, or undefined when the tag does not verify or the input is under 16 bytes. */
  open(nonce: Uint8Array, associatedData: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined;
}
