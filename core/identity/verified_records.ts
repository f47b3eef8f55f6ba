/**
 * Signed records that were checked and found good, by a hash of all their bytes. A node opens the same record again and
 * again: an announcement comes with every handshake of its peer, then among the records that are told, and its own is
 * read back; each time a signature check would cost as much as half a handshake's X25519.
 *
 * Remembering is safe for what it leaves out. Only good ones are kept, so there is no wrong answer to be remembered, and
 * a stranger cannot fill the memory without signing for it. The hash has 32 bytes, so that nobody finds two records with
 * one, of which the first is well signed (the 16 bytes that name a record would let him after 2^64 attempts). Whoever
 * makes members forget by signing much costs them the check that they would have made anyway.
 */
import { encodeHex } from "../wire/hex.ts";
import { domainHash } from "./domain.ts";

export class VerifiedRecords {
  readonly #limit: number;
  /** Hashes in hex, the least recently asked for first. */
  readonly #hashes = new Set<string>();

  /** Keeps the last `limit` that were asked for. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Whether these very bytes are remembered, or else `verify` says that they are good. */
  isGood(record: Uint8Array, verify: () => boolean): boolean {
    const hash = encodeHex(domainHash("verified record 1", 32, record));
    if (!this.#hashes.delete(hash) && !verify()) return false;
    this.#hashes.add(hash);
    if (this.#hashes.size > this.#limit) this.#hashes.delete(this.#hashes.values().next().value!);
    return true;
  }
}
