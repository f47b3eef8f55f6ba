/**
 * Gives back to the system what the C library keeps and nobody uses. glibc serves each thread from an arena of its own and
 * returns only what is free at its end. Compilers of the engine run in a dozen threads, each of which takes megabytes for
 * a moment, and what one of them has let go of is of no use to the others. Measured under load: the arenas held 21 MiB without
 * this and hold 7 to 9 with it, and the whole process 12 less.
 *
 * Rejected: fewer arenas, by `mallopt`, as those of the engine are there before the first line of ours runs; by the variable
 * MALLOC_ARENA_MAX, as it is for whoever starts the process to set; a lower M_TRIM_THRESHOLD, which is for the end of the
 * main arena alone.
 */
import { errorCode } from "../contracts/errors.ts";
import type { Clock, Timer } from "../contracts/host.ts";
import type { Foreign, ForeignCalls, ForeignWay } from "./ffi/foreign.ts";
import { type ForeignSources, systemSources } from "./ffi/foreign_ways.ts";
import { systemForeign } from "./ffi/system_foreign.ts";

const CALLS = { trim: { symbol: "malloc_trim", parameters: ["u32"], result: "i32" } } as const;

/** Between two times. One takes a millisecond where little was freed, and 20 the first time after a start. */
export const trimMillis = 5_000;

/** The part of the `Deno` global that is used here. Its real types do not exist where Node checks the sources. */
interface DenoPermissions {
  readonly permissions: { querySync(wanted: { readonly name: "ffi" }): { readonly state: string } };
}

/**
 * Until the result is disposed. Undefined, and nothing is done, where C libraries cannot be called, or not before somebody
 * was asked for leave, and where the C library is none that has such a call.
 */
export async function startMemoryTrim(
  clock: Clock,
  prefer?: ForeignWay,
  sources: ForeignSources = systemSources,
): Promise<MemoryTrim | undefined> {
  if (!mayCall()) return undefined;
  try {
    return new MemoryTrim(await systemForeign(prefer, sources), clock);
  } catch (error) {
    if (errorCode(error) === "UNSUPPORTED") return undefined;
    throw error;
  }
}

/** Without leave Deno would ask whoever sits at the terminal. */
function mayCall(): boolean {
  const { Deno: deno } = globalThis as { readonly Deno?: DenoPermissions };
  return deno === undefined || deno.permissions.querySync({ name: "ffi" }).state === "granted";
}

export class MemoryTrim implements Disposable {
  readonly #foreign: Foreign;
  readonly #calls: ForeignCalls<typeof CALLS>;
  readonly #clock: Clock;
  #timer: Timer;

  /** Disposes `foreign` when it is disposed itself, and where it throws `UNSUPPORTED`: there is no such call. */
  constructor(foreign: Foreign, clock: Clock) {
    this.#foreign = foreign;
    this.#clock = clock;
    try {
      this.#calls = foreign.functions(null, CALLS);
    } catch (error) {
      foreign[Symbol.dispose]();
      throw error;
    }
    this.#timer = this.#next();
  }

  [Symbol.dispose](): void {
    this.#timer.cancel();
    this.#foreign[Symbol.dispose]();
  }

  #next(): Timer {
    return this.#clock.timer(this.#clock.now() + trimMillis, () => {
      // What is to stay free at the end of the main arena: nothing.
      this.#calls.trim(0);
      this.#timer = this.#next();
    });
  }
}
