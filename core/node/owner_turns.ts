/** Asynchronous steps, one after the other for each owner and side by side for all. Remembers nobody who has none. */
import { Turns } from "./turns.ts";

export class OwnerTurns {
  readonly #turns = new Map<string, { readonly turns: Turns; waiting: number }>();
  readonly #open = new Set<Promise<unknown>>();

  async take<T>(owner: string, step: () => Promise<T>): Promise<T> {
    const entry = this.#turns.get(owner) ?? { turns: new Turns(), waiting: 0 };
    this.#turns.set(owner, entry);
    entry.waiting++;
    const turn = entry.turns.take(step);
    this.#open.add(turn);
    try {
      return await turn;
    } finally {
      this.#open.delete(turn);
      if (--entry.waiting === 0) this.#turns.delete(owner);
    }
  }

  /** Resolves when all steps of now are over, however they ended. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#open);
  }
}
