import assert from "node:assert/strict";
import type { LogFields, Logger, LogLevel } from "../../core/contracts/host.ts";
import { testDiscovery, testEditableTargets } from "../../tests/conformance/discovery.ts";
import { test } from "../../tests/harness.ts";
import { MemoryDisk } from "../memory_store/mod.ts";
import { parseSeed, staticSeeds } from "./mod.ts";
import { StaticSeeds } from "./static_seeds.ts";

const silent: Logger = { child: () => silent, log: () => {} };
const seeds = ["192.0.2.1:6783", "[2001:DB8:0:0::1]:6783", "mesh.example.net:6783"];

function bed(log: Logger = silent): () => StaticSeeds {
  const disk = new MemoryDisk();
  return () => new StaticSeeds(seeds.map((text) => parseSeed(text)!), disk.mount(), log);
}

testDiscovery({ name: "static_seeds", bed: () => bed() });
testEditableTargets({ name: "static_seeds", bed: () => bed() });

test("seeds are IP literals in canonical form and names in lower case", () => {
  assert.deepEqual(parseSeed("[2001:DB8:0:0::1]:6783"), { host: "2001:db8::1", port: 6783, isLiteral: true });
  assert.deepEqual(parseSeed("[::ffff:192.0.2.1]:1"), { host: "192.0.2.1", port: 1, isLiteral: true });
  assert.deepEqual(parseSeed("Mesh-1.Example.NET.:65535"), {
    host: "mesh-1.example.net",
    port: 65_535,
    isLiteral: false,
  });
});

test("text that is neither is refused", () => {
  const longLabel = "a".repeat(64);
  const wrong = [
    "",
    "host",
    "host:",
    ":6783",
    "host:0",
    "host:65536",
    "host:06783",
    "ho st:1",
    "2001:db8::1:6783",
  ]
    .concat([
      "192.0.2:1",
      "192.0.2.256:1",
      "192.0.2.01:1",
      "[mesh]:1",
      "-a:1",
      "a-:1",
      "a..b:1",
      "http://a:1",
    ])
    .concat([`${longLabel}:1`, `${"a.".repeat(127)}a:1`, "[2001:db8::1]", "ä:1"]);
  for (const text of wrong) assert.equal(parseSeed(text), undefined, text);
});

test("a bad seed in the configuration is named by its place", () => {
  assert.throws(() => staticSeeds({ seeds: ["192.0.2.1:6783", "192.0.2:6783"] }), {
    code: "CONFIG_INVALID",
    message: 'static_seeds.seeds[1]: expected host:port or [IPv6]:port, got "192.0.2:6783"',
  });
});

test("literals of the configuration are found in their order, names are left out with a warning", async () => {
  const lines: [LogLevel, string, LogFields | undefined][] = [];
  const log: Logger = { child: () => log, log: (...line) => lines.push([line[0], line[1], line[2]]) };
  const plugin = staticSeeds({ seeds }).create({ store: new MemoryDisk().mount(), log } as never);
  const hosts: string[] = [];
  plugin.watch((finding) => hosts.push(finding.type === "endpoint" ? finding.endpoint.host : finding.type));
  await plugin.start?.(new AbortController().signal);
  assert.deepEqual(hosts, ["192.0.2.1", "2001:db8::1"]);
  const endpoint = "mesh.example.net:6783";
  assert.deepEqual(lines, [["warn", "A seed is a name that nobody resolved", { endpoint }]]);
});

test("targets say where they come from", async () => {
  const discovery = bed()();
  await discovery.start();
  await discovery.addTargets([{ host: "192.0.2.9", port: 9 }, { host: "192.0.2.1", port: 6783 }]);
  assert.deepEqual(discovery.targets().map(({ source }) => source), [
    "static_seeds",
    "static_seeds",
    "connect",
  ]);
});

test("a target that is a name, has no port, or is one too many is refused and nothing is stored", async () => {
  const disk = new MemoryDisk();
  const discovery = new StaticSeeds([], disk.mount(), silent);
  const good = { host: "192.0.2.9", port: 9 };
  for (const bad of [{ host: "mesh.example.net", port: 1 }, { host: "192.0.2.1", port: 0 }]) {
    await assert.rejects(discovery.addTargets([good, bad]), { code: "INVALID_ARGUMENT" });
  }
  const many = Array.from({ length: 1025 }, (_, port) => ({ host: "192.0.2.9", port: port + 1 }));
  await assert.rejects(discovery.addTargets(many), { code: "INVALID_ARGUMENT", message: /forget some/ });
  assert.deepEqual([discovery.targets(), [...disk.image.entries("")]], [[], []]);
  await discovery.addTargets(many.slice(0, 1024));
});

test("a target whose write failed is not listed", async () => {
  const discovery = new StaticSeeds([], new MemoryDisk(1).mount(), silent);
  await assert.rejects(discovery.addTargets([{ host: "192.0.2.9", port: 9 }]), { code: "DISK_FULL" });
  assert.deepEqual(discovery.targets(), []);
});

test("stored targets that make no sense are skipped", async () => {
  const disk = new MemoryDisk();
  await disk.mount().commit([
    { key: "static_seeds/not an endpoint", value: Uint8Array.of(1, 1) },
    { key: "static_seeds/192.0.2.9:9", value: new Uint8Array(2) },
    { key: "static_seeds/192.0.2.9:10", value: Uint8Array.of(1) },
    { key: "static_seeds/192.0.2.9:11", value: Uint8Array.of(1, 2) },
    { key: "static_seeds/192.0.2.8:8", value: Uint8Array.of(1, 1) },
  ]);
  const discovery = new StaticSeeds([], disk.mount(), silent);
  await discovery.start();
  assert.deepEqual(discovery.targets().map(({ endpoint }) => endpoint.host), ["192.0.2.8"]);
});
