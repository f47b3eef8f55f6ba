import { type CaptureOptions, captureOrder } from "../capture/capture_order.ts";
import type { ConfigFlags } from "../config/config_flags.ts";
import type { ExitCode } from "../exit_code.ts";
import type { Io } from "../io.ts";
import type { NodeOrder } from "../node/node_order.ts";
import { configFlags, executeOrder } from "../node/execute_order.ts";
import { type PasswordOptions, readPassword } from "../node/secret_input.ts";

export interface LaunchOptions extends ConfigFlags, PasswordOptions, CaptureOptions {
  readonly detach?: boolean;
}

export async function launch(
  io: Io,
  endpoints: readonly string[],
  options: LaunchOptions,
): Promise<ExitCode> {
  const capture = captureOrder(options);
  const password = await readPassword(options, io);
  const order: NodeOrder = {
    ...capture === undefined ? {} : { capture },
    flags: configFlags(options),
    entry: { kind: "launch", endpoints, ...password === undefined ? {} : { password } },
  };
  return await executeOrder(io, order, options.detach === true);
}
