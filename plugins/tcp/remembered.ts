/**
 * Initiations seen, by their ephemeral key. A recorded initiation is valid for as long as its network key: played again it
 * opens nothing, because its player cannot read the answer, but each time it would cost four Diffie-Hellmans and a check
 * of signatures. The oldest is forgotten first; only holders of the network key can fill it.
 *
 * Rejected: a timestamp in the message, as datagrams have one. It would need a reserve on disk, and would order streams
 * that may well be dialled at the same time.
 */
import { encodeHex } from "../../core/wire/hex.ts";

const ephemeralLength = 32;

export class Remembered {
  readonly #limit: number;
  readonly #seen = new Set<string>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** False when a Noise message with this ephemeral key was added before. */
  add(noiseMessage: Uint8Array): boolean {
    const ephemeral = encodeHex(noiseMessage.subarray(0, ephemeralLength));
    if (this.#seen.has(ephemeral)) return false;
    if (this.#seen.size >= this.#limit) this.#seen.delete(this.#seen.values().next().value!);
    this.#seen.add(ephemeral);
    return true;
  }
}
