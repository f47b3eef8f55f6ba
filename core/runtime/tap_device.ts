/**
 * A TAP device of Linux: Ethernet frames between this process and a network namespace.
 *
 * The device is persistent and stays when the process ends, so that the bridge keeps its port and a restarted node
 * opens the same device again. It has several queues, since a device cannot change from one to several: as many are used
 * as a data path has threads, and one without a data path. Each frame has a header for offloads before it: with a data
 * path that reads the device, the kernel leaves segments and checksums to it; without one, frames are whole.
 */
import { MeshError } from "../contracts/errors.ts";
import type { Datapath } from "../contracts/datapath.ts";
import { callMemory, type Libc, type Watch } from "./ffi/libc.ts";
import { ERRNO, systemErrorName } from "./ffi/system_error.ts";
import { systemLibc } from "./ffi/system_libc.ts";
import { bringUp } from "./interface_flags.ts";
import {
  askForOffloads,
  openTapQueue,
  refuseOffloads,
  type TapDescriptors,
  type TapOptions,
} from "./tap_opening.ts";
import { completeFrame, VNET_HEADER_LENGTH } from "./vnet_header.ts";

export type { TapOptions } from "./tap_opening.ts";

export interface TapDevice extends AsyncDisposable {
  readonly name: string;
  /**
   * Hands one Ethernet frame without its frame check sequence to the namespace, at once. False when it was not taken:
   * the interface is down or gone, the kernel's queue is full, or the frame is shorter than its header or longer than
   * {@link LONGEST_FRAME}. `frame` is free for reuse on return. Does not throw.
   */
  write(frame: Uint8Array): boolean;
  /** Sets another interface of the same namespace up. Throws `NOT_FOUND`, `NOT_RUNNING` once this is closed, `INTERNAL`. */
  bringUp(name: string): void;
  /**
   * Called once; reading starts here. `handler` gets each frame that the namespace sends out of the interface, without
   * frame check sequence, with its checksums complete; `frame` is valid during the call. `failed` hears what `handler`
   * threw, after which reading goes on; and `NOT_FOUND` when the interface was deleted, after which nothing comes.
   */
  receive(handler: (frame: Uint8Array) => void, failed: (error: unknown) => void): void;
  /**
   * Closes the queue. The interface stays, without carrier. No handler is called once this has been called. Works twice,
   * also from within a handler. A worker that is ended without it leaves the device open until the process ends.
   */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Bytes of the longest frame: an IP packet of 65,535 bytes with an Ethernet header and two VLAN tags. */
export const LONGEST_FRAME = 65_557;

const ETHERNET_HEADER = 14;

/**
 * Frames per turn of the event loop. An answer of the admin API takes a dozen turns, and with 256 frames in each it took
 * four seconds during a flood; and more frames than a socket takes in a turn are read only to be dropped, which made the
 * flood itself three times slower.
 */
const BATCH = 16;

export interface OpenTapOptions extends TapOptions {
  /** Reads the device instead of this thread, if it reads no other. */
  readonly datapath?: Datapath | undefined;
}

/**
 * Opens the device `name`, and makes it when it is missing (down, with a random address). Rejects
 *
 * - `UNSUPPORTED`: no FFI in this process, or no `/dev/net/tun` on this machine;
 * - `NOT_FOUND`: no namespace at that path;
 * - `BIND_FAILED`, with `details.reason`: `EPERM` without CAP_NET_ADMIN and CAP_SYS_ADMIN, `EBUSY` while
 *   it is open already, `EINVAL` where an interface of that name is no such device;
 * - `INVALID_ARGUMENT`: a name that Linux would not take, or would take as a pattern.
 */
export async function openTap(options: OpenTapOptions, libc?: Libc): Promise<TapDevice> {
  const calls = libc ?? await systemLibc();
  // One that is given is the giver's to end.
  const release = libc === undefined ? () => calls[Symbol.dispose]() : () => {};
  try {
    const { name, datapath } = options;
    const another = () => openTapQueue(calls, { ...options, further: true }).queue;
    return new TapQueue(calls, { name, datapath, ...openTapQueue(calls, options), another, release });
  } catch (error) {
    release();
    throw error;
  }
}

interface OpenQueue extends TapDescriptors {
  readonly name: string;
  readonly datapath: Datapath | undefined;
  /** Descriptor of a further queue of the same device. */
  another(): number;
  /** Called last. */
  release(): void;
}

class TapQueue implements TapDevice {
  readonly name: string;
  readonly #libc: Libc;
  readonly #open: OpenQueue;
  /** Each with room for the header before the frame. The header of what is written stays zero. */
  readonly #incoming = callMemory(VNET_HEADER_LENGTH + LONGEST_FRAME);
  readonly #outgoing = callMemory(VNET_HEADER_LENGTH + LONGEST_FRAME);
  #handler: (frame: Uint8Array) => void = () => {};
  #failed: (error: unknown) => void = () => {};
  #watch: Watch | undefined;
  #isTaken = false;
  #closed: Promise<void> | undefined;

