import type { Endpoint } from "./values.ts";

/**
 * A way for packets past the main thread. The socket of the underlay and the device of the links are handed over to it by
 * those who opened them; it reads both, carries what it understands by itself, and gives the rest back, whole and as it came.
 * Whoever opened a descriptor may go on writing to it.
 */
export interface Datapath {
  /**
   * Reads the socket from now on. `receive` is called with what is left to this thread; `datagram` is valid during the call
   * only. False when there is a socket already: then this one is not touched.
   */
  takeSocket(socket: UnderlayDescriptor, receive: DatagramReceiver): boolean;
  /** The same for a TAP device that was opened with all offloads; frames that come back have none pending. */
  takeTap(descriptor: number, receiver: FrameReceiver): boolean;
  /** Resolves when the descriptor is not used any more, so that it can be closed. */
  release(descriptor: number): Promise<void>;
}

export interface UnderlayDescriptor {
  readonly descriptor: number;
  /** Of the socket's addresses: one of IPv6 shows senders of IPv4 as mapped addresses. */
  readonly family: 4 | 6;
}

export type DatagramReceiver = (datagram: Uint8Array, from: Endpoint) => void;

export interface FrameReceiver {
  /** `frame` is valid during the call only. */
  receive(frame: Uint8Array): void;
  /** The device was deleted: nothing comes from it any more. */
  lost(): void;
}
