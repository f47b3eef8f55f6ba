/** What outlives the processes on a simulated host: its disk, its clock, and how far that is off. */
import type { Clock } from "../../core/contracts/host.ts";
import type { Millis } from "../../core/contracts/values.ts";
import { MemoryDisk } from "../../plugins/memory_store/mod.ts";
import type { MemoryNetwork } from "../../plugins/memory_transport/memory_network.ts";
import { SimProcess } from "./process.ts";
import { ProcessClock } from "./process_clock.ts";

const diskBytes = 16 * 1024 * 1024;

export class SimMachine {
  readonly name: string;
  host: string;
  disk = new MemoryDisk(diskBytes);
  /** The last one that was started; it may be dead. */
  process: SimProcess | undefined;
  readonly #world: Clock;
  #wallError: Millis = 0;
  #rate = 1;
  #slowestWrite: Millis = 0;

  constructor(name: string, host: string, world: Clock) {
    this.name = name;
    this.host = host;
    this.#world = world;
  }

  /** A process of its own; the one before it is killed if it still lives. */
  boot(network: MemoryNetwork, chance: () => number): SimProcess {
    this.kill();
    const process = new SimProcess(
      network,
      this.#world,
      new ProcessClock(this.#world, this.#rate, this.#wallError),
    );
    this.process = process;
    this.disk.writeTime = () => this.#write(process, chance);
    return process;
  }

  /** As kill -9 or a power cut. The first `landed` commits under way had reached the disk. */
  kill(landed = 0): void {
    if (this.process === undefined || this.process.isDead) return;
    this.process.kill();
    this.disk.kill(landed);
  }

  /** From the next start the disk has so many bytes, and on it what was there. */
  replaceDisk(bytes: number): void {
    const content = this.disk.snapshot();
    this.disk = new MemoryDisk(bytes);
    this.disk.restore(content);
  }

  /** Somebody sets the time of day, forward or back; it stays so. */
  jumpWall(by: Millis): void {
    this.#wallError += by;
    this.process?.clock.jumpWall(by);
  }

  /** 1.1 for a clock that gains a tenth. */
  setRate(rate: number): void {
    this.#rate = rate;
    this.process?.clock.setRate(rate);
  }

  /** Every write takes up to so long from now on. */
  setSlowestWrite(millis: Millis): void {
    this.#slowestWrite = millis;
  }

  /** On the time of the process: the end of a write is news to it only while it runs. */
  #write({ clock }: SimProcess, chance: () => number): Promise<void> {
    if (this.#slowestWrite === 0) return Promise.resolve();
    const duration = chance() * this.#slowestWrite;
    return new Promise((resolve) => clock.timer(clock.now() + duration, resolve));
  }
}
