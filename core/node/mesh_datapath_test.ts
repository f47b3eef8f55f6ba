import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import { PlainPorts } from "./datapath_feed_fixture.ts";
import { TwinWorker } from "./datapath_link_fixture.ts";
import type { MeshBridges } from "./mesh_bridges.ts";
import { MeshDatapath } from "./mesh_datapath.ts";
import { NodeContext } from "./node_context.ts";
import { fakePlatform, FakeStore } from "./node_fixture.ts";
import type { NodeParts } from "./node_parts.ts";
import type { Platform } from "./platform.ts";

test("a worker that begins anew is an alert of the node, which the log has once and which is over a minute later", async () => {
  const clock = new SimClock();
  const worker = new TwinWorker();
  const platform = { ...fakePlatform(clock, "a"), datapath: worker as unknown as Platform["datapath"] };
  const context = new NodeContext(platform, new FakeStore(), "a", new AbortController().signal);
  const nothing = { routes: () => [], version: () => 1 };
  const parts = { encapsulation: { exportSessions() {} }, port: new PlainPorts(), policy: {} };
  const datapath = new MeshDatapath(
    context,
    parts as unknown as NodeParts,
    { ...nothing, foreign: nothing } as unknown as MeshBridges,
    () => {},
  );
  datapath.start();
  const alerts = () => context.alerts.list().map(({ name }) => name);
  assert.deepEqual(alerts(), []);
  worker.restart();
  await clock.advance(30_000);
  worker.restart();
  assert.deepEqual(alerts(), ["datapath-failed"]);
  await clock.advance(60_000);
  assert.deepEqual(alerts(), []);
  assert.deepEqual(platform.log.entries.map(({ message }) => message), ["Alert", "Alert is over"]);
  worker.restart();
  datapath.stop();
  assert.equal(clock.pending, 0);
});
