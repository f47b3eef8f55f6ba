/**
 * Time as one process sees it, on the event queue that all share: its wall clock may be wrong, its oscillator fast or
 * slow, and the process itself stopped for a while or killed. Simulated time goes on all the same.
 */
import type { Clock, Timer } from "../../core/contracts/host.ts";
import type { Millis, WallMillis } from "../../core/contracts/values.ts";

interface Waiting {
  readonly at: Millis;
  readonly run: () => void;
  /** Undefined while the process is stopped. */
  armed: Timer | undefined;
}

export class ProcessClock implements Clock {
  readonly #world: Clock;
  /** In order of their making. */
  readonly #waiting = new Set<Waiting>();
  #rate: number;
  #wallError: Millis;
  /** One moment, on the world's clock and on this one: `rate` holds since then. */
  #since: { readonly world: Millis; readonly own: Millis };
  /** The highest time that was told: a rate that is no binary fraction must not make time go back, or a timer early. */
  #told: Millis;
  #state: "running" | "stopped" | "dead" = "running";

  /** `rate` 1.1 is a clock that gains a tenth; `wallError` is added to the time of day. */
  constructor(world: Clock, rate = 1, wallError: Millis = 0) {
    this.#world = world;
    this.#rate = rate;
    this.#wallError = wallError;
    this.#told = world.now();
    this.#since = { world: this.#told, own: this.#told };
  }

  now(): Millis {
    const { world, own } = this.#since;
    // The world's own number, where the rate is 1: adding a difference to it could change its last bit.
    const passed = this.#world.now() - world;
    const now = this.#rate === 1 && own === world ? this.#world.now() : own + passed * this.#rate;
    return this.#told = Math.max(this.#told, now);
  }

  wall(): WallMillis {
    return Math.floor(this.#world.wall() + (this.now() - this.#world.now()) + this.#wallError);
  }

  timer(at: Millis, run: () => void): Timer {
    if (Number.isNaN(at)) throw new RangeError("a timer was set to NaN");
    const waiting: Waiting = { at, run, armed: undefined };
    if (this.#state === "dead") return { cancel: () => {} };
    this.#waiting.add(waiting);
    if (this.#state === "running") this.#arm(waiting);
    return {
      cancel: () => {
        waiting.armed?.cancel();
        this.#waiting.delete(waiting);
      },
    };
  }

  /** Timers that wait in this process. */
  get pending(): number {
    return this.#waiting.size;
  }

  get isRunning(): boolean {
    return this.#state === "running";
  }

  /** Somebody sets the time of day, forward or back. */
  jumpWall(by: Millis): void {
    this.#wallError += by;
  }

  setRate(rate: number): void {
    this.#since = { own: this.now(), world: this.#world.now() };
    this.#rate = rate;
    if (this.#state !== "running") return;
    this.#disarm();
    this.#armAll();
  }

  /** No timer runs until `resume`, as after SIGSTOP. */
  stop(): void {
    if (this.#state !== "running") return;
    this.#state = "stopped";
    this.#disarm();
  }

  /** What came due meanwhile runs now, in order. */
  resume(): void {
    if (this.#state !== "stopped") return;
    this.#state = "running";
    this.#armAll();
  }

  /** No timer runs any more. */
  kill(): void {
    this.#state = "dead";
    this.#disarm();
    this.#waiting.clear();
  }

  #disarm(): void {
    for (const { armed } of this.#waiting) armed?.cancel();
  }

  #armAll(): void {
    for (const waiting of [...this.#waiting].sort((a, b) => a.at - b.at)) this.#arm(waiting);
  }

  #arm(waiting: Waiting): void {
    waiting.armed = this.#world.timer(this.#worldTime(waiting.at), () => {
      this.#waiting.delete(waiting);
      this.#told = Math.max(this.#told, waiting.at);
      waiting.run();
    });
  }

  #worldTime(at: Millis): Millis {
    const { world, own } = this.#since;
    return this.#rate === 1 && own === world ? at : world + (at - own) / this.#rate;
  }
}
