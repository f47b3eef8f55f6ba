/** The measurements of one overlay that is up. */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import process from "node:process";
import { until } from "../../../examples/lab/lab.ts";
import { type Metric, type Phase, phases, type Sample } from "./metrics.ts";
import { parseDatagrams, parseTransfer, type Transfer } from "./parse_iperf3.ts";
import { parsePing } from "./parse_ping.ts";
import {
  descendantsOf,
  listProcesses,
  residentMiB,
  type Snapshot,
  takeSnapshot,
  ticksPerSecond,
} from "./processor_time.ts";
import { percentile } from "./statistics.ts";
import type { Overlay } from "./system.ts";
import type { Topology } from "./topology.ts";

export interface Measured {
  readonly sample: Sample;
  readonly failures: readonly string[];
}

const port = "5201";
const datagramBytes = "64";
const lossPercent = 1;
const readySeconds = 20;
/** What a program may take beyond the seconds that it was told. */
const slackSeconds = 10;

export class Measurements {
  readonly #topology: Topology;
  readonly #overlay: Overlay;
  readonly #seconds: number;
  /** Processes that ran before the first load: they are the system's. */
  readonly #daemons: ReadonlySet<number>;
  readonly #sample: Sample = {};

  constructor(topology: Topology, overlay: Overlay, seconds: number) {
    this.#topology = topology;
    this.#overlay = overlay;
    this.#seconds = seconds;
    this.#daemons = descendantsOf(listProcesses(), process.pid);
  }

  /** Resolves when the overlay carries packets, and has carried some: programs that compile while they run are warm. */
  async ready(): Promise<void> {
    const { from, address } = this.#overlay;
    const late = performance.now() + readySeconds * 1000;
    await until(() => {
      this.#topology.programs.signal.throwIfAborted();
      if (performance.now() > late) throw new Error(`no answer from ${address} within ${readySeconds} s`);
      return from.pings(address, 1);
    });
    await this.#transfer(["-C", "cubic"]);
  }

  /** What could be measured, and what could not with the reason. */
  async measure(wanted: readonly Phase[]): Promise<Measured> {
    const failures: string[] = [];
    const before = this.#snapshot();
    for (const phase of phases.filter((phase) => wanted.includes(phase))) {
      try {
        await this.#measurePhase(phase);
      } catch (error) {
        this.#topology.programs.signal.throwIfAborted();
        failures.push(`${phase}: ${(error as Error).message}`);
      }
    }
    this.#sample.foreign = foreignPercent(before, this.#snapshot());
    return { sample: this.#sample, failures };
  }

  async #measurePhase(phase: Phase): Promise<void> {
    if (phase === "rtt") this.#note(["rttMedian", "rttTail"], await this.#ping(this.#seconds, 0.002));
    if (phase === "tcp") await this.#measureTcp();
    if (phase === "loaded") this.#note(["loadedMedian", "loadedTail"], await this.#pingUnderLoad());
    if (phase === "udp") this.#sample.datagrams = await this.#flood();
    if (phase === "bbr") await this.#measureLoss();
  }

  async #measureTcp(): Promise<void> {
    const sentBefore = this.#topology.sent();
    const one = await this.#costing(["-C", "cubic"]);
    const sent = this.#topology.sent();
    this.#sample.tcp = one.bitsPerSecond / 1e6;
    this.#sample.processorTime = one.seconds;
    if (this.#daemons.size > 0) this.#sample.daemonTime = one.daemonSeconds;
    this.#sample.frame = (sent.bytes - sentBefore.bytes) / (sent.frames - sentBefore.frames);
    this.#sample.tcpReverse = (await this.#transfer(["-C", "cubic", "-R"])).bitsPerSecond / 1e6;
    const four = await this.#costing(["-C", "cubic", "-P", "4"]);
    this.#sample.tcpFour = four.bitsPerSecond / 1e6;
    this.#sample.processorTimeFour = four.seconds;
  }

