/** `npm run bench`: every figure with what it is held against, measured in the same run. Wants a quiet machine. */
import { execFile } from "node:child_process";
import { cpus } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { benchAttach } from "./attach.ts";
import { benchCrypto } from "./crypto.ts";
import { benchForwarding } from "./forwarding.ts";
import type { OverlayFigures } from "./overlay.ts";
import { printRows, type Row, times } from "./report.ts";
import { benchRing } from "./ring.ts";
import { benchSim } from "./sim.ts";
import { benchStart } from "./start.ts";
import { benchStore } from "./store.ts";
import { benchSuperFrames } from "./super_frames.ts";
import { benchVerdicts } from "./verdicts.ts";
import { benchWire } from "./wire.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const run = promisify(execFile);

/** The programs measure and print; they run in processes of their own, on the runtime that is measured. */
async function overlayRows(name: string, program: string, flags: readonly string[]): Promise<readonly Row[]> {
  const { stdout } = await run(program, [...flags, join(root, "tests/bench/overlay.ts")]);
  const { rtt, packets } = JSON.parse(stdout) as OverlayFigures;
  const micros = ({ p50, p99 }: OverlayFigures["rtt"]["bare"]) =>
    `p50 ${p50.toFixed(0)} µs, p99 ${p99.toFixed(0)} µs`;
  return [
    { what: `${name}: round trip, bare UDP`, figure: micros(rtt.bare) },
    {
      what: `${name}: round trip, overlay`,
      figure: micros(rtt.overlay),
      ratio: `p50 ${times(rtt.overlay.p50 / rtt.bare.p50)} bare`,
    },
    { what: `${name}: 1,200-byte packets received, bare UDP`, figure: `${Math.round(packets.bare)}/s` },
    {
      what: `${name}: 1,200-byte packets received, overlay`,
      figure: `${Math.round(packets.overlay)}/s`,
      ratio: `${times(packets.overlay / packets.bare)} bare`,
    },
  ];
}

console.log(
  `${cpus().length} × ${cpus()[0]?.model ?? "unknown processor"}, ${process.platform} ${process.arch}`,
);
printRows("Handshakes and sealing (node)", await benchCrypto());
printRows("GRE, 1,400-byte payloads (node)", await benchWire());
printRows("Range table: lookups (node)", await benchForwarding());
printRows("Super-frames, cut and joined (node)", await benchSuperFrames());
printRows("Data path in memory, both directions (node)", benchVerdicts());
printRows("Two rootless nodes on loopback", [
  ...await overlayRows("node", process.execPath, ["-C", "source"]),
  ...await overlayRows("deno", join(root, "node_modules/.bin/deno"), ["run", "-A", "--unstable-net"]),
]);
printRows("Durable state (node)", await benchStore());
printRows("Addresses of the ring (node)", await benchRing());
await run("npm", ["run", "-s", "build"], { cwd: root });
printRows("From nothing", await benchStart());
printRows("Host mode, two hosts in network namespaces", await benchAttach());
// Last, since a hundred nodes take longer than all the rest.
printRows("Simulated time (node)", await benchSim());
