/**
 * A run's last datagrams as a chart for people: one column per node, one line per datagram or remark, time downwards.
 *
 *              a              b
 *       12.0   |------------->|              initiation, 1232 bytes, after 5 ms
 *       13.5   |   x----------|              response, 480 bytes, lost
 *       14.0   |              |              * crash of b
 */
import type { Millis } from "../../core/contracts/values.ts";

export interface FlowDatagram {
  readonly at: Millis;
  /** Names of columns. */
  readonly from: string;
  readonly to: string;
  /** What it is, and how long. */
  readonly label: string;
  /** When it arrived; absent for what did not. */
  readonly arrivals: readonly Millis[];
  /** Why it did not arrive, or what happened to it on its way. */
  readonly fates: readonly string[];
}

export interface FlowRemark {
  readonly at: Millis;
  readonly remark: string;
}

export type FlowStep = FlowDatagram | FlowRemark;

const columnWidth = 12;
const timeWidth = 12;

/** The chart, one string with line ends. `columns` come first, in this order; others follow as they appear. */
export function drawFlow(steps: readonly FlowStep[], columns: readonly string[] = []): string {
  const ends = steps.flatMap((step) => "remark" in step ? [] : [step.from, step.to]);
  const names = [...new Set([...columns, ...ends])];
  const heading = " ".repeat(timeWidth) +
    names.map((name) => name.slice(0, columnWidth - 1).padEnd(columnWidth)).join("");
  const lines = steps.map((step) =>
    step.at.toFixed(1).padStart(timeWidth - 3) + "   " + lanes(names, step) + describe(step)
  );
  return [heading, ...lines].map((line) => line.trimEnd()).join("\n") + "\n";
}

/** The columns of one line, with the arrow in them. */
function lanes(names: readonly string[], step: FlowStep): string {
  const cells: string[] = [...names.map(() => "|".padEnd(columnWidth)).join("")];
  if ("remark" in step) return cells.join("");
  const [from, to] = [columnWidth * names.indexOf(step.from), columnWidth * names.indexOf(step.to)];
  if (from === to) return cells.join("");
  const forward = from < to;
  const arrived = step.arrivals.length > 0;
  // What is lost ends before its target, so that it is seen at a glance.
  const end = arrived ? to : Math.round((from + 3 * to) / 4);
  for (let at = Math.min(from, end) + 1; at < Math.max(from, end); at++) cells[at] = "-";
  cells[arrived ? end + (forward ? -1 : 1) : end] = !arrived ? "x" : forward ? ">" : "<";
  return cells.join("");
}

function describe(step: FlowStep): string {
  if ("remark" in step) return `* ${step.remark}`;
  const after = step.arrivals.map((at) => `${(at - step.at).toFixed(0)} ms`).join(" and ");
  return [step.label, ...step.fates, ...(after === "" ? [] : [`after ${after}`])].join(", ");
}
