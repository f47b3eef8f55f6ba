/**
 * That docs/api.md, and the constants that the tests of the API take for a node, have the shape of what a real node
 * answers: the same members, of the same types.
 */
import assert from "node:assert/strict";
import { adminFixture } from "../core/admin/admin_fixture.ts";
import { type AdminApp, createAdminApp } from "../core/admin/app.ts";
import type { MeshNode } from "../core/contracts/node.ts";
import { createNode } from "../core/node/create_node.ts";
import type { Intent } from "../core/node/entry.ts";
import { commands, curl } from "./api_document_fixture.ts";
import { systemClock } from "../core/runtime/clock.ts";
import { parsePrefix } from "../core/wire/prefix.ts";
import { allowAll } from "../plugins/allow_all/mod.ts";
import { memoryStore } from "../plugins/memory_store/mod.ts";
import { noise } from "../plugins/noise/mod.ts";
import { ring } from "../plugins/ring/mod.ts";
import { staticSeeds } from "../plugins/static_seeds/mod.ts";
import { tcp } from "../plugins/tcp/mod.ts";
import { udp } from "../plugins/udp/mod.ts";
import { userspace } from "../plugins/userspace/mod.ts";
import { test } from "../tests/harness.ts";
import { MemoryHost } from "../tests/sim/memory_links.ts";
import { createLog, type NodeLog } from "./log.ts";

const anywhere = "127.0.0.1:0";

function start(name: string, intent: Intent, log: NodeLog): Promise<MeshNode> {
  const plugins = {
    store: memoryStore({}),
    transport: [udp({ listen: anywhere }), tcp({ listen: anywhere })],
    encapsulation: noise({}),
    discovery: [staticSeeds({ seeds: ["127.0.0.1:9"] })],
    ipam: ring({}),
    policy: allowAll({}),
    port: [userspace({}), new MemoryHost("shop").plugin()],
  };
  return createNode({ name, intent, plugins, version: "0.1.0", platform: { log } });
}

/** web-1, whose API it is, and web-2, as in the document. */
async function realMesh(): Promise<{ readonly app: AdminApp } & AsyncDisposable> {
  await using opened = new AsyncDisposableStack();
  const log = createLog({ level: "error", format: "text", wall: () => 0, write: () => {} });
  const range = parsePrefix("10.32.0.0/12")!;
  const node = opened.use(await start("web-1", { found: { networkName: "mesh", range } }, log));
  const { token } = await node.tokens.create();
  const other = opened.use(await start("web-2", { join: { token } }, log));
  // Behind what it has told of itself, on the same way: when the reply is here, web-1 knows its addresses.
  await other.ping(node.status().addresses[0]!, {}, new AbortController().signal);
  const app = createAdminApp({
    node,
    log,
    levels: log,
    clock: systemClock(),
    stop: () => {},
    version: "0.1.0",
  });
  const nodes = opened.move();
  return { app, [Symbol.asyncDispose]: () => nodes.disposeAsync() };
}

/** Members named by what there is at the time: `drops` has those reasons that occurred. */
const maps = /\.(drops|plugins|scopes|labels)$/;

/** Null stands for any type: what it would be otherwise, another sample shows. */
function assertAlike(shown: unknown, real: unknown, path: string): void {
  if (shown === null || real === null) return;
  assert.equal(kindOf(real), kindOf(shown), path);
  if (Array.isArray(shown) && Array.isArray(real)) {
    assert.ok(real.length > 0 || shown.length === 0, `${path} is empty`);
    for (const each of real) for (const sample of shown) assertAlike(sample, each, `${path}[]`);
  } else if (typeof shown === "object") {
    const [samples, reals] = [shown, real] as Record<string, unknown>[] as [Members, Members];
    if (!maps.test(path)) assert.deepEqual(Object.keys(reals).sort(), Object.keys(samples).sort(), path);
    for (const [name, value] of Object.entries(samples)) {
      if (Object.hasOwn(reals, name)) assertAlike(value, reals[name], `${path}.${name}`);
    }
  }
}

type Members = Readonly<Record<string, unknown>>;

function kindOf(value: unknown): string {
  return Array.isArray(value) ? "array" : typeof value;
}

test("the answers that the document shows have the shape of a real node's, and its problems are word for word", async () => {
  await using mesh = await realMesh();
  let answers = 0;
  for (const { line, shown } of commands) {
    if (shown?.language !== "json" || line.includes("127.0.0.1:6784")) continue;
    const response = await curl(line, mesh.app);
    const isProblem = response.headers.get("content-type")?.startsWith("application/problem+json");
    const [sample, real] = [JSON.parse(shown.code), await response.json()];
    if (isProblem) assert.deepEqual(real, sample, line);
    else assertAlike(sample, real, line);
    answers++;
  }
  assert.ok(answers >= 6, `${answers} answers`);
});

test("the node made of constants answers in the shape of a real one", async () => {
  await using mesh = await realMesh();
  const fixture = adminFixture();
  const subjects =
    "status health version peers connections targets endpoints drops ipam members tokens log admin report";
  for (const subject of subjects.split(" ")) {
    const line = `curl --unix-socket /run/selvage/admin.sock http://localhost/v1/${subject}`;
    const [sample, real] = await Promise.all(
      [fixture.app, mesh.app].map(async (app) => (await curl(line, app)).json()),
    );
    assertAlike(sample, real, subject);
  }
});
