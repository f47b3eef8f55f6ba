/** The proofs as a Markdown table, aligned as the formatter wants it. */
import { count, secondsOf } from "./ci.ts";
import type { Proof } from "./proof.ts";

const heads = ["proof", "of what", "floor in CI", "CI budget", "full figure"];

export function proofTable(proofs: readonly Proof[]): string {
  const rows = proofs.map((
    proof,
  ) => [`\`${proof.name}\``, proof.what, floorOf(proof), budgetOf(proof), fullOf(proof)]);
  const widths = heads.map((head, i) =>
    Math.max(...[head, ...rows.map((row) => row[i]!)].map((text) => text.length))
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
  return [line(heads), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}

function floorOf({ unit, ciFloor, ciFloorSecond }: Proof): string {
  if (ciFloor === 0) return "by hand";
  const second = ciFloorSecond === 0 ? "" : `, Deno ${count(ciFloorSecond)}`;
  return `${count(ciFloor)} ${unit}${second}`;
}

function budgetOf(proof: Proof): string {
  if (proof.ciFloor === 0) return "none";
  const seconds = secondsOf(proof, "node") + (proof.ciFloorSecond === 0 ? 0 : secondsOf(proof, "deno"));
  return `${seconds} s${proof.alone === true ? ", alone" : ""}`;
}

function fullOf({ unit, fullGoal }: Proof): string {
  return `${count(fullGoal)} ${unit}`;
}
