/** Commands of the client against an API whose node is made of constants. */
import { join } from "node:path";
import type { AdminParts } from "../../core/admin/parts.ts";
import { FixtureNode } from "../../core/admin/mesh_node_fixture.ts";
import { type Ran, run, temporaryDirectory } from "../io_fixture.ts";
import type { Io } from "../io.ts";
import { serveAdmin } from "../serve_admin.ts";

/** A command line, split at spaces unless it is given in words. */
export type Run = (line: string | readonly string[], given?: Partial<Io>) => Promise<Ran>;

export async function withNode(
  body: (run: Run, node: FixtureNode) => Promise<void>,
  parts: Pick<AdminParts, "levels" | "config"> = {},
): Promise<void> {
  using directory = temporaryDirectory();
  const node = new FixtureNode();
  const socket = join(directory.path, "admin.sock");
  const stopped = Promise.withResolvers<void>();
  const { levels, config } = parts;
  await using server = await serveAdmin(node, {
    socket,
    stop: stopped.resolve,
    ...levels === undefined ? {} : { levels },
    ...config === undefined ? {} : { config },
  });
  void stopped.promise.then(() => server[Symbol.asyncDispose]());
  const words = (line: string | readonly string[]) => typeof line === "string" ? line.split(" ") : line;
  await body((line, given) => run([...words(line), "--socket", socket], given), node);
}
