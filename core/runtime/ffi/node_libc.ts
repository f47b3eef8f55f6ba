import { setImmediate } from "node:timers";
import { isMainThread } from "node:worker_threads";
import { MeshError } from "../../contracts/errors.ts";
import type { Libc, Watch } from "./libc.ts";
import { type NodeCall, type NodeFfi, NodeFunctions } from "./node_functions.ts";
import { ERRNO, systemErrorName } from "./system_error.ts";

/**
 * The C library that Node itself has loaded, by `node:ffi`. Calls run on the thread that makes them. `watch` is for the
 * first thread and throws `UNSUPPORTED` on others: Node ends the whole process when a worker is terminated whose loop has
 * handles that Node did not make, and the module has no way to be told before.
 */
export function nodeFfiLibc(ffi: NodeFfi): Libc {
  const functions = new NodeFunctions(ffi);
  const wrapped = (symbol: string, ...parameters: readonly string[]): SystemCall => {
    const call = functions.find(null, symbol, { arguments: parameters, return: "int32" });
    return (...values) => {
      const result = call(...values) as number;
      return result === -1 ? -functions.errno() : result;
    };
  };
  const open = wrapped("open", "buffer", "int32");
  const ioctl = wrapped("ioctl", "int32", "uint64", "buffer");
  const ioctlValue = wrapped("ioctl", "int32", "uint64", "uint64");
  const bind = wrapped("bind", "int32", "buffer", "uint32");
  // The result is 64 bits wide and the lower half of it is enough for what is read and written here.
  const read = wrapped("read", "int32", "buffer", "uint64");
  const write = wrapped("write", "int32", "buffer", "uint64");
  const loop = new EventLoop(ffi, functions);
  return {
    way: "node:ffi",
    open: (path, flags) => open(new TextEncoder().encode(`${path}\0`), flags),
    close: wrapped("close", "int32"),
    ioctl: (descriptor, request, argument) => ioctl(descriptor, BigInt(request), argument),
    ioctlValue: (descriptor, request, value) => ioctlValue(descriptor, BigInt(request), BigInt(value)),
    setns: wrapped("setns", "int32", "int32"),
    socket: wrapped("socket", "int32", "int32", "int32"),
    bind: (descriptor, address) => bind(descriptor, address, address.length),
    read: (descriptor, into) => read(descriptor, into, BigInt(into.length)),
    write: (descriptor, from) => write(descriptor, from, BigInt(from.length)),
    watch: (descriptor, readable) => {
      if (!isMainThread) throw wrongThread();
      return new LoopWatch(loop, descriptor, readable);
    },
    [Symbol.dispose]: () => functions.close(),
  };
}

type SystemCall = (...values: readonly (number | bigint | Uint8Array)[]) => number;

/** uv.h: `uv_handle_type` of a poll handle, and the event that is waited for. */
const UV_POLL = 8;
const UV_READABLE = 1;

/** What libuv, which is part of the program, has for watching descriptors: the same that Node's own sockets use. */
class EventLoop {
  readonly functions: NodeFunctions;
  readonly #ffi: NodeFfi;
  readonly #size: NodeCall;
  readonly #allocate: NodeCall;
  readonly #free: NodeCall;
  readonly #init: NodeCall;
  readonly #start: NodeCall;
  readonly #close: NodeCall;

  constructor(ffi: NodeFfi, functions: NodeFunctions) {
    const find = (symbol: string, result: string, ...parameters: readonly string[]) =>
      functions.find(null, symbol, { arguments: parameters, return: result });
    this.#ffi = ffi;
    this.functions = functions;
    this.#size = find("uv_handle_size", "uint64", "int32");
    this.#allocate = find("calloc", "pointer", "uint64", "uint64");
    this.#free = find("free", "void", "pointer");
    this.#init = find("uv_poll_init", "int32", "pointer", "pointer", "int32");
    this.#start = find("uv_poll_start", "int32", "pointer", "int32", "pointer");
    this.#close = find("uv_close", "void", "pointer", "pointer");
  }

  /** A handle that calls `seen` while the descriptor is readable or has failed. Throws `BIND_FAILED`. */
  start(descriptor: number, seen: bigint): bigint {
    const handle = this.#allocate(1n, this.#size(UV_POLL)) as bigint;
    const made = handle === 0n
      ? -ERRNO.ENOMEM
      : this.#init(this.#ffi.getCurrentEventLoop(), handle, descriptor) as number;
    if (made < 0) {
      this.#free(handle);
      throw noWatch(systemErrorName(made));
    }
    this.#start(handle, UV_READABLE, seen);
    return handle;
  }

  close(handle: bigint, closed: bigint): void {
    this.#close(handle, closed);
  }

  free(handle: bigint): void {
    this.#free(handle);
  }
}

function noWatch(reason: string): MeshError {
  const message =
    `Cannot wait for a descriptor: uv_poll_init failed with ${reason}; raise the limit of open files`;
  return new MeshError("BIND_FAILED", message, { details: { call: "uv_poll_init", reason } });
}

function wrongThread(): MeshError {
  const message = "Cannot wait for a descriptor: this is a worker and node:ffi the way of calls; " +
    "wait on the first thread, or install koffi";
  return new MeshError("UNSUPPORTED", message);
}

/**
 * libuv looks at the descriptor again in every turn, so what `readable` leaves is not lost. It is called in the next
 * phase of the turn: libuv's callback is none of Node's, so promises that it resolves would wait for the next one.
 */
class LoopWatch implements Watch {
  readonly #loop: EventLoop;
  readonly #readable: () => boolean;
  readonly #seen: bigint;
  readonly #handle: bigint;
  #due = false;
  #closed: Promise<void> | undefined;

  constructor(loop: EventLoop, descriptor: number, readable: () => boolean) {
    this.#loop = loop;
    this.#readable = readable;
    const signature = { arguments: ["pointer", "int32", "int32"], return: "void" };
    this.#seen = loop.functions.callback(signature, () => this.#see());
    try {
      this.#handle = loop.start(descriptor, this.#seen);
    } catch (error) {
      loop.functions.endCallback(this.#seen);
      throw error;
    }
  }

  #see(): void {
    if (this.#due) return;
    this.#due = true;
    setImmediate(() => this.#look());
  }

  #look(): void {
    this.#due = false;
    if (this.#closed === undefined) this.#readable();
  }

  /** The memory of a handle is libuv's until it has called back. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const { functions } = this.#loop;
    const { promise, resolve } = Promise.withResolvers<void>();
    const closed = functions.callback(
      { arguments: ["pointer"], return: "void" },
      () => setImmediate(resolve),
    );
    this.#loop.close(this.#handle, closed);
    await promise;
    this.#loop.free(this.#handle);
    for (const callback of [this.#seen, closed]) functions.endCallback(callback);
  }
}
