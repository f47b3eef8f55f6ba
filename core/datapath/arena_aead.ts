/**
 * AEADs over an {@link Arena}: what is sealed and opened is named by offsets in it, and a call allocates nothing. All
 * implementations give the same bytes as those of `core/contracts/aead.ts`, with the nonce of Noise (revision 34, §12.3,
 * §12.4): four zero bytes and the counter, little-endian for ChaCha20-Poly1305, big-endian for AES-GCM.
 */
import type { AeadName } from "../contracts/aead.ts";
import type { Arena } from "./arena.ts";

export interface ArenaAeadSuite {
  readonly name: AeadName;
  /** `libcrypto`, `libsodium` or `noble`, and behind it the way it is called: shown in status. */
  readonly implementation: string;
  /** A key for one direction. `secret` is 32 bytes, copied. Throws `UNSUPPORTED` when the library refuses. */
  key(secret: Uint8Array, arena: Arena): ArenaAeadKey;
}

/** Of one direction of one session. The caller keeps counters unique. Nothing here throws. */
export interface ArenaAeadKey {
  /**
   * Seals `length` bytes at offset `plain` and writes ciphertext and tag, `length + 16` bytes, to offset `out`. The associated
   * data are the 16 bytes at offset `header`. `out` may be `plain`; otherwise the two do not overlap. The counter is
   * `high * 2^32 + low`, both unsigned. False, with `out` undefined, when the library failed.
   */
  seal(low: number, high: number, header: number, plain: number, length: number, out: number): boolean;
  /**
   * Opens `length` bytes at offset `sealed`, the tag among them, and writes `length - 16` bytes to offset `out`, which may be
   * `sealed`. False when the tag does not verify or `length` is under 16; then what is at `out` is of no use.
   */
  open(low: number, high: number, header: number, sealed: number, length: number, out: number): boolean;
  /** Wipes the key. Not used after it. Idempotent. */
  free(): void;
}
