import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { hasExample } from "./doc_examples.ts";

test("a Markdown block runs when it is labelled as TypeScript or JavaScript", () => {
  assert.equal(hasExample("README.md", "# A\n\n```ts\nlet a;\n```\n"), true);
  assert.equal(hasExample("README.md", "1. first:\n   ```js\n   let a;\n   ```\n"), true);
  for (const block of ["```\nplain\n```", "```sh\nls\n```", "```ts ignore\nlet a;\n```", "no block"]) {
    assert.equal(hasExample("README.md", block), false, block);
  }
});

test("the end of one block is not the start of another", () => {
  assert.equal(hasExample("a.ts", "/**\n * ```text\n * x\n * ```\n */"), false);
  assert.equal(hasExample("a.ts", "/**\n * ```text\n * x\n * ```\n * ```\n * f();\n * ```\n */"), true);
});

test("a block in a doc comment runs unless it says that it is something else", () => {
  assert.equal(hasExample("a.ts", "/**\n * ```\n * f();\n * ```\n */"), true);
  assert.equal(hasExample("a.ts", "/**\n * ```ts\n * f();\n * ```\n */"), true);
  assert.equal(hasExample("a.ts", "const fence = '```ts';"), false);
});
