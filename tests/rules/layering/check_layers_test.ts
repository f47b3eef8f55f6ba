import assert from "node:assert/strict";
import { test } from "../../harness.ts";
import { layerViolations } from "./check_layers.ts";
import type { Edge } from "./graph.ts";
import { declaredSlot } from "./layers.ts";

const PACKAGES = {
  dependencies: { "cbor-x": "1.6.9", "@noble/hashes": "2.4.0", hono: "4.13.19", yaml: "^2.9.0" },
  devDependencies: { "fast-check": "4.10.2" },
};
const SLOTS = new Map([["plugins/udp", "transport"], ["plugins/noise", "encapsulation"]]);

const ALLOWED = [
  "core/contracts/a.ts core/contracts/b.ts",
  "core/wire/gre.ts core/contracts/drop.ts",
  "core/wire/cbor.ts cbor-x",
  "core/identity/token.ts core/wire/cbor.ts",
  "core/identity/token.ts @noble/hashes",
  "core/runtime/clock.ts node:process",
  "core/runtime/memory.ts core/datapath/arena.ts",
  "core/runtime/memory.ts core/datapath/loop.ts",
  "core/node/x.ts core/datapath/loop.ts",
  "core/datapath/loop.ts core/datapath/arena_aead.ts",
  "core/node/x.ts core/runtime/clock.ts",
  "core/admin/app.ts hono",
  "plugins/udp/mod.ts core/runtime/udp.ts",
  "plugins/noise/mod.ts core/noise/state.ts",
  "core/noise/state.ts @noble/hashes",
  "plugins/noise/datapath.ts plugins/noise/wire.ts",
  "plugins/noise/datapath.ts core/forwarding/x.ts",
  "plugins/builtins.ts plugins/noise/mod.ts",
  "cli/main.ts plugins/builtins.ts",
  "mod.ts cli/main.ts",
  "examples/a.ts mod.ts",
  "tests/sim/x.ts core/node/x.ts",
  "tests/sim/x.ts tests/harness.ts",
  "tests/sim/x.ts fast-check",
  "core/node/x_test.ts tests/harness.ts",
  "core/node/x_test.ts plugins/noise/mod.ts",
  "core/node/x_test.ts fast-check",
  "core/node/x_test.ts node:assert/strict",
];

const FORBIDDEN = [
  "core/contracts/a.ts core/wire/gre.ts",
  "core/contracts/a.ts hono",
  "core/wire/gre.ts core/forwarding/x.ts",
  "core/wire/gre.ts cbor-x",
  "core/wire/gre.ts node:buffer",
  "core/identity/token.ts core/runtime/random.ts",
  "core/forwarding/x.ts core/identity/token.ts",
  "core/forwarding/x.ts core/wire/cbor.ts",
  "core/runtime/clock.ts core/node/x.ts",
  "core/datapath/arena.ts core/datapath/loop.ts",
  "core/datapath/loop.ts core/runtime/clock.ts",
  "core/datapath/loop.ts plugins/noise/datapath.ts",
  "core/node/x.ts plugins/noise/mod.ts",
  "core/node/x.ts node:fs",
  "core/admin/app.ts core/node/x.ts",
  "plugins/noise/mod.ts plugins/udp/mod.ts",
  "plugins/noise/mod.ts core/node/x.ts",
  "plugins/noise/mod.ts core/runtime/udp.ts",
  "plugins/unfinished/mod.ts core/runtime/udp.ts",
  "plugins/noise/mod.ts plugins/builtins.ts",
  "plugins/noise/wire.ts plugins/noise/mod.ts",
  "plugins/noise/wire.ts plugins/noise/datapath.ts",
  "plugins/noise/datapath.ts plugins/noise/machine.ts",
  "plugins/udp/datapath.ts core/runtime/udp.ts",
  "cli/main.ts tests/harness.ts",
  "core/node/x.ts tests/harness.ts",
  "cli/main.ts fast-check",
  "cli/main.ts left-pad",
  "cli/main.ts yaml",
];

test("every import that the design allows passes", () => {
  for (const pair of ALLOWED) assert.deepEqual(violations(pair), [], pair);
});

test("every planted violation is caught, alone among allowed imports", () => {
  for (const pair of FORBIDDEN) {
    const found = violations(...ALLOWED, pair);
    assert.equal(found.length, 1, `${pair}: ${found.join("; ")}`);
    assert.ok(found[0]?.startsWith(`${pair.split(" ")[0]} imports`), pair);
  }
});

test("a violation says what the layer may import", () => {
  assert.deepEqual(violations("core/node/x.ts plugins/noise/mod.ts"), [
    "core/node/x.ts imports plugins/noise/mod.ts: core/node may import core/contracts, core/wire, " +
    "core/forwarding, core/wire/cbor, core/identity, core/voters, core/topology, core/traversal, " +
    "core/datapath, core/runtime",
  ]);
  assert.deepEqual(violations("plugins/noise/mod.ts core/runtime/udp.ts"), [
    "plugins/noise/mod.ts imports core/runtime/udp.ts: only transport, port, store plugins may, " +
    "and it fills the slot encapsulation",
  ]);
  assert.deepEqual(violations("cli/main.ts yaml"), [
    'cli/main.ts imports yaml at "^2.9.0": declare one exact version',
  ]);
});

test("a file outside of every layer is a violation, and so is an import that leads nowhere", () => {
  const graph = { files: ["core/magic/x.ts"], edges: [], broken: ["mod.ts: Module not found"] };
  assert.deepEqual(layerViolations({ graph, packages: PACKAGES, slots: SLOTS }), [
    "mod.ts: Module not found",
    "core/magic/x.ts belongs to no layer: give its folder a row in layers.ts",
  ]);
});

test("a plugin's slot is read from its source", () => {
  assert.equal(declaredSlot('definePlugin({\n  slot: "transport",\n  name: "udp",'), "transport");
  assert.equal(declaredSlot("export const x = 1;"), undefined);
});

/** `"a b"` is: a imports b. */
function violations(...pairs: string[]): string[] {
  const edges = pairs.map((pair): Edge => {
    const [from = "", to = ""] = pair.split(" ");
    const kind = to.startsWith("node:") ? "runtime" : to.endsWith(".ts") ? "file" : "package";
    return { from, to, kind, dynamic: false };
  });
  const files = edges.map((edge) => edge.from);
  return layerViolations({ graph: { files, edges, broken: [] }, packages: PACKAGES, slots: SLOTS });
}
