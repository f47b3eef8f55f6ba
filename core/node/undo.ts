/**
 * What to do should a later step fail, in the exact reverse. A step that cannot be undone does not keep the earlier ones
 * from it.
 */
export class Undo {
  readonly #steps: (() => unknown)[] = [];
  readonly #failed: (error: unknown) => void;

  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  /** What `step` throws or rejects with goes to the callback. */
  add(step: () => unknown): void {
    this.#steps.push(step);
  }

  /** Never rejects. */
  async run(): Promise<void> {
    for (const step of this.#steps.splice(0).reverse()) {
      try {
        await step();
      } catch (error) {
        this.#failed(error);
      }
    }
  }
}
