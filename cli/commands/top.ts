import type { AdminClient } from "../../core/admin/client.ts";
import { type AddressOptions, connectAdmin } from "../admin_connection.ts";
import { ExitCode } from "../exit_code.ts";
import type { Io } from "../io.ts";
import { type OutputFormat, printData } from "../output.ts";
import { pause } from "../pause.ts";
import { compare, type Reading, topScreen } from "../views/top.ts";
import { parseInterval, watch } from "../watch.ts";

export interface TopOptions extends AddressOptions {
  readonly output: OutputFormat;
  readonly once?: boolean;
  readonly interval: string;
}

/** Ctrl-C, which is a key while keys are read. */
const enough = new Set(["q", "Q", "\u0003"]);

/** Ends when interrupted, by `q` on a terminal, or after one interval with `--once`. */
export async function top(io: Io, options: TopOptions): Promise<ExitCode> {
  const interval = parseInterval(options.interval);
  const client = await connectAdmin(options, io);
  const quit = new AbortController();
  const world: Io = { ...io, interrupted: AbortSignal.any([io.interrupted, quit.signal]) };
  const release = options.once === true ? () => {} : io.keys((key) => {
    if (enough.has(key)) quit.abort();
  });
  try {
    await showAll(world, client, { ...options, interval });
  } catch (error) {
    if (!world.interrupted.aborted) throw error;
  } finally {
    release();
  }
  return ExitCode.ok;
}

interface Showing {
  readonly output: OutputFormat;
  readonly once?: boolean;
  /** Milliseconds. */
  readonly interval: number;
}

async function showAll(io: Io, client: AdminClient, { output, once, interval }: Showing): Promise<void> {
  let before = await read(io, client);
  const show = async () => {
    const after = await read(io, client);
    const document = compare(before, after);
    before = after;
    await printData(io, output, document, (made) => topScreen(io, made));
  };
  await pause(io, interval);
  if (once === true) await show();
  // A screen is cleared for people only; documents come one after the other.
  else await watch(output === "table" ? io : { ...io, colours: false }, interval, show);
}

async function read(io: Io, client: AdminClient): Promise<Reading> {
  const [status, connections] = await Promise.all([
    client.status(io.interrupted),
    client.connections(io.interrupted),
  ]);
  return { at: io.clock.now(), status, connections };
}
