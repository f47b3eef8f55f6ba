/** Results as text: figures with their spread, ratios to the systems that matter, and goals. */
import { type Goal, goals } from "./goals.ts";
import { type Metric, metrics, shown } from "./metrics.ts";
import { type Result, spreadsOf } from "./result.ts";
import type { Offload } from "./topology.ts";

/** What every system is held against; the last is there when it is asked what further threads cost. */
const yardsticks = ["wireguard-go", "wireguard-go-named", "nebula", "kernel-vxlan", "selvage-1-workers"];
/** Of which a ratio says something. */
const compared: readonly Metric[] = [
  "tcp",
  "tcpReverse",
  "tcpFour",
  "datagrams",
  "rttMedian",
  "loadedTail",
  "processorTime",
  "processorTimeFour",
];

/** What a heading is without the column to the left of it. */
const longer: Partial<Record<Metric, string>> = {
  loadedTail: "loaded RTT p99 µs",
  processorTimeFour: "CPU s/GB of 4 streams",
  lossKept: "bbr at 1 % loss",
};

/** Lines of Markdown for all results with that offload. */
export function figuresTable(results: readonly Result[]): string[] {
  const rows = results.map((result) => {
    const spreads = spreadsOf(result);
    const cells = metrics.map((metric) => {
      const spread = spreads[metric];
      if (spread === undefined) return "-";
      const [median, least, most] = [spread.median, spread.least, spread.most].map((figure) =>
        figure.toFixed(shown[metric].digits)
      );
      return spread.count === 1 ? median! : `${median} (${least}–${most})`;
    });
    return [result.system, `${result.mtu ?? "-"}`, ...cells];
  });
  return markdown(["system", "MTU", ...metrics.map((metric) => shown[metric].heading)], rows);
}

/** Lines of Markdown: medians of each of `names` as multiples of those of the yardsticks. */
export function ratiosTable(results: readonly Result[], names: readonly string[]): string[] {
  const rows = names.flatMap((name) =>
    yardsticks.flatMap((yardstick) => {
      const ratios = compared.map((metric) => ratio(results, metric, name, yardstick));
      if (name === yardstick || ratios.every((value) => value === undefined)) return [];
      return [[`${name} / ${yardstick}`, ...ratios.map((value) => value === undefined ? "-" : times(value))]];
    })
  );
  const headings = compared.map((metric) => longer[metric] ?? shown[metric].heading);
  return rows.length === 0 ? [] : markdown(["ratio", ...headings], rows);
}

/** One line for each goal of that offload which this run can judge. */
export function goalLines(results: readonly Result[], offload: Offload): string[] {
  return goals.filter((goal) => goal.offload === offload).flatMap((goal) => {
    const value = goal.against === undefined
      ? medianOf(results, goal.system, goal.metric)
      : ratio(results, goal.metric, goal.system, goal.against);
    return value === undefined ? [] : [goalLine(goal, value)];
  });
}

function goalLine({ system, metric, against, limit, is }: Goal, value: number): string {
  const heading = longer[metric] ?? shown[metric].heading;
  const show = against === undefined ? (figure: number) => `${+figure.toPrecision(3)}` : times;
  const isMet = is === "least" ? value >= limit : value <= limit;
  const held = against === undefined ? "" : ` / ${against}`;
  const sign = is === "least" ? "≥" : "≤";
  return `${system}${held}, ${heading}: ${show(value)}, goal ${sign} ${show(limit)}: ${
    isMet ? "met" : "MISSED"
  }`;
}

function times(value: number): string {
  return `${+value.toPrecision(value < 1 ? 2 : 3)}x`;
}

function ratio(
  results: readonly Result[],
  metric: Metric,
  name: string,
  yardstick: string,
): number | undefined {
  const [ours, theirs] = [medianOf(results, name, metric), medianOf(results, yardstick, metric)];
  return ours === undefined || theirs === undefined || theirs === 0 ? undefined : ours / theirs;
}

function medianOf(results: readonly Result[], name: string, metric: Metric): number | undefined {
  const result = results.find(({ system }) => system === name);
  return result === undefined ? undefined : spreadsOf(result)[metric]?.median;
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((text, i) => Math.max(text.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${
      cells.map((cell, i) => i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)).join(" | ")
    } |`;
  const rule = widths.map((width, i) => i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`);
  return [line(head), line(rule), ...rows.map(line)];
}
