import assert from "node:assert/strict";
import { test } from "../../harness.ts";
import { findCycles } from "./find_cycles.ts";
import type { Edge, Graph } from "./graph.ts";

test("a chain and a diamond have no cycle", () => {
  assert.deepEqual(findCycles(graph("a b", "b c")), []);
  assert.deepEqual(findCycles(graph("a b", "a c", "b d", "c d")), []);
});

test("a file that imports itself is a cycle", () => {
  assert.deepEqual(findCycles(graph("a a")), ["a → a"]);
});

test("a ring is reported once, by its shortest way round", () => {
  assert.deepEqual(findCycles(graph("a b", "b c", "c a")), ["a → b → c → a"]);
  assert.deepEqual(findCycles(graph("a b", "b c", "c b", "c a", "b a")), ["a → b → a", "c → b → c"]);
});

test("rings that share no file are reported each", () => {
  assert.deepEqual(findCycles(graph("a b", "b a", "c d", "d c")), ["a → b → a", "c → d → c"]);
});

test("a dynamic import closes no cycle", () => {
  const lazy: Edge = { from: "b", to: "a", kind: "file", dynamic: true };
  const { files, edges } = graph("a b");
  assert.deepEqual(findCycles({ files, edges: [...edges, lazy], broken: [] }), []);
});

/** `"a b"` is: a imports b. */
function graph(...pairs: string[]): Graph {
  const edges = pairs.map((pair): Edge => {
    const [from = "", to = ""] = pair.split(" ");
    return { from, to, kind: "file", dynamic: false };
  });
  const files = [...new Set(edges.flatMap((edge) => [edge.from, edge.to]))].sort();
  return { files, edges, broken: [] };
}
