import type { Io } from "../io.ts";
import { type OutputFormat, printData } from "../output.ts";
import { runtimeName } from "../../core/runtime/runtime_name.ts";
import { version } from "../version.ts";

export async function printVersion(io: Io, { output }: { output: OutputFormat }): Promise<void> {
  const document = { version, runtime: runtimeName() };
  await printData(io, output, document, ({ version, runtime }) => `selvage ${version} (${runtime})\n`);
}
