import assert from "node:assert/strict";
import { parseNamedEndpoint } from "../../core/wire/named_endpoint.ts";
import { testDiscovery, testEditableTargets } from "../../tests/conformance/discovery.ts";
import { testHost } from "../../tests/conformance/test_host.ts";
import { test } from "../../tests/harness.ts";
import { MemoryDisk } from "../memory_store/mod.ts";
import { staticSeeds } from "./mod.ts";
import { StaticSeeds } from "./static_seeds.ts";

const seeds = ["192.0.2.1:6783", "[2001:DB8:0:0::1]:6783", "mesh.example.net:6783"];

function seedsOn(disk: MemoryDisk, texts: readonly string[] = []): StaticSeeds {
  return new StaticSeeds(texts.map((text) => parseNamedEndpoint(text)!), testHost({ disk }));
}

function bed(): () => StaticSeeds {
  const disk = new MemoryDisk();
  return () => seedsOn(disk, seeds);
}

testDiscovery({ name: "static_seeds", bed: () => bed() });
testEditableTargets({ name: "static_seeds", bed: () => bed() });

test("a bad seed in the configuration is named by its place", () => {
  assert.throws(() => staticSeeds({ seeds: ["192.0.2.1:6783", "192.0.2:6783"] }), {
    code: "CONFIG_INVALID",
    message: 'static_seeds.seeds[1]: expected host:port or [IPv6]:port, got "192.0.2:6783"',
  });
});

test("targets say where they come from", async () => {
  const discovery = bed()();
  await discovery.start();
  await discovery.addTargets([{ host: "192.0.2.9", port: 9 }, { host: "192.0.2.1", port: 6783 }]);
  assert.deepEqual(discovery.targets().map(({ source }) => source), [
    "static_seeds",
    "static_seeds",
    "static_seeds",
    "connect",
  ]);
});

test("a target that is no name, has no port, or is one too many is refused and nothing is stored", async () => {
  const disk = new MemoryDisk();
  const discovery = seedsOn(disk);
  const good = { host: "192.0.2.9", port: 9 };
  for (const bad of [{ host: "mesh example", port: 1 }, { host: "192.0.2.1", port: 0 }]) {
    await assert.rejects(discovery.addTargets([good, bad]), { code: "INVALID_ARGUMENT" });
  }
  const many = Array.from({ length: 1025 }, (_, port) => ({ host: "192.0.2.9", port: port + 1 }));
  await assert.rejects(discovery.addTargets(many), { code: "INVALID_ARGUMENT", message: /forget some/ });
  assert.deepEqual([discovery.targets(), [...disk.image.entries("")]], [[], []]);
  await discovery.addTargets(many.slice(0, 1024));
});

test("a target whose write failed is not listed", async () => {
  const discovery = seedsOn(new MemoryDisk(1));
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
  const discovery = seedsOn(disk);
  await discovery.start();
  assert.deepEqual(discovery.targets().map(({ endpoint }) => endpoint.host), ["192.0.2.8"]);
});
