import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { Secret } from "../identity/secret.ts";
import { adminFixture } from "./admin_fixture.ts";
import { createAdminClient } from "./client.ts";
import { FixtureClock, FixtureNode, secretOfToken } from "./mesh_node_fixture.ts";
import { reportOf, type ReportParts } from "./report.ts";
import * as schemas from "./schemas.ts";
import { placeholder } from "./without_secrets.ts";

function parts(given: Partial<ReportParts> = {}): ReportParts {
  const counters = () => ({
    readers: { open: 1, dropped: 2 },
    refused: { foreign: 3, token: 4, delayed: 5 },
    crowd: { displaced: 6, turnedAway: 7 },
  });
  return { node: new FixtureNode(), clock: new FixtureClock(), version: "0.1.0", counters, ...given };
}

test("a report holds what every other answer holds, and when it was made", () => {
  const node = new FixtureNode();
  const levels = {
    settings: () => ({ level: "warn" as const, scopes: {} }),
    known: () => ["node"],
    change: () => {},
  };
  const config = () => [{ path: "name", value: "web-1", origin: "--name" }];
  const report = reportOf(parts({ node, levels, config, platform: "linux x64" }));
  assert.equal(report.generated, "2026-11-23T00:00:00.000Z");
  assert.deepEqual([report.version, report.runtime, report.platform], ["0.1.0", "deno 2.9.6", "linux x64"]);
  assert.deepEqual(report.status, node.status());
  assert.deepEqual([report.peers, report.connections], [node.peers(), node.connections()]);
  assert.deepEqual([report.ipam, report.targets], [node.ipam(), node.targets()]);
  assert.deepEqual([report.members, report.tokens], [node.members.list(), node.tokens.list()]);
  assert.deepEqual([report.drops, report.alerts], [node.drops(), node.status().alerts]);
  assert.deepEqual([report.log, report.config], [{ level: "warn", scopes: {}, known: ["node"] }, config()]);
  assert.deepEqual(report.admin, parts().counters());
  assert.deepEqual(schemas.report.parse(report), report);
});

test("what the program around the node does not tell is null, and no reason to fail", () => {
  const { platform, log, config } = reportOf(parts());
  assert.deepEqual([platform, log, config], [null, null, null]);
});

test("a secret that a part hands out by mistake does not reach the report", () => {
  const node = new FixtureNode();
  const key = new Secret(new TextEncoder().encode("hunter2"));
  node.answers = { name: key as unknown as string, plugins: { store: [Uint8Array.of(104, 117) as never] } };
  const report = reportOf(
    parts({ node, config: () => [{ path: "policy.key", value: key, origin: "default" }] }),
  );
  assert.equal(report.status.name, placeholder);
  assert.deepEqual(report.status.plugins, { store: [placeholder] });
  assert.equal(report.config?.[0]?.value, placeholder);
});

test("a wall clock out of all bounds costs no report", () => {
  for (const wall of [NaN, -1, 1e17, Infinity]) {
    const clock = Object.assign(new FixtureClock(), { wall: () => wall });
    const { generated } = reportOf(parts({ clock }));
    assert.equal(generated, "1970-01-01T00:00:00.000Z", String(wall));
  }
});

test("the client gets the report as the schema describes it, and no token's secret is in it", async () => {
  const { fetch } = adminFixture();
  const report = await createAdminClient(fetch).report();
  assert.deepEqual(schemas.report.parse(report), report);
  assert.deepEqual(report.tokens.map((token) => Object.keys(token)), [["id", "expires", "state"]]);
  assert.ok(!JSON.stringify(report).includes(secretOfToken));
});
