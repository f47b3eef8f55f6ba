import assert from "node:assert/strict";
import type { Command } from "commander";
import { test } from "../../tests/harness.ts";
import { ExitCode } from "../exit_code.ts";
import { fakeIo, run } from "../io_fixture.ts";
import { createProgram } from "../program.ts";

/** With their whole names. */
function commandsOf(
  parent: Command,
  prefix: readonly string[] = [],
): (readonly [readonly string[], Command])[] {
  return parent.commands.flatMap((command) => {
    const name = [...prefix, command.name()];
    return [[name, command] as const, ...commandsOf(command, name)];
  });
}

test("the shell completes the value of every option that takes a file or a directory", async () => {
  const seen = new Set<string>();
  for (const [name, command] of commandsOf(createProgram(fakeIo(), () => {}))) {
    for (
      const { flags, long } of command.options.filter(({ flags }) => /<(file|directory|path)>/.test(flags))
    ) {
      seen.add(long!);
      const { code, out } = await run(["complete", "--", ...name, long!, ""]);
      assert.deepEqual([code, out], [ExitCode.ok, ":0\n"], `${name.join(" ")} ${flags}`);
    }
  }
  assert.deepEqual([...seen].sort(), [
    ...[
      "--config",
      "--password-file",
      "--pcap",
      "--socket",
      "--state-dir",
      "--template-file",
      "--token-file",
    ],
  ]);
});
