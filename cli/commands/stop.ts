import { addressOf, type AddressOptions, adminAt } from "../admin_connection.ts";
import { errorCode, MeshError } from "../../core/contracts/errors.ts";
import type { Io } from "../io.ts";
import { pause } from "../pause.ts";

export async function stop(io: Io, options: AddressOptions): Promise<void> {
  const { socket } = await addressOf(options, io);
  await stopNode(io, socket);
  io.say("selvage: stopped\n");
}

const lookMillis = 50;
const patienceMillis = 20_000;

/**
 * Resolves when the node has released its ports and its state: its socket goes last. Rejects `NOT_RUNNING`, and
 * `TIMEOUT` for one that hangs.
 */
export async function stopNode(io: Io, socket: string): Promise<void> {
  const client = adminAt(socket);
  await client.stop(io.interrupted);
  const deadline = io.clock.now() + patienceMillis;
  while (io.clock.now() < deadline) {
    if (await client.version(io.interrupted).then(() => false, isGone)) return;
    await pause(io, lookMillis);
  }
  throw new MeshError(
    "TIMEOUT",
    `The node at ${socket} agreed to stop and has not ended within 20 s; see its log`,
  );
}

/** Also an answer cut off in the middle means that it is going; the next look tells. */
function isGone(error: unknown): boolean {
  return errorCode(error) === "NOT_RUNNING";
}
