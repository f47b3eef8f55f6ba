/**
 * Two processes on loopback, on whichever runtime runs this: round trips and one-way packets over the overlay of two
 * rootless nodes, each against the same over a bare UDP socket in the same run. Prints one JSON line for main.ts.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Drop } from "../../core/contracts/drop.ts";
import { bindDatagramSocket } from "../../core/runtime/datagram_socket.ts";
import { parseAddress } from "../../core/wire/address.ts";
import { benchNode } from "./bench_node.ts";
import { median, quantile } from "./report.ts";

/** One way to send to the far end and to hear from it. */
interface Path {
  send(payload: Uint8Array): boolean;
  onAnswer(handler: () => void): void;
}

export interface OverlayFigures {
  readonly rtt: { readonly bare: Quantiles; readonly overlay: Quantiles };
  /** Packets of 1,200 bytes that arrived, per second. */
  readonly packets: { readonly bare: number; readonly overlay: number };
}

interface Quantiles {
  readonly p50: number;
  readonly p99: number;
}

const roundTrips = 2000;
const floodMillis = 2000;
const bigPayload = new Uint8Array(1200);
/** Sent without a pause: small enough for a socket's buffer. */
const burst = 16;

async function measureRtt(path: Path): Promise<Quantiles> {
  const samples: number[] = [];
  for (let i = 0; i < roundTrips; i++) {
    const answered = Promise.withResolvers<void>();
    path.onAnswer(answered.resolve);
    const started = performance.now();
    path.send(Uint8Array.of(i & 0xff));
    const lost = setTimeout(answered.resolve, 500);
    await answered.promise;
    clearTimeout(lost);
    samples.push((performance.now() - started) * 1000);
  }
  return { p50: median(samples), p99: quantile(samples, 0.99) };
}

/** What arrived, not what was sent; a pause after every burst lets the sockets breathe. */
async function measureFlood(path: Path, counted: () => Promise<number>): Promise<number> {
  await counted();
  const started = performance.now();
  while (performance.now() - started < floodMillis) {
    for (let i = 0; i < burst; i++) path.send(bigPayload);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const seconds = (performance.now() - started) / 1000;
  await new Promise((resolve) => setTimeout(resolve, 200));
  return await counted() / seconds;
}

const root = await mkdtemp(join(tmpdir(), "selvage-bench-"));
const program = fileURLToPath(new URL("./far_end.ts", import.meta.url));
const args = "Deno" in globalThis ? ["run", "-A", "--unstable-net", program] : ["-C", "source", program];
const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
const reports = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
const report = async () => JSON.parse((await reports.next()).value!) as Record<string, never>;
const counted = async () => {
  child.stdin.write("count\n");
  return (await report())["counted"]! as number;
};
try {
  const range = { address: parseAddress("10.32.0.0")!, bits: 12 };
  await using node = await benchNode("near", join(root, "near"), { found: { networkName: "bench", range } });
  const { token } = await node.tokens.create();
  child.stdin.write(`${JSON.stringify({ token, directory: join(root, "far") })}\n`);
  const far = await report() as unknown as { address: string; bare: number };

  const socket = await bindDatagramSocket({ host: "127.0.0.1", port: 0 }, {
    dropped: () => {},
    failed: console.error,
  });
  let answer = () => {};
  socket.receive(() => answer());
  const bare: Path = {
    send: (payload) => socket.send(payload, { host: "127.0.0.1", port: far.bare }),
    onAnswer: (handler) => answer = handler,
  };
  const to = { address: parseAddress(far.address)!, port: 7 };
  const local = { address: parseAddress(node.status().addresses[0]!)!, port: 0 };
  let overlayAnswer = () => {};
  const udp = node.overlay!.listenUdp(local, () => overlayAnswer());
  const overlay: Path = {
    send: (payload) => udp.send(payload, to) === Drop.none,
    onAnswer: (handler) => overlayAnswer = handler,
  };
  const figures: OverlayFigures = {
    rtt: { bare: await measureRtt(bare), overlay: await measureRtt(overlay) },
    packets: { bare: await measureFlood(bare, counted), overlay: await measureFlood(overlay, counted) },
  };
  console.log(JSON.stringify(figures));
  udp.close();
  socket.close();
} finally {
  const exited = once(child, "exit");
  child.stdin.end();
  await exited;
  await rm(root, { recursive: true, force: true });
}
