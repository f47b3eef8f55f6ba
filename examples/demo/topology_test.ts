import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { drawTopology } from "./topology.ts";

test("hosts stand side by side on their underlay, as wide and as high as the largest of them", () => {
  const a = {
    name: "a",
    underlay: "198.51.100.1",
    address: "10.32.0.1",
    containers: [{ name: "web", address: "10.32.0.2" }, { name: "db", address: "10.32.0.3" }],
  };
  const drawn = drawTopology("underlay", [a, { ...a, name: "b", containers: [] }]);
  assert.deepEqual(drawn, [
    "underlay",
    "──────────┬───────────────────────┬──────────",
    "┌─────────┴─────────┐   ┌─────────┴─────────┐",
    "│ a  198.51.100.1   │   │ b  198.51.100.1   │",
    "│                   │   │                   │",
    "│ ├─ node 10.32.0.1 │   │ └─ node 10.32.0.1 │",
    "│ ├─ web  10.32.0.2 │   │                   │",
    "│ └─ db   10.32.0.3 │   │                   │",
    "└───────────────────┘   └───────────────────┘",
  ]);
});
