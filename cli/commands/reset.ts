import { existsSync } from "node:fs";
import { errorCode, MeshError } from "../../core/contracts/errors.ts";
import { addressOf, type AddressOptions } from "../admin_connection.ts";
import type { Io } from "../io.ts";
import { resetPorts } from "../node/port_traces.ts";
import { ownTraces, removeTraces, requireUnused } from "../node/traces.ts";
import { stopNode } from "./stop.ts";

export interface ResetOptions extends AddressOptions {
  readonly force?: boolean;
}

/**
 * Also what the node has made on the host. Rejects `INVALID_ARGUMENT` where nobody can be asked and `--force` is missing, and `ALREADY_RUNNING` for a node that
 * cannot be reached.
 */
export async function reset(io: Io, options: ResetOptions): Promise<void> {
  const { stateDir, socket } = await addressOf(options, io);
  if (ownTraces(stateDir).length === 0 && !existsSync(socket)) {
    return io.say(`selvage: there is nothing to reset in ${stateDir}\n`);
  }
  if (!options.force && !await isAgreed(io, stateDir)) return io.say("selvage: nothing was changed\n");
  await stopIfRunning(io, socket);
  requireUnused(stateDir);
  await resetPorts(stateDir, io);
  const removed = removeTraces(stateDir);
  for (const path of removed) io.say(`selvage: removed ${path}\n`);
}

async function isAgreed(io: Io, stateDir: string): Promise<boolean> {
  if (!io.interactive) {
    throw new MeshError(
      "INVALID_ARGUMENT",
      `Cannot ask whether to forget the node in ${stateDir}; insist with --force`,
    );
  }
  const question = `Forget the node in ${stateDir}, its identity and its network, for good? [y/N] `;
  return /^y(es)?$/i.test((await io.ask(question)).trim());
}

async function stopIfRunning(io: Io, socket: string): Promise<void> {
  try {
    await stopNode(io, socket);
  } catch (error) {
    if (errorCode(error) !== "NOT_RUNNING") throw error;
  }
}
