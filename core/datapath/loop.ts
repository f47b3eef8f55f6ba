/**
 * The turn of the data path: what the main thread has told, then frames from the TAP device, then datagrams from the
 * underlay. It waits in `poll` when there was nothing, and nowhere else, so an idle node costs nothing.
 *
 * Batches are small on purpose: what is read waits inside until its turn, and a larger batch adds to the time of
 * every packet behind it without making one cheaper.
 */
import type { Arena } from "./arena.ts";
import type { ArenaPlan } from "./arena_plan.ts";
import { ErrorNumber, type PacketIo } from "./packet_io.ts";
import type { TapReader } from "./tap_reader.ts";
import { Tally, type Telemetry } from "./telemetry.ts";
import { Moderation } from "./moderation.ts";
import type { Train } from "./train.ts";

export interface LoopParts {
  readonly arena: Arena;
  readonly plan: ArenaPlan;
  readonly io: PacketIo;
  /** Descriptor of the eventfd by which the main thread ends a wait. */
  readonly wake: number;
  /** Commands of the main thread; `apply` returns false when the data path is to end. */
  readonly control: { apply(): boolean; readonly hasMore: boolean };
  /** `turn` gives how many frames were read or handed on, more than none as long as any wait. */
  readonly tap: Pick<TapReader, "turn" | "useTap" | "isLost">;
  readonly train: Pick<Train, "endTurn" | "useSocket">;
  readonly receiver: { receive(): number; useSocket(descriptor: number): void };
  /** Writes what was received to the TAP device. */
  readonly deliver: { flush(): void; useTap(descriptor: number): void };
  /** `wake` tells the main thread of what it was given, if there was something; `tapLost`, that the device is gone. */
  readonly punts: { wake(): void; tapLost(): boolean };
  readonly telemetry: Telemetry;
}

const POLLIN = 1;
/**
 * Waits in a row that ended at once with nothing to read, as those for a closed descriptor or an error that stays do. From then
 * on only the main thread is waited for, a moment at a time: an error that nobody can clear must not cost a processor.
 */
const mostFruitless = 8;
const pauseMillis = 10;

export class Loop {
  readonly #parts: LoopParts;
  readonly #moderation: Moderation;
  readonly #entries: number;
  readonly #counter: number;
  #socket = -1;
  #fruitless = 0;
  /** The main thread has no room to be told that the device is gone. */
  #owesTapLost = false;

  constructor(parts: LoopParts) {
    this.#parts = parts;
    const { plan, arena, wake } = parts;
    this.#moderation = new Moderation(arena, plan, parts.io);
    this.#entries = plan.take(3 * 8);
    this.#counter = plan.take(8);
    for (let i = 0; i < 3; i++) arena.view.setInt16(this.#entries + 8 * i + 4, POLLIN, true);
    arena.view.setInt32(this.#entries, wake, true);
    this.useTap(-1);
    this.useSocket(-1);
  }

  /** The TAP device to read and write; −1 for none. */
  useTap(descriptor: number): void {
    this.#parts.tap.useTap(descriptor);
    // Of another device nobody need hear any more, and of this one it would be wrong.
    this.#owesTapLost = false;
    this.#parts.deliver.useTap(descriptor);
    // poll(2) passes over negative descriptors.
    this.#parts.arena.view.setInt32(this.#entries + 8, descriptor, true);
  }

  useSocket(descriptor: number): void {
    this.#socket = descriptor;
    this.#parts.train.useSocket(descriptor);
    this.#parts.receiver.useSocket(descriptor);
    this.#parts.arena.view.setInt32(this.#entries + 16, this.#socket, true);
  }

  /** Until the main thread ends it. */
  run(): void {
    for (;;) {
      if (!this.obey()) return;
      const reads = this.turn();
      this.#moderation.count(reads);
      if (reads > 0) this.#fruitless = 0;
      // What is in the ring was announced once: to wait with commands left in it might be for ever.
      else if (!this.#parts.control.hasMore && !this.#wait()) return;
    }
  }

  /** Carries out what the main thread has told; false when that was to end. */
  obey(): boolean {
    return this.#parts.control.apply();
  }

  /** One turn without waiting; gives how many reads had something. */
  turn(): number {
    const { tap, train, receiver, deliver, punts, telemetry } = this.#parts;
    telemetry.add(Tally.turns, 1);
    const frames = tap.turn();
    if (tap.isLost) this.#loseTap();
    train.endTurn();
    const trains = receiver.receive();
    deliver.flush();
    if (this.#owesTapLost) this.#owesTapLost = !punts.tapLost();
    punts.wake();
    return frames + trains;
  }

  /** Somebody has deleted the device: its descriptor would end every wait at once. */
  #loseTap(): void {
    this.useTap(-1);
    this.#owesTapLost = true;
  }

  /** False when the main thread cannot end a wait any more, because the eventfd is gone. */
  #wait(): boolean {
    const { io, arena, wake, telemetry } = this.#parts;
    telemetry.add(Tally.sleeps, 1);
    const isPausing = this.#fruitless >= mostFruitless;
    const timeout = isPausing || this.#owesTapLost ? pauseMillis : -1;
    const seen = io.poll(this.#entries + arena.address, isPausing ? 1 : 3, timeout);
    // The next wait tries the others once more.
    if (isPausing) this.#fruitless--;
    if (seen <= 0) return true;
    if (arena.view.getInt16(this.#entries + 6, true) === 0) {
      this.#fruitless++;
      this.#moderation.woken();
      return true;
    }
    const read = io.read(wake, this.#counter + arena.address, 8);
    return read >= 0 || read === ErrorNumber.again || read === ErrorNumber.interrupted;
  }
}
