import type { AdminClient } from "../../core/admin/client.ts";
import { type ErrorCode, errorCode, MeshError } from "../../core/contracts/errors.ts";
import { addressOf, type AddressOptions, adminAt, connectAdmin } from "../admin_connection.ts";
import type { Io } from "../io.ts";
import { pause } from "../pause.ts";

export async function stop(io: Io, options: AddressOptions): Promise<void> {
  const { admin } = options;
  if (admin === undefined) await stopNode(io, (await addressOf(options, io)).socket);
  else await untilGone(io, { client: await connectAdmin(options, io), place: admin, gone: goneOnTcp });
  io.say("selvage: stopped\n");
}

const lookMillis = 50;
const patienceMillis = 20_000;

/**
 * Resolves when the node has released its ports and its state: its socket goes last. Rejects `NOT_RUNNING`, and
 * `TIMEOUT` for one that hangs.
 */
export async function stopNode(io: Io, socket: string): Promise<void> {
  await untilGone(io, { client: adminAt(socket), place: socket, gone: goneAtSocket });
}

interface Stopping {
  readonly client: AdminClient;
  /** For people. */
  readonly place: string;
  /** What says that the node has gone. */
  readonly gone: readonly ErrorCode[];
}

/** An answer cut off in the middle means that it is going; the next look tells. */
const goneAtSocket: readonly ErrorCode[] = ["NOT_RUNNING"];
/** A tunnel still listens when the node is gone, and cuts off. */
const goneOnTcp: readonly ErrorCode[] = ["NOT_RUNNING", "UNREACHABLE"];

async function untilGone(io: Io, { client, place, gone }: Stopping): Promise<void> {
  await client.stop(io.interrupted);
  const deadline = io.clock.now() + patienceMillis;
  while (io.clock.now() < deadline) {
    if (await client.version(io.interrupted).then(() => false, (error) => gone.includes(errorCode(error)))) {
      return;
    }
    await pause(io, lookMillis);
  }
  throw new MeshError(
    "TIMEOUT",
    `The node at ${place} agreed to stop and has not ended within 20 s; see its log`,
  );
}
