import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { fed, runScript } from "./script.ts";

test(
  "a script longer than an argument of a program may be runs as a short one does, with its arguments",
  async () => {
    const lines = Array.from({ length: 6_000 }, (_, i) => `add element netdev selvage held { 10.32.0.${i} }`);
    const text = `trap 'echo end' EXIT\necho "$#" "$2"\n${
      fed("grep -c add", lines.join("\n"))
    }false\necho never\n`;
    assert.ok(text.length > 128 * 1024);
    const output: string[] = [];
    for (const more of ["", " || true"]) {
      const script = {
        purpose: "count",
        text: text.replace("\nfalse", `\nfalse${more}`),
        args: ["a b", "$c"],
      };
      await runScript(script).then(
        (out) => output.push(out),
        (error) => output.push(`exit ${error.details.exit}`),
      );
    }
    assert.deepEqual(output, ["exit 1", "2 $c\n6000\nnever\nend\n"]);
  },
);
