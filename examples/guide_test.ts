import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "../tests/harness.ts";

const folder = fileURLToPath(new URL(".", import.meta.url));
const guide = readFileSync(fileURLToPath(new URL("../docs/plugins.md", import.meta.url)), "utf8");

test("every excerpt in the guide to plugins stands in an example that runs", () => {
  const examples = readdirSync(folder).filter((name) => name.endsWith(".ts") && name !== "guide_test.ts")
    .map((name) => readFileSync(`${folder}${name}`, "utf8"));
  const excerpts = [...guide.matchAll(/^```ts ignore\n([^]*?)^```$/gm)].map(([, text]) => text!);
  assert.ok(excerpts.length >= 10, `${excerpts.length} excerpts`);
  for (const excerpt of excerpts) {
    assert.ok(
      examples.some((source) => bare(source).includes(bare(excerpt))),
      `no example contains:\n${excerpt}`,
    );
  }
});

/** Indentation is the formatter's business, which has its own view of a piece of a class. */
function bare(code: string): string {
  return code.replaceAll(/\s+/g, "");
}
