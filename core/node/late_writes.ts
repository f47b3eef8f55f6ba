/**
 * Changes that are written behind the back of whoever makes them, again and again until the disk takes them. What is
 * learned of others is one: it counts at once and could be had from them again, but not by a node that restarts alone,
 * and a revocation that is not on disk then would be none.
 */
import type { Logger } from "../contracts/host.ts";
import type { Store, StoreChange } from "../contracts/store.ts";

/** What was refused and goes along with one batch: any number of it might make a batch too long. */
const mostAgain = 4096;

export class LateWrites {
  readonly #store: Store;
  readonly #log: Logger;
  /** By key, the last one of each that is not on disk. */
  readonly #unwritten = new Map<string, StoreChange>();
  /** Keys of those that were refused; all others are on their way. */
  readonly #refused = new Set<string>();

  constructor(store: Store, log: Logger) {
    this.#store = store;
    this.#log = log;
  }

  write(changes: readonly StoreChange[]): void {
    for (const change of changes) {
      this.#unwritten.set(change.key, change);
      this.#refused.delete(change.key);
    }
    const again = [...this.#refused].slice(0, mostAgain);
    for (const key of again) this.#refused.delete(key);
    this.#commit([...again.map((key) => this.#unwritten.get(key)!), ...changes]);
  }

  /** Writes anew what was refused, if anything was. */
  retry(): void {
    this.write([]);
  }

  #commit(batch: readonly StoreChange[]): void {
    if (batch.length === 0) return;
    const isLast = (change: StoreChange) => this.#unwritten.get(change.key) === change;
    this.#store.commit(batch).then(() => {
      for (const change of batch) if (isLast(change)) this.#unwritten.delete(change.key);
    }, (error) => {
      for (const change of batch) if (isLast(change)) this.#refused.add(change.key);
      this.#log.log("error", "Cannot keep what was learned; it is tried again", { error });
    });
  }
}
