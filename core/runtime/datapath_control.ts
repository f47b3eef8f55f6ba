/** Tells a worker what to do: through a ring of shared memory, and by an eventfd that ends its wait in the kernel. */
import { setTimeout } from "node:timers/promises";
import { MeshError } from "../contracts/errors.ts";
import type { Arena } from "../datapath/arena.ts";
import { type Command, commandLength, sendCommand } from "../datapath/control.ts";
import { ringCapacity } from "../datapath/datapath_limits.ts";
import { ringMemory, RingProducer } from "../datapath/ring.ts";
import type { Foreign } from "./ffi/foreign.ts";
import type { PacketCalls } from "./ffi/packet_calls.ts";
import { mapArena } from "./ffi/system_arena.ts";
import { systemErrorName } from "./ffi/system_error.ts";

/** Between two looks at a ring that is full, or is to be empty. The worker empties it in far less. */
const lookMillis = 1;

export class DatapathControl {
  /** Descriptor of the eventfd. */
  readonly wake: number;
  readonly #calls: PacketCalls;
  /** Holds the number that is written to the eventfd. */
  readonly #one: Arena;
  #memory = ringMemory(ringCapacity.control);
  #ring = new RingProducer(this.#memory);
  /** What there was no room for. */
  #waiting: Command[] = [];
  #isTold = false;
  #isClosed = false;

  /** Throws `UNSUPPORTED`. */
  constructor(foreign: Foreign, calls: PacketCalls) {
    this.#calls = calls;
    this.#one = mapArena(foreign, 8);
    this.#one.view.setUint32(0, 1, true);
    this.wake = calls.eventfd();
    if (this.wake >= 0) return;
    const reason = systemErrorName(this.wake);
    throw new MeshError("UNSUPPORTED", `Cannot start the data path: eventfd failed with ${reason}`, {
      details: { reason },
    });
  }

  /** Of the ring that the next worker is to read. */
  get memory(): SharedArrayBuffer {
    return this.#memory;
  }

  /** False for a command that no ring takes; all others arrive, in order. */
  tell(command: Command): boolean {
    if (commandLength(command) > this.#ring.longest) return false;
    if (command.kind === "verdict") return this.#tellVerdict(command);
    if (this.#waiting.length > 0 || !sendCommand(this.#ring, command)) this.#wait(command);
    this.#wakeSoon();
    return true;
  }

  /** A ring for a new worker: half a command may be left in the old one, and what it says is told anew. */
  renew(): void {
    this.#memory = ringMemory(ringCapacity.control);
    this.#ring = new RingProducer(this.#memory);
    this.#waiting.forEach(wipe);
    this.#waiting = [];
  }

  /**
   * Never waits: flows are as many as somebody likes to make, and one whose verdict is lost is asked about again. Nor does it
   * wake the worker, which looks before the next packet.
   */
  #tellVerdict(command: Command): true {
    if (this.#waiting.length === 0) sendCommand(this.#ring, command);
    return true;
  }

  /**
   * Resolves when all that was told so far has been obeyed, or is not to be any more; false when `millis` have passed before.
   * Verdicts that come later wake nobody, so to wait for them too could last for as long as no packet comes.
   */
  async settled(millis: number): Promise<boolean> {
    const ring = this.#ring;
    let mark: number | undefined;
    const isSettled = () => {
      if (ring !== this.#ring) return true;
      if (this.#waiting.length > 0) return false;
      mark ??= ring.mark;
      return ring.isReadUpTo(mark);
    };
    const end = performance.now() + millis;
    while (!isSettled() && performance.now() < end) {
      await setTimeout(lookMillis);
      this.#wakeSoon();
    }
    // Once more: of two looks the later one may come long after, when this thread was busy.
    return isSettled();
  }

  /** At once, for the end of the process. */
  wakeNow(): void {
    this.#calls.write(this.wake, this.#one.address, 8);
  }

  /** Nothing is told after it. */
  close(): void {
    this.#isClosed = true;
    this.#waiting.forEach(wipe);
    this.#waiting = [];
    this.#calls.close(this.wake);
  }

  /** A copy: by the time that there is room, whoever told it may have wiped the keys in it. */
  #wait(command: Command): void {
    this.#waiting.push(structuredClone(command));
    if (this.#waiting.length === 1) void this.#tellWaiting(this.#ring);
  }

  async #tellWaiting(ring: RingProducer): Promise<void> {
    while (ring === this.#ring && this.#waiting.length > 0) {
      const [first] = this.#waiting;
      if (!sendCommand(ring, first!)) await setTimeout(lookMillis);
      else wipe(this.#waiting.shift()!);
      this.#wakeSoon();
    }
  }

  /** Once for all that is told in one go. */
  #wakeSoon(): void {
    if (this.#isTold) return;
    this.#isTold = true;
    queueMicrotask(() => {
      this.#isTold = false;
      if (!this.#isClosed) this.wakeNow();
    });
  }
}

function wipe(command: Command): void {
  if (command.kind !== "open-session") return;
  command.sendKey.fill(0);
  command.receiveKey.fill(0);
}
