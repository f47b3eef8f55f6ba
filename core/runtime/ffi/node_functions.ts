/** The part of `node:ffi` that is used here: the Node that checks the sources may not have its types. */
export interface NodeFfi {
  dlopen(path: string | null, wanted: Record<string, NodeSignature>): NodeLibrary;
  toArrayBuffer(address: bigint, length: number, copy: boolean): ArrayBuffer;
  /** The `uv_loop_t` of this thread. */
  getCurrentEventLoop(): bigint;
}

export interface NodeSignature {
  readonly arguments: readonly string[];
  readonly return: string;
}

interface NodeLibrary {
  readonly lib: {
    registerCallback(signature: NodeSignature, called: NodeCall): bigint;
    unregisterCallback(callback: bigint): void;
    close(): void;
  };
  readonly functions: Readonly<Record<string, NodeCall>>;
}

export type NodeCall = (...values: readonly unknown[]) => unknown;

/** Functions and callbacks by `node:ffi`, given back together. Throws what the module throws. */
export class NodeFunctions {
  readonly #ffi: NodeFfi;
  readonly #opened: NodeLibrary[] = [];
  readonly #errno: Int32Array;

  constructor(ffi: NodeFfi) {
    this.#ffi = ffi;
    const location = this.find(null, "__errno_location", { arguments: [], return: "pointer" })() as bigint;
    this.#errno = new Int32Array(ffi.toArrayBuffer(location, 4, false));
  }

  /** One library for each function: an open one takes a symbol with one signature only, and `ioctl` has several. */
  find(name: string | null, symbol: string, signature: NodeSignature): NodeCall {
    const library = this.#ffi.dlopen(name, { [symbol]: signature });
    this.#opened.push(library);
    return library.functions[symbol]!;
  }

  /** The address of a function that calls `called`, until {@link close}. It must not throw: nobody would catch it. */
  callback(signature: NodeSignature, called: NodeCall): bigint {
    return this.#opened[0]!.lib.registerCallback(signature, called);
  }

  /** `callback` is not running and is called no more. */
  endCallback(callback: bigint): void {
    this.#opened[0]?.lib.unregisterCallback(callback);
  }

  errno(): number {
    return this.#errno[0]!;
  }

  close(): void {
    for (const { lib } of this.#opened.splice(0)) lib.close();
  }
}
