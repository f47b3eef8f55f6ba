/** Datagrams that wait for a node that is paused or busy, as they wait in a socket's buffer. */

/** The usual 212,992 bytes of a socket, in which the kernel counts about 800 for each small datagram. */
const room = 256;

export interface Waiting {
  readonly from: number;
  readonly message: Uint8Array;
}

export class Inbox {
  #waiting: Waiting[] = [];
  /** What came when it was full. */
  lost = 0;

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  add(from: number, message: Uint8Array): void {
    if (this.#waiting.length >= room) this.lost++;
    else this.#waiting.push({ from, message });
  }

  take(): Waiting | undefined {
    return this.#waiting.shift();
  }

  clear(): void {
    this.#waiting = [];
  }
}