  constructor(libc: Libc, open: OpenQueue) {
    this.#libc = libc;
    this.name = open.name;
    this.#open = open;
  }

  write(frame: Uint8Array): boolean {
    if (this.#closed !== undefined) return false;
    if (frame.length < ETHERNET_HEADER || frame.length > LONGEST_FRAME) return false;
    this.#outgoing.set(frame, VNET_HEADER_LENGTH);
    const packet = this.#outgoing.subarray(0, VNET_HEADER_LENGTH + frame.length);
    return this.#libc.write(this.#open.queue, packet) === packet.length;
  }

  bringUp(name: string): void {
    const { claim } = this.#open;
    if (this.#closed !== undefined || claim === undefined) {
      throw new MeshError("NOT_RUNNING", `Cannot set ${name} up: ${this.name} is closed, or a further queue`);
    }
    bringUp(this.#libc, claim, name);
  }

  receive(handler: (frame: Uint8Array) => void, failed: (error: unknown) => void): void {
    if (this.#isReceiving || this.#closed !== undefined) {
      throw new MeshError(
        "INVALID_ARGUMENT",
        `Cannot receive from ${this.name}: it is closed, or read already`,
      );
    }
    this.#handler = handler;
    this.#failed = failed;
    this.#isTaken = this.#handOver();
    if (!this.#isTaken) this.#watch = this.#libc.watch(this.#open.queue, () => this.#readBatch());
  }

  get #isReceiving(): boolean {
    return this.#isTaken || this.#watch !== undefined;
  }

  #handOver(): boolean {
    const { datapath, queue, another } = this.#open;
    const receiver = {
      frame: (frame: Uint8Array) => this.#give(frame),
      lost: () => this.#lost(-ERRNO.EBADFD),
    };
    if (datapath?.takeTap(queue, receiver, another) !== true) return false;
    askForOffloads(this.#libc, queue);
    return true;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#watch?.close();
    if (this.#isTaken) await this.#takeBack();
    this.#libc.close(this.#open.queue);
    // After it, so that whoever may open the device next finds no queue of ours.
    if (this.#open.claim !== undefined) this.#libc.close(this.#open.claim);
    this.#open.release();
  }

  async #takeBack(): Promise<void> {
    const { datapath, queue } = this.#open;
    refuseOffloads(this.#libc, queue);
    await datapath?.release(queue);
  }

  /** True when there may be more. */
  #readBatch(): boolean {
    for (let count = 0; count < BATCH; count++) {
      if (this.#closed !== undefined) return false;
      const length = this.#libc.read(this.#open.queue, this.#incoming);
      if (length === -ERRNO.EAGAIN) return false;
      if (length === -ERRNO.EINTR) continue;
      if (length < 0) return this.#lost(length);
      this.#take(this.#incoming.subarray(0, length));
    }
    return true;
  }

  #take(packet: Uint8Array): void {
    if (packet.length < VNET_HEADER_LENGTH + ETHERNET_HEADER || !completeFrame(packet)) return;
    this.#give(packet.subarray(VNET_HEADER_LENGTH));
  }

  #give(frame: Uint8Array): void {
    if (this.#closed !== undefined) return;
    try {
      this.#handler(frame);
    } catch (error) {
      this.#failed(error);
    }
  }

  /** The descriptor stays open until it is disposed of: its number would be another's while we still use it. */
  #lost(result: number): false {
    void this.#watch?.close();
    const why = "the interface was deleted; start the node again to make it anew";
    const reason = systemErrorName(result);
    const message = `Cannot read from ${this.name}: ${result === -ERRNO.EBADFD ? why : reason}`;
    this.#failed(new MeshError("NOT_FOUND", message, { details: { reason } }));
    return false;
  }
}
