/**
 * How far a node may trust its own ears: Lifeguard's local health multiplier (Dadgar, Phillips, Currey, 2018). A node that
 * wakes late, or that nobody answers, doubts itself before it accuses others.
 */
const most = 8;
/** Without further trouble a point is forgiven after so long. */
const relief = 10_000;

export class Health {
  #score = 0;
  #changedAt = 0;

  /** 0 is well, 8 is worst. */
  score(now: number): number {
    const forgiven = Math.floor((now - this.#changedAt) / relief);
    return Math.max(0, this.#score - Math.max(0, forgiven));
  }

  worse(now: number, points = 1): void {
    this.#score = Math.min(most, this.score(now) + points);
    this.#changedAt = now;
  }

  better(now: number): void {
    this.#score = Math.max(0, this.score(now) - 1);
    this.#changedAt = now;
  }

  /** What waiting times are multiplied with. */
  factor(now: number): number {
    return 1 + this.score(now);
  }
}
