/** How fast a figure grows, and how sure that is. */

export interface Point {
  /** Seconds, of any clock. */
  readonly at: number;
  readonly value: number;
}

export interface Slope {
  readonly perHour: number;
  /** Standard error of it, in the same unit. */
  readonly error: number;
}

/** Residuals that are all alike would make the error infinite. */
const mostAlike = 0.99;

/**
 * The line of least squares through points at equal distances; NaN for fewer than three. A collector leaves a saw's teeth,
 * in which each sample resembles the one before, and the textbook's error, which takes every sample for a new throw, would
 * be far too small: it is widened by what neighbouring residuals have in common, as for a process of first order.
 */
export function slopeOf(points: readonly Point[]): Slope {
  const count = points.length;
  if (count < 3) return { perHour: NaN, error: NaN };
  const hours = points.map(({ at }) => at / 3600);
  const [middle, level] = [meanOf(hours), meanOf(points.map(({ value }) => value))];
  const spread = sumOf(hours.map((hour) => (hour - middle) ** 2));
  const perHour = sumOf(points.map(({ value }, i) => (hours[i]! - middle) * (value - level))) / spread;
  const residuals = points.map(({ value }, i) => value - level - perHour * (hours[i]! - middle));
  const squares = sumOf(residuals.map((residual) => residual ** 2));
  const neighbours = sumOf(residuals.slice(1).map((residual, i) => residual * residuals[i]!));
  const seen = squares === 0 ? 0 : neighbours / squares;
  // A line takes some of the likeness away with it: what is left of it is too small by about so much (Kendall).
  const alike = Math.min(mostAlike, Math.max(0, seen + (2 + 4 * seen) / count));
  const error = Math.sqrt(squares / (count - 2) / spread * (1 + alike) / (1 - alike));
  return { perHour, error };
}

/** What of the growth is beyond doubt: less than nothing where it may be none. */
export function surelyPerHour({ perHour, error }: Slope): number {
  return perHour - 2 * error;
}

/**
 * By how much the lowest of the last quarter is above the lowest of the first. For counts that go up and down with the work:
 * what leaks raises the level that they come back to. 0 for fewer than eight values.
 */
export function raisedBy(values: readonly number[]): number {
  const quarter = Math.floor(values.length / 4);
  if (quarter < 2) return 0;
  return Math.min(...values.slice(-quarter)) - Math.min(...values.slice(0, quarter));
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function meanOf(values: readonly number[]): number {
  return sumOf(values) / values.length;
}
