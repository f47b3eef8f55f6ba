/** What a benchmark prints: a figure, what it is held against in the same run, and the goal where there is one. */
export interface Row {
  readonly what: string;
  /** With its unit. */
  readonly figure: string;
  /** `3.4x node:dgram`; absent for a baseline itself. */
  readonly ratio?: string;
  readonly goal?: string;
}

export function printRows(title: string, rows: readonly Row[]): void {
  console.log(`\n${title}`);
  const width = (pick: (row: Row) => string) => Math.max(...rows.map((row) => pick(row).length));
  const [what, figure, ratio] = [
    width((row) => row.what),
    width((row) => row.figure),
    width((row) => row.ratio ?? ""),
  ];
  for (const row of rows) {
    const cells = [
      row.what.padEnd(what),
      row.figure.padStart(figure),
      (row.ratio ?? "").padEnd(ratio),
      row.goal ?? "",
    ];
    console.log(`  ${cells.join("   ").trimEnd()}`);
  }
}

/** `goal ≤ 6x: met`. */
export function goal(limit: number, value: number, unit = "x"): string {
  return `goal ≤ ${limit}${unit}: ${value <= limit ? "met" : "MISSED"}`;
}

export function times(value: number): string {
  return `${value.toFixed(value < 10 ? 2 : 0)}x`;
}

/** The value that `share` of the sorted samples do not exceed. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}

export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5);
}
