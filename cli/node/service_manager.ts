/**
 * Tells systemd how the node is, for units of `Type=notify`: sd_notify(3). Through the program `systemd-notify`, since
 * neither runtime has datagram sockets of AF_UNIX; hence `NotifyAccess=all` in the unit.
 */
import type { Logger } from "../../core/contracts/host.ts";
import { runCommand } from "../../core/runtime/command.ts";
import type { Io } from "../io.ts";

export type ServiceState = "READY=1" | "STOPPING=1";

/** Does nothing outside of such a unit. Never rejects: a node that cannot say that it is ready is ready all the same. */
export async function tellServiceManager(
  { environment }: Pick<Io, "environment">,
  state: ServiceState,
  log: Logger,
): Promise<void> {
  const socket = environment["NOTIFY_SOCKET"];
  if (!socket) return;
  try {
    // Through env: a command of ours inherits nothing, for our environment may hold secrets.
    const { code, stderr } = await runCommand({
      program: "env",
      args: [`NOTIFY_SOCKET=${socket}`, "systemd-notify", state],
    });
    if (code !== 0) log.log("warn", "Cannot tell systemd", { what: state, reason: stderr.trim() });
  } catch (error) {
    log.log("warn", "Cannot tell systemd", { what: state, error });
  }
}
