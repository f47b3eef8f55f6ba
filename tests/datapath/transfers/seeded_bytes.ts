/** Bytes that look like chance and are the same for the same seed: the key stream of AES-128-CTR, at gigabytes a second. */
import { type Cipheriv, createCipheriv } from "node:crypto";

export class SeededBytes implements Disposable {
  readonly #cipher: Cipheriv;

  /** `stream` tells apart what is made from one seed. Both are whole numbers of 32 bits. */
  constructor(seed: number, stream: number) {
    const key = Buffer.alloc(16);
    key.writeUInt32BE(seed >>> 0, 0);
    key.writeUInt32BE(stream >>> 0, 4);
    this.#cipher = createCipheriv("aes-128-ctr", key, Buffer.alloc(16));
  }

  /** The next `length` bytes, in memory of their own. */
  next(length: number): Buffer {
    return this.#cipher.update(Buffer.alloc(length));
  }

  /** Deno counts a cipher that has not ended as left open. */
  [Symbol.dispose](): void {
    this.#cipher.final();
  }
}
