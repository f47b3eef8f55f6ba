import { setImmediate } from "node:timers";
import type { Libc, Watch } from "./libc.ts";

type Call = (...values: readonly (number | string | Uint8Array)[]) => number;

/** The part of the package that is used here. */
export interface Koffi {
  load(path: null): { func(definition: string): Call };
  errno(): number;
  readonly node: {
    poll(descriptor: number, wanted: { readonly readable: true }, seen: () => void): { close(): void };
  };
}

/**
 * The C library that Node itself has loaded, by the package `koffi`. Calls run on the thread that makes them.
 *
 * The wait is libuv's own, which watches any descriptor that epoll takes. A call of `poll` in a thread was rejected:
 * Node's pool has four threads, and names and files would wait behind devices that are silent for hours.
 */
export function koffiLibc(koffi: Koffi): Libc {
  const library = koffi.load(null);
  const wrapped = (definition: string): Call => {
    const call = library.func(definition);
    return (...values) => {
      const result = call(...values);
      return result === -1 ? -koffi.errno() : result;
    };
  };
  const ioctl = wrapped("int ioctl(int, unsigned long, void *)");
  const ioctlValue = wrapped("int ioctl(int, unsigned long, unsigned long)");
  const read = wrapped("long read(int, void *, size_t)");
  const write = wrapped("long write(int, const void *, size_t)");
  const bind = wrapped("int bind(int, const void *, uint32_t)");
  return {
    way: "koffi",
    open: wrapped("int open(const char *, int)"),
    close: wrapped("int close(int)"),
    ioctl,
    ioctlValue,
    setns: wrapped("int setns(int, int)"),
    socket: wrapped("int socket(int, int, int)"),
    bind: (descriptor, address) => bind(descriptor, address, address.length),
    read: (descriptor, into) => read(descriptor, into, into.length),
    write: (descriptor, from) => write(descriptor, from, from.length),
    watch: (descriptor, readable) => new LoopWatch(koffi, descriptor, readable),
    // Node has it loaded anyway.
    [Symbol.dispose]: () => {},
  };
}

/**
 * libuv looks at the descriptor again in every turn, so what `readable` leaves is not lost. It is called in the next
 * phase of the turn: koffi's own callback is none of Node's, so promises that it resolves would wait for the next one.
 */
class LoopWatch implements Watch {
  readonly #handle: { close(): void };
  readonly #readable: () => boolean;
  #due = false;
  #closed = false;

  constructor(koffi: Koffi, descriptor: number, readable: () => boolean) {
    this.#readable = readable;
    this.#handle = koffi.node.poll(descriptor, { readable: true }, () => {
      if (this.#due) return;
      this.#due = true;
      setImmediate(() => this.#look());
    });
  }

  #look(): void {
    this.#due = false;
    if (!this.#closed) this.#readable();
  }

  close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#handle.close();
    }
    return Promise.resolve();
  }
}
