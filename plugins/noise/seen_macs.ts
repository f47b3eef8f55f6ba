/**
 * The first messages that came lately with a right mac1: a copy is dropped before any hash is computed. Whoever recorded
 * a genuine first message can send it 50,000 times a second; a handshake's stamp shows that it is a copy only after two
 * Diffie-Hellmans. Nor is a message forgotten whose rest turned out to be altered: mac1 does not cover it, so one message
 * recorded before this node restarted could be altered again and again, for a Diffie-Hellman each time.
 *
 * Two sets of bounded size take turns. Only messages with a right mac1 get in, so a stranger cannot turn them over.
 * Forgetting is harmless: then load and cookies stand in the way.
 */
import { readU32 } from "../../core/wire/field.ts";
import { limits } from "./constants.ts";

export class SeenMacs {
  #current = new Set<number>();
  #before = new Set<number>();

  has(mac: Uint8Array): boolean {
    const key = keyOf(mac);
    return this.#current.has(key) || this.#before.has(key);
  }

  add(mac: Uint8Array): void {
    if (this.#current.size >= limits.seenMacs) {
      this.#before = this.#current;
      this.#current = new Set();
    }
    this.#current.add(keyOf(mac));
  }

  get size(): number {
    return this.#current.size + this.#before.size;
  }
}

/** The first 53 bits: two genuine messages that share them are never seen. */
function keyOf(mac: Uint8Array): number {
  return readU32(mac, 0) * 2 ** 21 + (readU32(mac, 4) >>> 11);
}
