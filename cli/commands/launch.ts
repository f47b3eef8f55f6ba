import { MeshError } from "../../core/contracts/errors.ts";
import { type CaptureOptions, captureOrder } from "../capture/capture_order.ts";
import type { ConfigFlags } from "../config/config_flags.ts";
import type { ExitCode } from "../exit_code.ts";
import type { Io } from "../io.ts";
import type { NodeOrder } from "../node/node_order.ts";
import { configFlags, executeOrder } from "../node/execute_order.ts";
import { type PasswordOptions, readPassword } from "../node/secret_input.ts";

export interface LaunchOptions extends ConfigFlags, PasswordOptions, CaptureOptions {
  readonly detach?: boolean;
  readonly resume?: boolean;
}

export async function launch(
  io: Io,
  endpoints: readonly string[],
  options: LaunchOptions,
): Promise<ExitCode> {
  if (options.resume === true && endpoints.length > 0) {
    throw new MeshError(
      "INVALID_ARGUMENT",
      "Cannot launch with --resume and with endpoints: one is the list of the last launch, the other a new one",
    );
  }
  const capture = captureOrder(options);
  const password = await readPassword(options, io);
  const order: NodeOrder = {
    ...capture === undefined ? {} : { capture },
    flags: configFlags(options),
    entry: {
      kind: "launch",
      endpoints,
      ...password === undefined ? {} : { password },
      ...options.resume === true ? { resume: true } : {},
    },
  };
  return await executeOrder(io, order, options.detach === true);
}
