/** Who is measured after whom. */

/** Turned, and every other round backwards, so that nobody always comes first or behind the same one. */
export function orderOf<T>(trials: readonly T[], round: number): readonly T[] {
  const start = round % Math.max(1, trials.length);
  const turned = [...trials.slice(start), ...trials.slice(0, start)];
  return round % 2 === 0 ? turned : turned.reverse();
}
