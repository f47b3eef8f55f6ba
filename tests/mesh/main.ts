/**
 * Prints the table of what a mesh promises, with goals beside the figures.
 *
 *     node -C source tests/mesh/main.ts --nodes 100,1000 --seed 1 --hours 1000
 *     node -C source tests/mesh/main.ts --nodes 1000 --only detection-5,spread --kind swim
 *
 * `--hours` are node-hours without a false death; a tenth of them is run with pauses, and again with the baseline. With
 * 10,000 nodes there are 10^8 pairs of a machine and a member: 1.5 GB, and a quiet machine for an hour; there `--only
 * detection-1,detection-5,spread,bytes-1,bytes-10,memory` is what has goals.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import type { MachineKind } from "./gossip_shape.ts";
import { plainSwim } from "./plain_swim.ts";
import { selvageGossip } from "./selvage_gossip.ts";
import { measureCell, tableRows } from "./table.ts";

const kinds: Readonly<Record<string, MachineKind>> = { selvage: selvageGossip, swim: plainSwim };

const { values } = parseArgs({
  options: {
    nodes: { type: "string", default: "100,1000" },
    seed: { type: "string", default: "1" },
    hours: { type: "string", default: "1000" },
    only: { type: "string" },
    kind: { type: "string", default: "selvage" },
  },
});
const kind = kinds[values.kind];
if (kind === undefined) throw new Error(`--kind takes ${Object.keys(kinds).join(" or ")}`);
const wanted = values.only?.split(",");
const unknown = wanted?.filter((key) => !tableRows.some((row) => row.key === key)) ?? [];
if (unknown.length > 0) {
  throw new Error(`--only knows no ${unknown.join(", ")}: ${tableRows.map(({ key }) => key).join(", ")}`);
}

const seed = Number(values.seed);
let missed = 0;
for (const nodes of values.nodes.split(",").map(Number)) {
  console.log(`\n${kind.name}, ${nodes} nodes, seed ${seed}; a round is ${kind.roundMillis} ms`);
  for (const row of tableRows) {
    if (wanted !== undefined && !wanted.includes(row.key)) continue;
    const start = performance.now();
    const { text, met } = await measureCell(row, { kind, nodes, seed, nodeHours: Number(values.hours) });
    if (met === false) missed++;
    const took = ((performance.now() - start) / 1000).toFixed(1);
    const rss = Math.round(process.memoryUsage.rss() / 2 ** 20);
    console.log(`  ${row.what}: ${text} [${took} s, ${rss} MiB]`);
  }
}
if (missed > 0) process.exitCode = 1;
