/** A thread that makes a failing call of its own and writes to an arena that another thread has mapped. */
import { parentPort } from "node:worker_threads";
import type { ForeignWay } from "./foreign.ts";
import { arenaAt } from "./system_arena.ts";
import { systemForeign } from "./system_foreign.ts";

export interface ThreadQuestion {
  readonly way: ForeignWay;
  readonly address: number;
}

export interface ThreadAnswer {
  readonly errno: number;
  /** The first byte of the arena as this thread found it. */
  readonly found: number;
}

async function ask({ way, address }: ThreadQuestion): Promise<ThreadAnswer> {
  using foreign = await systemForeign(way);
  const { close } = foreign.functions(null, { close: { parameters: ["i32"], result: "i32" } });
  close(-1);
  const errno = foreign.errno();
  const { bytes } = arenaAt(foreign, address, 16);
  const found = bytes[0]!;
  bytes[1] = found + 1;
  return { errno, found };
}

parentPort?.on("message", (question: ThreadQuestion) => {
  void ask(question).then((answer) => parentPort?.postMessage(answer));
});
