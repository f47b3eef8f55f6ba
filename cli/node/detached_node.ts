/** The other side of `--detach`: the process that is the node. Its order comes in, and its first words go out, as JSON. */
import { describeFailure, messageOf } from "../failure.ts";
import { ExitCode, exitCodeOf } from "../exit_code.ts";
import type { Io } from "../io.ts";
import type { NodeOrder, Ready } from "./node_order.ts";
import { runNode } from "./run_node.ts";

/** One line on standard output, the only one. */
export type DetachedReport =
  | { readonly ready: Ready }
  | { readonly failed: { readonly message: string; readonly exitCode: ExitCode } };

export async function runDetachedNode(io: Io): Promise<ExitCode> {
  const report = (line: DetachedReport) => io.out(`${JSON.stringify(line)}\n`);
  try {
    const order = JSON.parse(await io.read()) as NodeOrder;
    return await runNode(io, order, (ready) => report({ ready }));
  } catch (error) {
    const exitCode = exitCodeOf(error);
    io.say(describeFailure(error, io));
    report({ failed: { message: messageOf(error), exitCode } });
    return exitCode;
  }
}
