import assert from "node:assert/strict";
import { test } from "../tests/harness.ts";
import { fakeIo } from "./io_fixture.ts";
import { wantsColours } from "./io.ts";
import { columns, keyValues, printData, styled } from "./output.ts";
import { ago, percent } from "./views/figures.ts";

test("columns are as wide as their widest cell, and lines end without spaces", () => {
  assert.equal(
    columns(["A", "LONG", "C"], [["first", "x", ""], ["y", "z", "last"]]),
    [
      "A       LONG   C\n",
      "first   x\n",
      "y       z      last\n",
    ].join(""),
  );
  assert.equal(columns(["A", "B"], []), "A   B\n");
});

test("a style sees padded cells, so that colours do not shift the columns", () => {
  const text = columns(
    ["A", "B"],
    [["x", "1"], ["long", "2"]],
    (cell, column) => column === 0 ? `<${cell}>` : cell,
  );
  assert.equal(text, "A      B\n<x   >   1\n<long>   2\n");
});

test("what other hosts say cannot move the cursor or forge a line", () => {
  const text = columns(["NAME"], [["a\n\u001b[2Jb\u009b"]]);
  assert.equal(text, "NAME\na\ufffd\ufffd[2Jb\ufffd\n");
});

test("JSON for a terminal has no control character in it, and is the same JSON", async () => {
  const io = fakeIo();
  const name = "a\u001b[2J\u007f\u009b2Jb\u00e9";
  await printData(io, "json", { name }, () => "");
  // deno-lint-ignore no-control-regex -- they are what must not pass
  assert.doesNotMatch(io.written.out, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  assert.deepEqual(JSON.parse(io.written.out), { name });
});

test("keys are aligned to the right", () => {
  assert.equal(keyValues([["Name", "a"], ["Encryption", "on"]]), "      Name: a\nEncryption: on\n");
});

test("the same document is a table for people, and JSON or YAML for programs", async () => {
  const print = async (format: "table" | "json" | "yaml") => {
    const io = fakeIo();
    await printData(io, format, { name: "a" }, ({ name }) => `name is ${name}\n`);
    return io.written.out;
  };
  assert.equal(await print("table"), "name is a\n");
  assert.equal(await print("json"), '{\n  "name": "a"\n}\n');
  assert.equal(await print("yaml"), "name: a\n");
});

test("colours are for terminals, NO_COLOR is obeyed and FORCE_COLOR too", () => {
  assert.equal(wantsColours(true, {}), true);
  assert.equal(wantsColours(false, {}), false);
  assert.equal(wantsColours(true, { NO_COLOR: "1" }), false);
  assert.equal(wantsColours(false, { FORCE_COLOR: "1" }), true);
  assert.equal(wantsColours(false, { FORCE_COLOR: "0" }), false);
  assert.equal(styled({ colours: false }, "red", "x"), "x");
  assert.equal(styled({ colours: true }, "red", "x"), "\u001b[31mx\u001b[39m");
});

test("times and shares read as people say them", () => {
  assert.deepEqual([0, 59, 61, 3600, 90_061].map(ago), [
    "just now",
    "59s ago",
    "1m 1s ago",
    "1h ago",
    "1d 1h ago",
  ]);
  assert.deepEqual([0, 1 / 3, 1].map(percent), ["0.0%", "33.3%", "100.0%"]);
});
