import type { Io } from "./io.ts";

/** Resolves after so many milliseconds; rejects with the reason of an interruption. */
export async function pause(
  { clock, interrupted }: Pick<Io, "clock" | "interrupted">,
  millis: number,
): Promise<void> {
  interrupted.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = clock.timer(clock.now() + millis, resolve);
  const abort = () => reject(interrupted.reason);
  interrupted.addEventListener("abort", abort, { once: true });
  try {
    await promise;
  } finally {
    timer.cancel();
    interrupted.removeEventListener("abort", abort);
  }
}
