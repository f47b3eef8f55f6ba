/** Hosts and their containers as a drawing in text. */
export interface DrawnHost {
  readonly name: string;
  readonly underlay: string;
  /** Of the node itself. */
  readonly address: string;
  readonly containers: readonly { readonly name: string; readonly address: string }[];
}

const gap = "   ";

/**
 *     underlay 198.51.100.0/24
 *     ───────┬────────────────────────┬────────
 *     ┌──────┴───────┐         ┌──────┴───────┐
 *     │ alpha        │         │ bravo        │
 */
export function drawTopology(underlay: string, hosts: readonly DrawnHost[]): string[] {
  const texts = hosts.map(textsOf);
  const width = Math.max(...texts.flat().map((line) => line.length)) + 2;
  const height = Math.max(...texts.map((lines) => lines.length));
  const before = Math.floor(width / 2);
  const middle = (line: string, at: string) =>
    `${line.repeat(before)}${at}${line.repeat(width - before - 1)}`;
  const row = (cell: (lines: readonly string[]) => string, between = gap) => texts.map(cell).join(between);
  return [
    underlay,
    row(() => `─${middle("─", "┬")}─`, "─".repeat(gap.length)),
    row(() => `┌${middle("─", "┴")}┐`),
    ...Array.from(
      { length: height },
      (_, at) => row((lines) => `│ ${(lines[at] ?? "").padEnd(width - 2)} │`),
    ),
    row(() => `└${"─".repeat(width)}┘`),
  ];
}

function textsOf({ name, underlay, address, containers }: DrawnHost): string[] {
  const long = Math.max(...containers.map((container) => container.name.length), "node".length);
  return [
    `${name}  ${underlay}`,
    "",
    ...[{ name: "node", address }, ...containers].map((each, at) =>
      `${at === containers.length ? "└" : "├"}─ ${each.name.padEnd(long)} ${each.address}`
    ),
  ];
}
