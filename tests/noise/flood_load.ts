/**
 * Real load: a process that serves handshakes over UDP on the loopback, others that flood it with first messages from
 * many addresses, and genuine handshakes that are begun throughout, each from an address of its own.
 *
 *     deno run -A tests/noise/flood_load.ts [seconds] [messages per second] [kinds, comma-separated]
 *     node -C source tests/noise/flood_load.ts …
 *
 * prints the figures and ends with 1 when fewer than 99 % succeeded.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Drop } from "../../core/contracts/drop.ts";
import type { Datagrams } from "../../core/contracts/transport.ts";
import { EncapsulationDriver } from "../../core/node/encapsulation_driver.ts";
import { silentLogger } from "../../core/node/silent_logger.ts";
import { generateKeyPair } from "../../core/noise/dh.ts";
import { systemClock } from "../../core/runtime/clock.ts";
import { bindDatagramSocket, type DatagramSocket } from "../../core/runtime/datagram_socket.ts";
import { decodeHex } from "../../core/wire/hex.ts";
import { SeededRandom } from "../../plugins/noise/testing_rig.ts";
import { type FloodKind, floodKinds } from "./flood_messages.ts";
import { type Attacked, floodMachine, hasArrived, setOut } from "./flood_parties.ts";
import type { SenderOrder, SenderReport } from "./flood_sender.ts";
import type { TargetHello, TargetReport } from "./flood_target.ts";

export interface FloodLoad {
  readonly seconds: number;
  /** Messages of the flood. */
  readonly perSecond: number;
  readonly seed: number;
  /** In turn; by default those that need no key: `random`, `wrong-mac`, `replayed`. */
  readonly kinds?: readonly FloodKind[];
  /** Genuine handshakes begun per second; 20 by default. */
  readonly genuinePerSecond?: number;
}

export interface FloodResult {
  readonly offeredPerSecond: number;
  /** Datagrams that the node under attack has read, per second. */
  readonly readPerSecond: number;
  /** Processor time of the node under attack per datagram that it read, in microseconds: 20 is a core at 50,000/s. */
  readonly microsecondsPerDatagram: number;
  /** Of one processor, what the node under attack got: far below 1 while it drops datagrams, others were at work here. */
  readonly processorShare: number;
  readonly genuine: number;
  readonly succeeded: number;
  /** Of `genuine`. */
  readonly ratio: number;
  /** Milliseconds from begin to session. */
  readonly p50: number;
  readonly p99: number;
  readonly drops: TargetReport["drops"];
}

const limit = 5_000;
const senders = 2;
const flags = "Deno" in globalThis ? ["run", "-A", "--no-check", "--unstable-net"] : ["-C", "source"];

/** A process of this folder that reports in lines of JSON, and ends when its standard input does. */
class Program {
  readonly #child;
  readonly #lines;

  constructor(file: string, argument: string) {
    const path = fileURLToPath(import.meta.resolve(`./${file}`));
    this.#child = spawn(process.execPath, [...flags, path, argument], { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async line<T>(): Promise<T> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error("a process of the flood has ended early");
    return JSON.parse(value) as T;
  }

