/**
 * The `selvage` program, which tells besides what its own memory is used for: from outside only the whole is seen. A
 * composition root of the tests, so that the product needs no option for it.
 */
import { renameSync, writeFileSync } from "node:fs";
import process from "node:process";
import { runProgram } from "../../cli/main.ts";
import { type InnerFigures, innerFile } from "./figures.ts";

const everyMillis = 2_000;

const file = process.env[innerFile];
// What measures must neither keep the program alive nor be counted where the program's own timers are.
if (file !== undefined) setInterval(tell, everyMillis, file).unref();
await runProgram(process.argv.slice(2));

function tell(path: string): void {
  const { heapUsed, heapTotal, external } = process.memoryUsage();
  const mib = 2 ** 20;
  const figures: InnerFigures = {
    heap: heapUsed / mib,
    heapTotal: heapTotal / mib,
    external: external / mib,
    ...timers(),
  };
  // By renaming, so that nobody reads half of it.
  writeFileSync(`${path}.new`, JSON.stringify(figures));
  renameSync(`${path}.new`, path);
}

/** Only Node knows its timers. */
function timers(): { readonly timers?: number } {
  if ("Deno" in globalThis) return {};
  return { timers: process.getActiveResourcesInfo().filter((name) => name === "Timeout").length };
}
