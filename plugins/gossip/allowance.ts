/** How often each member may have something done in ten seconds. All are forgotten together, so it stays small. */
const window = 10_000;
const mostMembers = 1_024;

export class Allowance {
  readonly #most: number;
  readonly #used = new Map<number, number>();
  #since = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** True, and counted, while there is some left. Who comes when too many others did gets nothing until the next window. */
  take(peer: number, now: number, most = this.#most): boolean {
    if (now - this.#since >= window) {
      this.#used.clear();
      this.#since = now;
    }
    const used = this.#used.get(peer) ?? 0;
    if (used >= most || (used === 0 && this.#used.size >= mostMembers)) return false;
    this.#used.set(peer, used + 1);
    return true;
  }
}