  /** Its last line. */
  async end<T>(): Promise<T> {
    const exited = once(this.#child, "exit");
    this.#child.stdin.end();
    const last = await this.line<T>();
    await exited;
    return last;
  }
}

/** One genuine handshake; gives the milliseconds it took, or undefined when it took too long. */
async function shakeHands(attacked: Attacked, number: number, seed: number): Promise<number | undefined> {
  const random = new SeededRandom(seed + number);
  const keys = generateKeyPair(random);
  const local = { host: `127.1.${number >> 8}.${(number & 255) || 255}`, port: 0 };
  const socket = await bindDatagramSocket(local, { dropped() {}, failed() {} });
  const clock = systemClock();
  const begun = clock.now();
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  const driver = new EncapsulationDriver({
    machine: floodMachine(`genuine ${number}`, keys, random),
    datagrams: datagramsOf(socket),
    clock,
    drops: { count(_: Drop) {} },
    log: silentLogger,
    onFact: (fact) => hasArrived(fact) && resolve(clock.now() - begun),
  });
  const timer = clock.timer(begun + limit, () => resolve(undefined));
  driver.call((machine, now) => setOut(machine, "member", attacked, now));
  const took = await promise;
  timer.cancel();
  driver.close();
  await socket.close();
  return took === undefined || took > limit ? undefined : took;
}

function datagramsOf(socket: DatagramSocket): Datagrams {
  return {
    localEndpoints: () => [socket.local],
    send: (datagram, to) => socket.send(datagram, to),
    receive: (handler) => socket.receive(handler),
  };
}

/** Begins handshakes at even distances for as long as the flood lasts. */
async function genuineThroughout(
  attacked: Attacked,
  { seconds, seed, genuinePerSecond = 20 }: FloodLoad,
): Promise<readonly (number | undefined)[]> {
  const count = Math.round(seconds * genuinePerSecond);
  const all: Promise<number | undefined>[] = [];
  const startedAt = performance.now();
  for (let i = 0; i < count; i++) {
    await delay(Math.max(0, startedAt + (i * 1_000) / genuinePerSecond - performance.now()));
    all.push(shakeHands(attacked, i + 1, seed));
  }
  return await Promise.all(all);
}

/** Floods a real node for a while. Rejects only when a process could not be run. */
export async function runFlood(load: FloodLoad): Promise<FloodResult> {
  const target = new Program("flood_target.ts", String(load.seed));
  const { port, noiseKey } = await target.line<TargetHello>();
  const attacked = { noiseKey: decodeHex(noiseKey)!, endpoint: { host: "127.0.0.1", port } };
  const kinds = load.kinds ?? floodKinds.filter((kind) => kind !== "forged");
  const floods = Array.from({ length: senders }, (_, i) => {
    const perSecond = load.perSecond / senders;
    const order: SenderOrder = { port, noiseKey, kinds, perSecond, seed: load.seed + 1_000 * i };
    return new Program("flood_sender.ts", JSON.stringify(order));
  });
  const took = await genuineThroughout(attacked, load);
  const sent = await Promise.all(floods.map((flood) => flood.end<SenderReport>()));
  return figures(took, sent, await target.end<TargetReport>());
}

function figures(
  took: readonly (number | undefined)[],
  sent: readonly SenderReport[],
  { drops, processorMillis }: TargetReport,
): FloodResult {
  const done = took.filter((millis) => millis !== undefined).sort((a, b) => a - b);
  const seconds = Math.max(...sent.map(({ millis }) => millis)) / 1_000;
  const read = Object.values(drops).reduce((sum, count) => sum + count, 0);
  return {
    offeredPerSecond: Math.round(sent.reduce((sum, report) => sum + report.sent, 0) / seconds),
    readPerSecond: Math.round(read / seconds),
    microsecondsPerDatagram: Math.round((processorMillis * 10_000) / read) / 10,
    processorShare: Math.round(processorMillis / (10 * seconds)) / 100,
    genuine: took.length,
    succeeded: done.length,
    ratio: done.length / took.length,
    p50: done[Math.floor(done.length / 2)] ?? Infinity,
    p99: done[Math.floor(done.length * 0.99)] ?? Infinity,
    drops,
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [seconds = "10", perSecond = "50000", kinds] = process.argv.slice(2);
  const load = { seconds: Number(seconds), perSecond: Number(perSecond), seed: 1 };
  const chosen = kinds?.split(",").filter((kind): kind is FloodKind =>
    floodKinds.includes(kind as FloodKind)
  );
  const result = await runFlood(chosen === undefined ? load : { ...load, kinds: chosen });
  console.log(JSON.stringify(result, undefined, 2));
  if (result.ratio < 0.99) process.exitCode = 1;
}
