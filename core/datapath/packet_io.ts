/**
 * The system calls of the data path, on addresses in its arena. Results are those of the kernel: zero or more, or a negated
 * error number. Nothing allocates and nothing throws.
 */
export interface PacketIo {
  read(descriptor: number, address: number, length: number): number;
  /** `iov`: address of `count` entries of `struct iovec`. */
  writev(descriptor: number, iov: number, count: number): number;
  /** `message`: address of a `struct msghdr`. */
  recvmsg(descriptor: number, message: number, flags: number): number;
  sendmsg(descriptor: number, message: number, flags: number): number;
  /** `entries`: address of `count` entries of `struct pollfd`. A timeout of −1 waits for ever. */
  poll(entries: number, count: number, timeout: number): number;
  /** Writes a `struct timespec` of 16 bytes: seconds and nanoseconds of a clock that never goes back. */
  clockMonotonic(address: number): number;
  /** Sleeps for so many microseconds. */
  pause(micros: number): number;
}

/** Of the kernel, negated; the same on x86-64 and arm64. */
export const ErrorNumber = {
  interrupted: -4,
  again: -11,
  invalid: -22,
  io: -5,
  messageSize: -90,
  noBuffers: -105,
  addressNotAvailable: -99,
  networkUnreachable: -101,
} as const;

/** MSG_DONTWAIT. */
export const dontWait = 0x40;
