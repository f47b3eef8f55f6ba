/**
 * The portable AEADs over an arena, for machines and permissions without foreign functions, and the measure of all others.
 * They allocate, as `@noble/ciphers` does.
 */
import { gcm } from "@noble/ciphers/aes.js";
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import type { AeadName } from "../contracts/aead.ts";
import type { Arena } from "./arena.ts";
import type { ArenaAeadKey, ArenaAeadSuite } from "./arena_aead.ts";

const ciphers = { "aes-256-gcm": gcm, "chacha20-poly1305": chacha20poly1305 } as const;
const headerLength = 16;
const tagLength = 16;

/** Both ciphers. */
export function nobleArenaSuites(): readonly ArenaAeadSuite[] {
  const names: readonly AeadName[] = ["aes-256-gcm", "chacha20-poly1305"];
  return names.map((name) => ({
    name,
    implementation: "noble",
    key: (secret: Uint8Array, arena: Arena) => new NobleArenaKey(name, secret, arena),
  }));
}

class NobleArenaKey implements ArenaAeadKey {
  readonly #name: AeadName;
  readonly #secret: Uint8Array;
  readonly #bytes: Uint8Array;
  readonly #nonce = new DataView(new ArrayBuffer(12));

  constructor(name: AeadName, secret: Uint8Array, { bytes }: Arena) {
    this.#name = name;
    this.#secret = Uint8Array.from(secret);
    this.#bytes = bytes;
  }

  // deno-lint-ignore selvage/max-parameters -- numbers only: an object for each packet would be garbage
  seal(low: number, high: number, header: number, plain: number, length: number, out: number): boolean {
    if (!this.#reaches(header, headerLength) || !this.#reaches(plain, length)) return false;
    if (!this.#reaches(out, length + tagLength)) return false;
    const cipher = this.#cipher(low, high, header);
    this.#bytes.set(cipher.encrypt(this.#bytes.subarray(plain, plain + length)), out);
    return true;
  }

  // deno-lint-ignore selvage/max-parameters -- numbers only: an object for each packet would be garbage
  open(low: number, high: number, header: number, sealed: number, length: number, out: number): boolean {
    if (!this.#reaches(header, headerLength) || !this.#reaches(sealed, length)) return false;
    if (!this.#reaches(out, length - tagLength)) return false;
    try {
      const cipher = this.#cipher(low, high, header);
      this.#bytes.set(cipher.decrypt(this.#bytes.subarray(sealed, sealed + length)), out);
      return true;
    } catch { // noble's only word for a tag that does not verify
      return false;
    }
  }

  #reaches(at: number, length: number): boolean {
    return Math.min(at, length) >= 0 && at + length <= this.#bytes.length;
  }

  #cipher(low: number, high: number, header: number) {
    const little = this.#name === "chacha20-poly1305";
    this.#nonce.setUint32(4, little ? low : high, little);
    this.#nonce.setUint32(8, little ? high : low, little);
    const nonce = new Uint8Array(this.#nonce.buffer);
    const associated = this.#bytes.subarray(header, header + headerLength);
    return ciphers[this.#name](this.#secret, nonce, associated);
  }

  /** As far as JavaScript can: copies that the engine or noble made are out of reach. */
  free(): void {
    this.#secret.fill(0);
  }
}
