/** One change to the machine after another: what a step has found must still be true when it acts. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** The task begins when all earlier ones have settled. */
  async take<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(task);
    this.#last = turn.catch(() => {});
    return await turn;
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    await this.#last;
  }
}
