/**
 * Asynchronous steps one after the other, in the order of the calls: for what judges by a state that it then changes.
 * A step that fails costs those behind it nothing.
 */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  take<T>(step: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(step);
    this.#last = turn.catch(() => {});
    return turn;
  }
}
