import process from "node:process";
import type { Arena } from "../../datapath/arena.ts";
import { MeshError } from "../../contracts/errors.ts";
import type { Foreign, ForeignCalls } from "./foreign.ts";
import { systemErrorName } from "./system_error.ts";

const MEMORY_CALLS = {
  mmap: { parameters: ["address", "u32", "i32", "i32", "i32", "i64"], result: "i64" },
  munmap: { parameters: ["i64", "u32"], result: "i32" },
} as const;

/** sys/mman.h of Linux, the same on x86-64 and arm64 but for MAP_32BIT, which only x86-64 has. */
const READ_AND_WRITE = 0x1 | 0x2;
const MAP = {
  shared: 0x01,
  anonymous: 0x20,
  in32Bits: 0x40,
  populate: 0x8000,
  fixedNoReplace: 0x10_0000,
} as const;

/** Below 2^31 an address stays a positive number in whatever 32-bit arithmetic it meets. */
const LIMIT = 0x8000_0000;
/** Tried where the kernel cannot be asked for the low part: clear of the lowest pages and of what a program may lie at. */
const LOWEST_HINT = 0x1000_0000;
const HINT_STEP = 0x0400_0000;

/**
 * Zeroed memory whose addresses are all below 2^31. It is there for good: bytes of this process may show it for as long as
 * the process lives, so nothing unmaps it. Throws
 *
 * - `INVALID_ARGUMENT`: no positive length below 2^31;
 * - `UNSUPPORTED`: no such memory is left, or this kernel has none; `details.reason` is the system's code where it gave one.
 */
export function mapArena(foreign: Foreign, length: number): Arena {
  if (!Number.isInteger(length) || length < 1 || length >= LIMIT) {
    throw new MeshError(
      "INVALID_ARGUMENT",
      `Cannot map ${length} bytes: give a whole number of them below 2^31`,
    );
  }
  const mapping = new Mapping(foreign, length);
  const flags = MAP.shared | MAP.anonymous | MAP.populate;
  const address = process.arch === "x64"
    ? mapping.at(0, flags | MAP.in32Bits)
    : mapping.atFirstFree(flags | MAP.fixedNoReplace);
  return arenaAt(foreign, address, length);
}

/** The same memory for another thread of this process: its bytes are others, its addresses are not. */
export function arenaAt(foreign: Foreign, address: number, length: number): Arena {
  const buffer = foreign.memory(address, length);
  return { bytes: new Uint8Array(buffer), view: new DataView(buffer), address };
}

/** One attempt after another to place so many bytes. */
export class Mapping {
  readonly #foreign: Foreign;
  readonly #calls: ForeignCalls<typeof MEMORY_CALLS>;
  readonly #length: number;

  constructor(foreign: Foreign, length: number) {
    this.#foreign = foreign;
    this.#calls = foreign.functions(null, MEMORY_CALLS);
    this.#length = length;
  }

  /** The address. `hint` is 0 where the kernel is to choose. */
  at(hint: number, flags: number): number {
    const address = this.#calls.mmap(hint, this.#length, READ_AND_WRITE, flags, -1, 0);
    if (address === -1) {
      const reason = systemErrorName(-this.#foreign.errno());
      throw this.#failure(`mmap failed with ${reason}; free memory, or use smaller buffers`, reason);
    }
    if (address + this.#length > LIMIT) {
      this.#calls.munmap(address, this.#length);
      throw this.#failure("this kernel gives no addresses below 2^31; use the portable data path");
    }
    return address;
  }

  /** For MAP_FIXED_NOREPLACE, which fails where anything lies, and is only a hint to kernels before 4.17. */
  atFirstFree(flags: number): number {
    let failure: unknown;
    for (let hint = LOWEST_HINT; hint + this.#length <= LIMIT; hint += HINT_STEP) {
      try {
        return this.at(hint, flags);
      } catch (error) {
        failure = error;
      }
    }
    throw failure ?? this.#failure("it does not fit below 2^31; use smaller buffers");
  }

  #failure(why: string, reason?: string): MeshError {
    const message = `Cannot map ${this.#length} bytes of memory: ${why}`;
    return new MeshError("UNSUPPORTED", message, { details: { reason } });
  }
}
