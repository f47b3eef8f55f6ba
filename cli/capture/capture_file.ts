/**
 * The file of `--pcap`. It may hold what members say to each other in plaintext, so it is made for its owner alone, and
 * never in place of another file.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import { MeshError } from "../../core/contracts/errors.ts";
import type { Clock, Logger } from "../../core/contracts/host.ts";
import { messageOf } from "../failure.ts";
import { type CapturedPacket, captureHeader, type CaptureLink, packetBlock } from "./pcapng.ts";
import type { CaptureOrder } from "./capture_order.ts";

export type UntimedPacket = Omit<CapturedPacket, "time">;

export interface CaptureWorld {
  readonly clock: Clock;
  readonly log: Logger;
}

export class CaptureFile implements Disposable {
  readonly #order: CaptureOrder;
  readonly #world: CaptureWorld;
  /** What the wall clock is ahead of the other one, which has fractions of milliseconds and never goes back. */
  readonly #wallOffset: number;
  #descriptor: number | undefined;
  #size = 0;

  /** Throws `INVALID_ARGUMENT` when there is such a file, and when it cannot be made. */
  constructor(order: CaptureOrder, links: readonly CaptureLink[], world: CaptureWorld) {
    this.#order = order;
    this.#world = world;
    this.#wallOffset = world.clock.wall() - world.clock.now();
    this.#descriptor = create(order.file);
    this.#write(captureHeader(links));
  }

  /** Never throws: a packet that cannot be written ends the writing, and the node goes on. */
  write(packet: UntimedPacket): void {
    if (this.#descriptor === undefined) return;
    const millis = this.#wallOffset + this.#world.clock.now();
    const block = packetBlock({ ...packet, time: BigInt(Math.round(millis * 1000)) * 1000n });
    const { limit } = this.#order;
    if (this.#size + block.length > limit) this.#end(`${limit} bytes are the limit`);
    else this.#write(block);
  }

  [Symbol.dispose](): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  /** At once, so that whoever reads along sees it, and nothing piles up in memory when the disk is slow. */
  #write(bytes: Uint8Array): void {
    try {
      const written = writeSync(this.#descriptor!, bytes);
      this.#size += written;
      if (written < bytes.length) this.#end("the disk took only a part of a packet");
    } catch (error) {
      this.#end(messageOf(error));
    }
  }

  #end(reason: string): void {
    this[Symbol.dispose]();
    this.#world.log.log("warn", "Packets are not written to the file any more", {
      what: this.#order.file,
      reason,
    });
  }
}

function create(file: string): number {
  try {
    return openSync(file, "wx", 0o600);
  } catch (cause) {
    const isThere = (cause as { code?: unknown }).code === "EEXIST";
    const reason = isThere ? "there is such a file; name another one or remove it" : messageOf(cause);
    throw new MeshError("INVALID_ARGUMENT", `Cannot write packets to ${file}: ${reason}`, { cause });
  }
}
