/**
 * This node's incarnation on disk. An incarnation that was told and is forgotten would let old news of this node's death
 * win over it after a restart, until it has heard and refuted them one by one. So a number is kept that is ahead of those
 * in use, and what is above it is not told before the disk has a larger one; the next start begins with it. As it lies in
 * the store:
 *
 *      0         1               5
 *     +---------+---------------+
 *     | form 1  | number, 4     |   big-endian
 *     +---------+---------------+
 */
import { MeshError } from "../../core/contracts/errors.ts";
import type { Host, Timer } from "../../core/contracts/host.ts";
import type { Millis } from "../../core/contracts/values.ts";
import { readU32, writeU32 } from "../../core/wire/field.ts";
import { limits } from "./options.ts";

export type KeeperHost = Pick<Host, "clock" | "store" | "log">;

export const incarnationKey = "gossip/incarnation";

const form = 1;
const length = 5;
/** Refutations are rare: this many cost no write. */
const ahead = limits.restartStep;
const firstWait: Millis = 1_000;
const longestWait: Millis = 60_000;

export class IncarnationKeeper {
  readonly #host: KeeperHost;
  #durable = 0;
  #asked = 0;
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(host: KeeperHost) {
    this.#host = host;
  }

  /**
   * The incarnation to begin with, at or above all that were told. Rejects with the store's error when the next one
   * cannot be kept, `UNSUPPORTED` or `STATE_CORRUPT` when the last one cannot be read.
   */
  async start(): Promise<number> {
    const stored = this.#host.store.get(incarnationKey);
    const incarnation = stored === undefined ? 1 : decode(stored);
    await this.#write(Math.min(incarnation + ahead, limits.incarnation));
    return incarnation;
  }

  /** False while the disk does not know of it. */
  mayTell(incarnation: number): boolean {
    const isNear = incarnation + ahead / 2 > this.#durable;
    if (isNear && this.#asked <= this.#durable && this.#durable < limits.incarnation) {
      void this.#keep(Math.min(incarnation + ahead, limits.incarnation), firstWait);
    }
    return incarnation <= this.#durable;
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  async #keep(number: number, wait: Millis): Promise<void> {
    this.#asked = number;
    try {
      await this.#write(number);
    } catch (error) {
      if (this.#isStopped) return;
      const { clock, log } = this.#host;
      if (wait === firstWait) {
        log.log("warn", "The incarnation of this node cannot be stored; it is tried again", { error });
      }
      const again = () => void this.#keep(number, Math.min(2 * wait, longestWait));
      this.#timer = clock.timer(clock.now() + wait, again);
    }
  }

  async #write(number: number): Promise<void> {
    const value = new Uint8Array(length);
    value[0] = form;
    writeU32(value, 1, number);
    await this.#host.store.commit([{ key: incarnationKey, value }]);
    this.#durable = Math.max(this.#durable, number);
  }
}

function decode(value: Uint8Array): number {
  if (value[0] !== undefined && value[0] > form) {
    const why = "Cannot read the incarnation of this node: a newer version wrote it; start that version";
    throw new MeshError("UNSUPPORTED", why);
  }
  const number = readU32(value, 1);
  if (value[0] === form && value.length === length && number <= limits.incarnation) return number;
  throw new MeshError(
    "STATE_CORRUPT",
    "Cannot read the incarnation of this node: it is damaged; restore a backup, or reset this node and join anew",
  );
}