  /** A transfer with the processor time that it took per gigabyte: of everything but foreign programs, and of the daemons. */
  async #costing(
    words: readonly string[],
  ): Promise<Transfer & { readonly seconds: number; readonly daemonSeconds: number }> {
    const before = this.#snapshot();
    const transfer = await this.#transfer(words);
    const after = this.#snapshot();
    const ticks = ticksPerSecond * transfer.bytes / 1e9;
    return {
      ...transfer,
      seconds: (after.busy - before.busy - after.foreign + before.foreign) / ticks,
      daemonSeconds: (after.daemons - before.daemons) / ticks,
    };
  }

  /** Throughput without loss, and under loss as a share of that. */
  async #measureLoss(): Promise<void> {
    const clean = await this.#transfer(["-C", "bbr"]);
    this.#sample.bbr = clean.bitsPerSecond / 1e6;
    this.#topology.lose(lossPercent);
    try {
      const lossy = await this.#transfer(["-C", "bbr"]);
      this.#sample.lossKept = lossy.bitsPerSecond / clean.bitsPerSecond;
    } finally {
      this.#topology.heal();
    }
  }

  async #transfer(words: readonly string[]): Promise<Transfer> {
    return parseTransfer(await this.#iperf3(["-t", `${this.#seconds}`, ...words]));
  }

  /** Thousands of datagrams that arrived per second, of as many as the sender could send. */
  async #flood(): Promise<number> {
    const words = ["-u", "-l", datagramBytes, "-b", "0", "-w", `${socketBuffer()}`];
    return parseDatagrams(await this.#iperf3(["-t", `${this.#seconds}`, ...words])).perSecond / 1000;
  }

  async #pingUnderLoad(): Promise<readonly number[]> {
    const load = this.#iperf3(["-t", `${this.#seconds + 2}`, "-C", "cubic"]);
    // Awaited below; until then a failure must not count as one that nobody looks at.
    load.catch(() => {});
    try {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      return await this.#ping(this.#seconds, 0.005);
    } finally {
      await load;
    }
  }

  /** Microseconds of the round trips of so many seconds. */
  async #ping(seconds: number, interval: number): Promise<readonly number[]> {
    const { from, address } = this.#overlay;
    const words = ["-n", "-i", `${interval}`, "-c", `${Math.round(seconds / interval)}`, "-W", "1", address];
    return parsePing(
      await this.#topology.programs.run(from.command("ping", ...words), seconds + slackSeconds),
    );
  }

  /** Its JSON. The server serves one client and is a new one each time. */
  async #iperf3(words: readonly string[]): Promise<string> {
    const { from, to, address } = this.#overlay;
    const { programs } = this.#topology;
    await using _server = programs.serve(to.command("iperf3", "-s", "-1", "-p", port));
    await until(() => {
      programs.signal.throwIfAborted();
      return to.run("ss", "-Hltn", `sport = :${port}`).includes(port);
    });
    const command = from.command("iperf3", "-c", address, "-p", port, "-J", ...words);
    const json = await programs.run(command, this.#seconds + slackSeconds);
    const resident = [...this.#daemons].map(residentMiB);
    if (resident.length > 0) this.#sample.memory = Math.max(this.#sample.memory ?? 0, ...resident);
    return json;
  }

  #note([median, tail]: readonly [Metric, Metric], micros: readonly number[]): void {
    if (micros.length === 0) throw new Error("no echo request was answered");
    this.#sample[median] = percentile(micros, 0.5);
    this.#sample[tail] = percentile(micros, 0.99);
  }

  #snapshot(): Snapshot {
    return takeSnapshot(process.pid, this.#daemons);
  }
}

/** Why a phase cannot be measured on this machine. */
export function whyNoBbr(): string | undefined {
  const known = readFileSync("/proc/sys/net/ipv4/tcp_available_congestion_control", "utf8");
  return known.split(/\s+/).includes("bbr") ? undefined : "this kernel has no bbr loaded (modprobe tcp_bbr)";
}

/** Bytes: a MiB, or what the kernel grants; iperf3 refuses to run with less than it has asked for. */
function socketBuffer(): number {
  const granted = ["rmem_max", "wmem_max"].map((name) =>
    Number(readFileSync(`/proc/sys/net/core/${name}`, "utf8"))
  );
  return Math.min(1 << 20, ...granted);
}

function foreignPercent(before: Snapshot, after: Snapshot): number {
  const available = (after.at - before.at) / 1000 * ticksPerSecond * availableParallelism();
  return 100 * (after.foreign - before.foreign) / available;
}
