import { Drop } from "../../core/contracts/drop.ts";
import type { Clock, Timer } from "../../core/contracts/host.ts";

/** Work that waits for the next turn of the event loop. More than this many at a time is a flood. */
const limit = 1024;

/**
 * Puts a turn of the event loop between sending and receiving inside one process. Handing a packet over at once would
 * let two handlers that answer each other grow the stack until it ends, and would run a handler inside the `send` of
 * its own socket. One turn runs only what was there when it began, so such a pair cannot hold up everything else.
 */
export class TurnQueue<T> {
  readonly #clock: Clock;
  readonly #run: (item: T) => void;
  #items: T[] = [];
  #timer: Timer | undefined;

  /** `run` does not throw. */
  constructor(clock: Clock, run: (item: T) => void) {
    this.#clock = clock;
    this.#run = run;
  }

  add(item: T): Drop {
    if (this.#items.length >= limit) return Drop.queueFull;
    this.#items.push(item);
    this.#timer ??= this.#clock.timer(this.#clock.now(), () => this.#turn());
    return Drop.none;
  }

  /** Forgets what waits. */
  clear(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#items = [];
  }

  #turn(): void {
    const items = this.#items;
    this.#items = [];
    this.#timer = undefined;
    for (const item of items) this.#run(item);
  }
}
