import { setImmediate } from "node:timers";
import { MeshError } from "../../contracts/errors.ts";
import { callMemory, type Libc, type Watch } from "./libc.ts";
import { systemErrorName } from "./system_error.ts";

const symbols = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  ioctl: { parameters: ["i32", "usize", "buffer"], result: "i32" },
  ioctlValue: { name: "ioctl", parameters: ["i32", "usize", "usize"], result: "i32" },
  setns: { parameters: ["i32", "i32"], result: "i32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  // The result is 64 bits wide and the lower half of it is enough for what is read and written here.
  read: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  poll: { parameters: ["buffer", "usize", "i32"], result: "i32", nonblocking: true },
  __errno_location: { parameters: [], result: "pointer" },
} as const;

type Call = (...values: readonly (number | bigint | Uint8Array)[]) => number;
type Calls = Readonly<Record<Exclude<keyof typeof symbols, "poll" | "__errno_location">, Call>> & {
  poll(descriptors: Uint8Array, count: bigint, timeout: number): Promise<number>;
  __errno_location(): object;
};

/** The part of the `Deno` global that is used here. Its real types do not exist where Node checks the sources. */
export interface DenoFfi {
  dlopen(path: string, wanted: typeof symbols): { readonly symbols: Calls; close(): void };
  readonly UnsafePointerView: { getArrayBuffer(pointer: object, length: number): ArrayBuffer };
}

/**
 * The C library by `Deno.dlopen`. Throws what Deno throws: without `--allow-ffi`, or where the C library is not glibc.
 * Belongs to the thread that made it, whose `errno` it reads. Lengths are passed as BigInt, for `usize` is slow with numbers.
 */
export function denoLibc(deno: DenoFfi): Libc {
  const library = deno.dlopen("libc.so.6", symbols);
  const calls = library.symbols;
  const errno = new Int32Array(deno.UnsafePointerView.getArrayBuffer(calls.__errno_location(), 4));
  const checked = (result: number): number => result === -1 ? -errno[0]! : result;
  return {
    way: "Deno.dlopen",
    open: (path, flags) => checked(calls.open(new TextEncoder().encode(`${path}\0`), flags)),
    close: (descriptor) => checked(calls.close(descriptor)),
    ioctl: (descriptor, request, argument) => checked(calls.ioctl(descriptor, BigInt(request), argument)),
    ioctlValue: (descriptor, request, value) =>
      checked(calls.ioctlValue(descriptor, BigInt(request), BigInt(value))),
    setns: (descriptor, kind) => checked(calls.setns(descriptor, kind)),
    socket: (family, type, protocol) => checked(calls.socket(family, type, protocol)),
    bind: (descriptor, address) => checked(calls.bind(descriptor, address, address.length)),
    read: (descriptor, into) => checked(calls.read(descriptor, into, BigInt(into.length))),
    write: (descriptor, from) => checked(calls.write(descriptor, from, BigInt(from.length))),
    watch: (descriptor, readable) => {
      const wake = checked(calls.eventfd(0, closeOnExec));
      if (wake < 0) throw noWatch(systemErrorName(wake));
      return new PollWatch({ calls, descriptor, wake, readable });
    },
    [Symbol.dispose]: () => library.close(),
  };
}

function noWatch(reason: string): MeshError {
  const message =
    `Cannot wait for a descriptor: eventfd failed with ${reason}; raise the limit of open files`;
  return new MeshError("BIND_FAILED", message, { details: { call: "eventfd", reason } });
}

/** EFD_CLOEXEC. */
const closeOnExec = 0o2000000;
const POLLIN = 1;

interface PollWatchOptions {
  readonly calls: Calls;
  readonly descriptor: number;
  /** An eventfd, this watch's own. */
  readonly wake: number;
  readonly readable: () => boolean;
}

/**
 * `poll` in a thread of Deno's pool, which waits for the descriptor and for an eventfd that ends the wait: closing a
 * descriptor does not wake who polls it, and its number may soon be another's.
 */
class PollWatch implements Watch {
  readonly #options: PollWatchOptions;
  readonly #ended: Promise<void>;
  #closed = false;

  constructor(options: PollWatchOptions) {
    this.#options = options;
    this.#ended = this.#run();
  }

  close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      // Adds to the counter of the eventfd: 8 bytes in the machine's byte order.
      const one = new Uint8Array(BigUint64Array.of(1n).buffer);
      this.#options.calls.write(this.#options.wake, one, 8n);
    }
    return this.#ended;
  }

  async #run(): Promise<void> {
    const { calls, descriptor, wake, readable } = this.#options;
    // Held by this frame for as long as a thread may write to it.
    const waits = pollEntries([descriptor, wake]);
    try {
      while (!this.#closed) {
        await calls.poll(waits, 2n, -1);
        while (!this.#closed && isReady(waits) && readable()) await new Promise((done) => setImmediate(done));
      }
    } finally {
      calls.close(wake);
    }
  }
}

/** `struct pollfd`: descriptor of 4 bytes, wanted events of 2, seen events of 2, in the machine's byte order. */
function pollEntries(descriptors: readonly number[]): Uint8Array {
  const entries = callMemory(8 * descriptors.length);
  const view = new DataView(entries.buffer);
  for (const [i, descriptor] of descriptors.entries()) {
    view.setInt32(8 * i, descriptor, true);
    view.setInt16(8 * i + 4, POLLIN, true);
  }
  return entries;
}

/** The first entry saw something, be it an error. An interrupted call leaves the entries as they were: zero or older. */
function isReady(entries: Uint8Array): boolean {
  return entries[6] !== 0 || entries[7] !== 0;
}
