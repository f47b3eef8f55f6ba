import type { Arena } from "../../datapath/arena.ts";
import type { Foreign, ForeignCalls } from "./foreign.ts";
import { mapArena } from "./system_arena.ts";

/** Lengths are `u32` and results `i32` although the C library has `size_t` and `ssize_t`: see `deno_foreign.ts`. */
const SYMBOLS = {
  read: { parameters: ["i32", "address", "u32"], result: "i32" },
  write: { parameters: ["i32", "address", "u32"], result: "i32" },
  writev: { parameters: ["i32", "address", "i32"], result: "i32" },
  recvmsg: { parameters: ["i32", "address", "i32"], result: "i32" },
  sendmsg: { parameters: ["i32", "address", "i32"], result: "i32" },
  poll: { parameters: ["address", "u32", "i32"], result: "i32" },
  clock: { symbol: "clock_gettime", parameters: ["i32", "address"], result: "i32" },
  pause: { symbol: "usleep", parameters: ["u32"], result: "i32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "address", "u32"], result: "i32" },
  getsockname: { parameters: ["i32", "address", "address"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "address", "u32"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "address", "address"], result: "i32" },
  // Variadic, but with the third argument in a register all the same on every Linux that is served here.
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
} as const;

const CLOCK_MONOTONIC = 1;
/** EFD_CLOEXEC and EFD_NONBLOCK. */
const EVENT_FLAGS = 0o2000000 | 0o4000;
/** F_DUPFD_CLOEXEC, with 3 as the lowest number. */
const DUPLICATE = 1030;
/** Of a set-up call's argument; a socket address of 28 bytes and its length are the most. */
const SCRATCH_LENGTH = 4096;

/**
 * The system calls of the data path, for the thread that made this. Numbers in, a number out: the kernel's result, or a
 * negated error number. A call allocates nothing and throws nothing, and memory is named by addresses below 2^31 that
 * the caller keeps mapped (see `system_arena.ts`); what lies there is the kernel's business, so an address that is wrong
 * gives -EFAULT at best, and ends the process where the C library asks no kernel, as for the clock.
 */
export class PacketCalls {
  readonly #foreign: Foreign;
  readonly #calls: ForeignCalls<typeof SYMBOLS>;
  readonly #scratch: Arena;

  constructor(foreign: Foreign) {
    this.#foreign = foreign;
    this.#calls = foreign.functions(null, SYMBOLS);
    this.#scratch = mapArena(foreign, SCRATCH_LENGTH);
  }

  /** Bytes read. */
  read(descriptor: number, address: number, length: number): number {
    const result = this.#calls.read(descriptor, address, length);
    return result === -1 ? -this.#foreign.errno() : result;
  }

  /** Bytes written. */
  write(descriptor: number, address: number, length: number): number {
    const result = this.#calls.write(descriptor, address, length);
    return result === -1 ? -this.#foreign.errno() : result;
  }

  /** `vectors` is an array of `struct iovec`: address and length, 8 bytes each, little-endian. Bytes written. */
  writev(descriptor: number, vectors: number, count: number): number {
    const result = this.#calls.writev(descriptor, vectors, count);
    return result === -1 ? -this.#foreign.errno() : result;
  }

  /** `message` is a `struct msghdr`. Bytes received, of all datagrams that came as one under UDP_GRO. */
  recvmsg(descriptor: number, message: number, flags: number): number {
    const result = this.#calls.recvmsg(descriptor, message, flags);
    return result === -1 ? -this.#foreign.errno() : result;
  }

  /** `message` is a `struct msghdr`. Bytes sent. */
  sendmsg(descriptor: number, message: number, flags: number): number {
    const result = this.#calls.sendmsg(descriptor, message, flags);
    return result === -1 ? -this.#foreign.errno() : result;
  }

  /** `descriptors` is an array of `struct pollfd`. How many of them saw something; `timeout` in milliseconds, -1 for none. */
  poll(descriptors: number, count: number, timeout: number): number {
    const result = this.#calls.poll(descriptors, count, timeout);
    return result === -1 ? -this.#foreign.errno() : result;
  }

  /** Writes a `struct timespec` to `address`: seconds and nanoseconds of CLOCK_MONOTONIC, 8 bytes each. */
  clockMonotonic(address: number): number {
    const result = this.#calls.clock(CLOCK_MONOTONIC, address);
    return result === -1 ? -this.#foreign.errno() : result;
  }

  /** Sleeps for so many microseconds, less than a million. */
  pause(micros: number): number {
    const result = this.#calls.pause(micros);
    return result === -1 ? -this.#foreign.errno() : result;
  }

  /** A descriptor. */
  socket(family: number, type: number, protocol: number): number {
    return this.#checked(this.#calls.socket(family, type, protocol));
  }

  /** `name` is a `sockaddr` of exactly its length. */
  bind(descriptor: number, name: Uint8Array): number {
    this.#scratch.bytes.set(name);
    return this.#checked(this.#calls.bind(descriptor, this.#scratch.address, name.length));
  }

  /** Fills `name` with the `sockaddr` that the socket is bound to, cut to the length of `name`. */
  getsockname(descriptor: number, name: Uint8Array): number {
    const { bytes, view, address } = this.#scratch;
    view.setUint32(0, name.length, true);
    const result = this.#checked(this.#calls.getsockname(descriptor, address + 8, address));
    name.set(bytes.subarray(8, 8 + name.length));
    return result;
  }

  /** For options that are an `int`, as nearly all are. */
  setsockopt(descriptor: number, level: number, option: number, value: number): number {
    this.#scratch.view.setInt32(0, value, true);
    const { address } = this.#scratch;
    return this.#checked(this.#calls.setsockopt(descriptor, level, option, address, 4));
  }

  /** The value of an option that is an `int` of zero or more. */
  getsockopt(descriptor: number, level: number, option: number): number {
    const { view, address } = this.#scratch;
    view.setUint32(0, 4, true);
    const result = this.#checked(this.#calls.getsockopt(descriptor, level, option, address + 8, address));
    return result < 0 ? result : view.getInt32(8, true);
  }

  /** A descriptor that is not blocking: its counter wakes a {@link poll} of another thread. */
  eventfd(): number {
    return this.#checked(this.#calls.eventfd(0, EVENT_FLAGS));
  }

  /** Another descriptor of the same open file, which lives on when the first is closed. */
  duplicate(descriptor: number): number {
    return this.#checked(this.#calls.fcntl(descriptor, DUPLICATE, 3));
  }

  close(descriptor: number): number {
    return this.#checked(this.#calls.close(descriptor));
  }

  #checked(result: number): number {
    return result === -1 ? -this.#foreign.errno() : result;
  }
}
