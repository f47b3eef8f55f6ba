/**
 * Steps of some nanoseconds: timed a thousand at a time, since looking at the clock takes longer than one of them. What a
 * step returns is added up, so that no compiler can leave the step out.
 */
import { Bench } from "tinybench";

const perBatch = 1000;

export class Batches {
  readonly #bench = new Bench({ time: 150, warmupTime: 50 });
  #sum = 0;

  /** `step` is told its number, and returns a number that depends on its work. */
  add(name: string, step: (index: number) => number): void {
    this.#bench.add(name, () => {
      let sum = 0;
      for (let index = 0; index < perBatch; index++) sum += step(index);
      this.#sum += sum;
    });
  }

  async run(): Promise<void> {
    await this.#bench.run();
    if (Number.isNaN(this.#sum)) throw new Error("a step returned no number");
  }

  /** Steps per second: the median of all batches, because a collection of garbage in one says nothing of the others. */
  perSecond(name: string): number {
    const result = this.#bench.getTask(name)!.result as unknown as { throughput: { p50: number } };
    return perBatch * result.throughput.p50;
  }

  /** `12.3 M/s`. */
  figure(name: string): string {
    const millions = this.perSecond(name) / 1e6;
    return `${millions.toFixed(millions < 1 ? 3 : millions < 100 ? 2 : 0)} M/s`;
  }
}
