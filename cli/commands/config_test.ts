import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "../../tests/harness.ts";
import { ExitCode } from "../exit_code.ts";
import { run, temporaryDirectory } from "../io_fixture.ts";

test("config show prints every value with its origin, and no secret", async () => {
  using directory = temporaryDirectory();
  const file = join(directory.path, "selvage.yaml");
  writeFileSync(file, "name: a\nlog:\n  level: debug\n");
  const environment = { HOME: "/home/eve", SELVAGE_NETWORK: "office" };
  const { code, out } = await run(["config", "show", "--config", file, "--name", "b", "-o", "json"], {
    environment,
  });
  assert.equal(code, ExitCode.ok);
  const { settings } = JSON.parse(out) as { settings: { path: string; value: unknown; origin: string }[] };
  const by = new Map(settings.map((setting) => [setting.path, setting]));
  assert.deepEqual(by.get("name"), { path: "name", value: "b", origin: "--name" });
  assert.deepEqual(by.get("network"), { path: "network", value: "office", origin: "SELVAGE_NETWORK" });
  assert.deepEqual(by.get("log.level"), { path: "log.level", value: "debug", origin: `${file}:3` });
  assert.deepEqual(by.get("transport.use"), { path: "transport.use", value: "udp", origin: "default" });
  const table = await run(["config", "show", "--config", file], { environment });
  assert.match(table.out, /^SETTING +VALUE +ORIGIN\n/);
});

test("config check says good or everything that is wrong", async () => {
  using directory = temporaryDirectory();
  const file = join(directory.path, "selvage.yaml");
  writeFileSync(file, "name: a\n");
  const good = await run(["config", "check", file]);
  assert.deepEqual([good.code, good.out], [ExitCode.ok, ""]);
  writeFileSync(file, "nmae: a\nport: { use: tun }\n");
  const bad = await run(["config", "check", file]);
  assert.equal(bad.code, ExitCode.usage);
  assert.match(
    bad.words,
    /^selvage: .*selvage\.yaml:1: nmae: .*"name"\?\n {9}.*selvage\.yaml:2: port\.use: no plugin/,
  );
});

test("problems come in the order of the file's lines, whatever they are about, and others after them", async () => {
  using directory = temporaryDirectory();
  const file = join(directory.path, "selvage.yaml");
  const lines = [
    "port: { use: tun }",
    "nmae: a",
    "ipam: { range: 10.0.0.0 }",
    "log: { level: loud }",
    "polcy: {}",
  ];
  writeFileSync(file, `${lines.join("\n")}\n`);
  const environment = { HOME: "/nonexistent", SELVAGE_STORE__USE: "paper" };
  const { code, words } = await run(["config", "check", file], { environment });
  assert.equal(code, ExitCode.usage);
  const places = [...words.matchAll(/(?:yaml:(\d)|(SELVAGE_\w+)): (\S+):/g)].map(([, line, variable, path]) =>
    `${line ?? variable} ${path}`
  );
  assert.deepEqual(places, [
    "1 port.use",
    "2 nmae",
    "3 ipam.range",
    "4 log.level",
    "5 polcy",
    "SELVAGE_STORE__USE store.use",
  ]);
});

interface Schema {
  readonly $schema: string;
  readonly additionalProperties: boolean;
  readonly required?: readonly string[];
  readonly properties: Readonly<Record<string, { anyOf: readonly { title: string; properties: object }[] }>>;
}

test("config schema is a JSON Schema of the whole file, plugins and their options included", async () => {
  const { code, out, words } = await run(["config", "schema"]);
  assert.deepEqual([code, words], [ExitCode.ok, ""]);
  const schema = JSON.parse(out) as Schema;
  assert.equal(schema.$schema, "https://json-schema.org/draft/2020-12/schema");
  assert.equal(schema.additionalProperties, false);
  assert.equal(schema.required, undefined);
  const stores = schema.properties["store"]!.anyOf;
  assert.deepEqual(stores.map(({ title }) => title), ["memory_store", "sqlite", "a plugin of a third party"]);
  assert.deepEqual(Object.keys(stores[1]!.properties), ["use", "directory", "maxBytes"]);
  const [ring] = schema.properties["ipam"]!.anyOf;
  assert.deepEqual(Object.keys(ring!.properties), [
    "use",
    "range",
    "defaultSubnet",
    "block",
    "quarantineSeconds",
  ]);
});
