/**
 * A process that floods: sends first messages of given kinds to a node on the loopback, from many of its addresses, at a
 * rate, until its standard input ends; then prints how many it has sent and for how long, as one line of JSON.
 */
import process from "node:process";
import { setImmediate as immediate, setTimeout as delay } from "node:timers/promises";
import { denoDatagrams } from "../../core/runtime/deno_datagrams.ts";
import { nodeDatagrams } from "../../core/runtime/node_datagrams.ts";
import { decodeHex } from "../../core/wire/hex.ts";
import { SeededRandom } from "../../plugins/noise/testing_rig.ts";
import { type FloodKind, FloodMessages } from "./flood_messages.ts";
import { recordFirstMessages } from "./flood_parties.ts";

export interface SenderOrder {
  readonly port: number;
  /** In hex. */
  readonly noiseKey: string;
  readonly kinds: readonly FloodKind[];
  readonly perSecond: number;
  readonly seed: number;
}

export interface SenderReport {
  readonly sent: number;
  readonly millis: number;
}

const order = JSON.parse(process.argv[2]!) as SenderOrder;
const random = new SeededRandom(order.seed);
const attacked = {
  noiseKey: decodeHex(order.noiseKey)!,
  endpoint: { host: "127.0.0.1", port: order.port },
};
const recorded = recordFirstMessages(attacked, random, 20);
const floods = order.kinds.map((kind) =>
  new FloodMessages(kind, { noiseKey: attacked.noiseKey, recorded }, random)
);
const sources = 64;
let sent = 0;
let stopped = false;

process.stdin.resume();
process.stdin.once("end", () => stopped = true);
const startedAt = performance.now();
await Promise.all(Array.from({ length: sources }, flood));
const report: SenderReport = { sent, millis: performance.now() - startedAt };
process.stdout.write(`${JSON.stringify(report)}\n`);

/** One source: as fast as the rate of all allows. */
async function flood(): Promise<void> {
  const [a, b, c] = random.fill(new Uint8Array(3));
  const bind = denoDatagrams() ?? nodeDatagrams;
  const socket = await bind({ host: `127.${a! | 64}.${b}.${(c! % 254) + 1}`, port: 0 }, () => {});
  for (let turn = 1; !stopped; turn++) {
    if (turn % 4 === 0) await immediate(); // Node tells of most sends at once, so that nothing else would have a turn
    if (sent >= ((performance.now() - startedAt) / 1_000) * order.perSecond) {
      await delay(1);
      continue;
    }
    const message = floods[sent++ % floods.length]!.next().slice();
    await socket.send(message, "127.0.0.1", order.port).catch(() => {}); // a full buffer is what is wanted
  }
  await socket.close();
}
