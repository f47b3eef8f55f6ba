import type { Endpoint } from "./values.ts";

/**
 * Threads that carry packets past the one which decides. Whoever opens the socket of the underlay, or the TAP device,
 * hands its descriptor over: a thread reads it, finishes what it understands by itself, and gives back the rest, whole and
 * as it came. Writing to the descriptor stays open to whoever opened it.
 */
export interface Datapath {
  /**
   * Reads the socket from now on; `receive` is called with what is left to this thread. False when a socket is read
   * already: this one is not touched. Throws what `another` throws; then nothing is taken.
   */
  takeSocket(socket: UnderlayDescriptor, receive: DatagramReceiver, another: OpenAnother): boolean;
  /** The same for a TAP device with a header for offloads before each frame. */
  takeTap(descriptor: number, receiver: FrameReceiver, another: OpenAnother): boolean;
  /**
   * Address of this host that whoever is there has sent to, 16 bytes, one of IPv4 mapped: what goes there is to leave from
   * it. Undefined when none is known. `sockaddr` is in the form that the socket's family takes.
   */
  sourceOf(sockaddr: Uint8Array): Uint8Array | undefined;
  /** Nothing can leave from that address any more. */
  forgetSource(sockaddr: Uint8Array): void;
  /** Resolves when the descriptor is not used any more, so that it can be closed. Harmless for any other number. */
  release(descriptor: number): Promise<void>;
}

/**
 * Opens a further socket of the same port, or a further queue of the same device, between which the kernel spreads flows, and
 * gives its descriptor: where there are several threads each one reads its own. Called before `takeSocket` and `takeTap`
 * return; the data path closes what it got so.
 */
export type OpenAnother = () => number;

export interface UnderlayDescriptor {
  readonly descriptor: number;
  /** One of IPv6 shows senders of IPv4 as mapped addresses. */
  readonly family: 4 | 6;
}

/** `datagram` is the receiver's to keep. */
export type DatagramReceiver = (datagram: Uint8Array, from: Endpoint) => void;

export interface FrameReceiver {
  /** An Ethernet frame with its checksums complete, the receiver's to keep. */
  frame(frame: Uint8Array): void;
  /** The device was deleted: nothing comes from it any more. */
  lost(): void;
}
