/** Shows something again and again, as `watch` does, but tells of a node that went away and goes on when it is back. */
import { errorCode, MeshError } from "../core/contracts/errors.ts";
import { messageOf } from "./failure.ts";
import type { Io } from "./io.ts";
import { pause } from "./pause.ts";

/** Cursor home, and nothing below it: ECMA-48 CUP and ED. */
const clearScreen = "\u001b[H\u001b[2J";

/** Resolves when interrupted. Rejects with what the first `show` rejects with, and later with all but `NOT_RUNNING`. */
export async function watch(io: Io, intervalMillis: number, show: () => Promise<void>): Promise<void> {
  for (let shown = 0; !io.interrupted.aborted; shown++) {
    if (io.colours) io.out(clearScreen);
    else if (shown > 0) io.out("\n");
    await show().catch((error: unknown) => tolerate(io, error, shown > 0));
    await pause(io, intervalMillis).catch(() => {});
  }
}

function tolerate(io: Io, error: unknown, isLater: boolean): void {
  if (io.interrupted.aborted) return;
  if (!isLater || errorCode(error) !== "NOT_RUNNING") throw error;
  io.say(`selvage: ${messageOf(error)}\n`);
}

/** Milliseconds. Throws `INVALID_ARGUMENT` for what is no number of seconds from 0.1 to 3,600. */
export function parseInterval(text: string): number {
  const seconds = Number(text);
  if (text.trim() !== "" && seconds >= 0.1 && seconds <= 3600) return seconds * 1000;
  throw new MeshError("INVALID_ARGUMENT", `--interval takes a number from 0.1 to 3600, not "${text}"`);
}
