/** Two ways to run a node: as this process, or as one of its own. */
import { configFlagNames, type ConfigFlags } from "../config/config_flags.ts";
import type { ExitCode } from "../exit_code.ts";
import type { Io } from "../io.ts";
import type { NodeOrder } from "./node_order.ts";

export async function executeOrder(io: Io, order: NodeOrder, detached: boolean): Promise<ExitCode> {
  if (detached) return await (await import("./detach.ts")).detach(io, order);
  const { runNode } = await import("./run_node.ts");
  return await runNode(io, order, ({ join, words }) => {
    io.say(words);
    if (join !== null) io.out(`${join}\n`);
  });
}

/** Of all options of a command those that are settings. */
export function configFlags(options: ConfigFlags): ConfigFlags {
  const given = configFlagNames.filter((name) => options[name] !== undefined);
  return Object.fromEntries(given.map((name) => [name, options[name]]));
}
