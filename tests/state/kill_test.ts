import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Store } from "../../core/contracts/store.ts";
import { test } from "../harness.ts";
import { openBed, startFails } from "./sqlite_bed.ts";

const fixture = fileURLToPath(import.meta.resolve("./commit_forever.ts"));
const runtimeArguments = "Deno" in globalThis ? ["run", "-A"] : ["-C", "source"];

test("what was acknowledged before a kill -9 is there afterwards, whole batches only, and no lock is left", () =>
  openBed(async (bed) => {
    let before = 0;
    for (const acknowledgements of [1, 40, 400]) {
      const acknowledged = await commitAndKill(bed.directory, acknowledgements, async () => {
        await startFails(bed, { code: "ALREADY_RUNNING" });
      });
      assert.ok(acknowledged.length >= acknowledgements);
      await bed.run((store) => {
        const kept = pairs(store);
        for (const number of acknowledged) assert.ok(kept.has(number), `commit ${number} is lost`);
        assert.ok(kept.size >= before, "an earlier commit is lost");
        before = kept.size;
      });
    }
  }));

/** Numbers of the commits on disk; fails on half a batch. */
function pairs(store: Store): Set<number> {
  const numbers = (side: string) =>
    [...store.entries(`${side}/`)].map(([key]) => Number(key.slice(side.length + 1)));
  assert.deepEqual(numbers("left"), numbers("right"));
  return new Set(numbers("left"));
}

/** Lets a process commit, kills it after so many acknowledgements, and gives all that it had printed. */
async function commitAndKill(
  directory: string,
  count: number,
  whileRunning: () => Promise<void>,
): Promise<number[]> {
  const child = spawn(process.execPath, [...runtimeArguments, fixture, directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = new Promise<NodeJS.Signals | null>((resolve) =>
    child.once("exit", (_, signal) => resolve(signal))
  );
  const acknowledged: number[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged.push(Number(line));
    if (acknowledged.length === 1) await whileRunning();
    if (acknowledged.length === count) child.kill("SIGKILL");
  }
  assert.equal(await exited, "SIGKILL");
  return acknowledged;
}
