import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "../../tests/harness.ts";
import { fakeIo, temporaryDirectory } from "../io_fixture.ts";
import type { ConfigFlags } from "./config_flags.ts";
import { loadConfig, type LoadedConfig } from "./load.ts";
import { formatOrigin, formatPath } from "./origin.ts";
import { configSchema } from "./schema.ts";

interface Given {
  readonly environment?: Readonly<Record<string, string>>;
  readonly flags?: ConfigFlags;
}

async function load(yaml: string, { environment = {}, flags = {} }: Given = {}): Promise<LoadedConfig> {
  using directory = temporaryDirectory();
  const file = join(directory.path, "selvage.yaml");
  writeFileSync(file, yaml);
  const io = fakeIo({ environment: { HOME: "/srv/eve", ...environment } });
  return await loadConfig({ config: file, ...flags }, io);
}

/** Values and origins of all settings that begin with this path. */
function shown({ effective }: LoadedConfig, under: string): Record<string, string> {
  const of = effective.filter(({ path }) => formatPath(path).startsWith(under));
  return Object.fromEntries(of.map(({ path, value, origin }) => {
    const place = formatOrigin(origin).replace(/^.*\/(selvage\.yaml)/, "$1");
    return [formatPath(path), `${JSON.stringify(value)} ${place}`];
  }));
}

async function problems(yaml: string, given: Given = {}): Promise<readonly string[]> {
  const error = await load(yaml, given).then(() => assert.fail("it was accepted"), (thrown: Error) => thrown);
  return error.message.split("\n").map((line) => line.replace(/^.*\/(selvage\.yaml)/, "$1"));
}

const gre = `encapsulation:
  - use: noise
  - use: gre_udp
    peers:
      - { name: router-1, endpoint: "198.51.100.9:4754", prefixes: ["192.168.7.0/24"] }
`;

test("a second encapsulation stands beside the first, and gre_udp brings its own socket on port 4754", async () => {
  const config = await load(gre);
  const { encapsulation, beside = [] } = config.plugins;
  assert.equal(encapsulation.name, "noise");
  assert.deepEqual(beside.map((each) => [each.encapsulation.name, each.over.name]), [["gre_udp", "udp"]]);
  assert.deepEqual(shown(config, "encapsulation"), {
    "encapsulation[0].aead": '"auto" default',
    "encapsulation[0].relay": '"willing" default',
    "encapsulation[0].relayBytesPerSecond": "12500000 default",
    "encapsulation[0].relayPacketsPerSecond": "50000 default",
    "encapsulation[0].relays": "[] default",
    "encapsulation[0].trustedSubnets": "[] default",
    "encapsulation[0].underlayMtu": "1500 default",
    "encapsulation[0].use": '"noise" selvage.yaml:2',
    "encapsulation[1].over.listen": '"[::]:4754" default',
    "encapsulation[1].over.use": '"udp" default',
    "encapsulation[1].peers[0].endpoint": '"198.51.100.9:4754" selvage.yaml:5',
    "encapsulation[1].peers[0].name": '"router-1" selvage.yaml:5',
    "encapsulation[1].peers[0].prefixes": '["192.168.7.0/24"] selvage.yaml:5',
    "encapsulation[1].use": '"gre_udp" selvage.yaml:3',
  });
});

test("the order of the list does not matter: the encapsulation without a transport of its own is the main one", async () => {
  const peers = '[{ name: r, endpoint: "198.51.100.9:4754", prefixes: ["192.168.7.0/24"] }]';
  const { plugins } = await load(`encapsulation: [{ use: gre_udp, peers: ${peers} }, { use: noise }]`);
  assert.equal(plugins.encapsulation.name, "noise");
  assert.deepEqual(plugins.beside?.map((each) => each.encapsulation.name), ["gre_udp"]);
});

test("what a file says of `over` is taken, and the rest of it stays as it is by default", async () => {
  const other = await load(`${gre}    over: { listen: "127.0.0.1:5000" }\n`);
  assert.deepEqual(shown(other, "encapsulation[1].over"), {
    "encapsulation[1].over.listen": '"127.0.0.1:5000" selvage.yaml:6',
    "encapsulation[1].over.use": '"udp" default',
  });
  const environment = { SELVAGE_ENCAPSULATION__1__OVER__LISTEN: "127.0.0.1:5001" };
  assert.equal(
    shown(await load(gre, { environment }), "encapsulation[1].over.listen")["encapsulation[1].over.listen"],
    '"127.0.0.1:5001" SELVAGE_ENCAPSULATION__1__OVER__LISTEN',
  );
});

test("an encapsulation that is beside nothing, or beside another on its transport, is refused", async () => {
  const [alone] = await problems(gre.replace("  - use: noise\n", ""));
  assert.match(alone!, /^selvage\.yaml:2: encapsulation: expected one that members speak/);
  const [twice] = await problems("encapsulation:\n  - use: noise\n  - use: noise\n");
  assert.match(twice!, /^selvage\.yaml:3: encapsulation\[1\]\.over: "noise" stands beside another/);
  assert.match((await problems("encapsulation: []"))[0]!, /encapsulation: expected one that members speak/);
  assert.match((await problems("transport: []"))[0]!, /transport: expected at least one transport/);
});

test("what is wrong inside an entry is named with its line and whole path", async () => {
  const bad = gre.replace('"192.168.7.0/24"', '"192.168.7.0/24", "192.168.8.1/24"') +
    "    over: { use: upd }\n";
  const [prefix, over] = (await problems(bad)).toSorted();
  assert.match(prefix!, /^selvage\.yaml:5: encapsulation\[1\]\.peers\[0\]\.prefixes\[1\]: expected a CIDR/);
  assert.match(
    over!,
    /^selvage\.yaml:6: encapsulation\[1\]\.over\.use: no plugin "upd"; did you mean "udp"\?$/,
  );
  assert.match((await problems(`${gre}    over: text\n`))[0]!, /encapsulation/);
  assert.match(
    (await problems(`${gre}    over: { use: noise }\n`))[0]!,
    /"noise" is a plugin for encapsulation/,
  );
  assert.match((await problems("transport: { use: udp, over: { use: udp } }"))[0]!, /over: unknown setting/);
});

test("a setting of the slot itself means the first entry of a list that another layer gives", async () => {
  const yaml = 'transport:\n  - { use: udp, listen: "[::]:1" }\n  - { use: udp, listen: "[::]:2" }\n';
  const listens = (config: LoadedConfig) =>
    config.chosen.filter(({ slot }) => slot === "transport").map(({ options }) => options["listen"]);
  assert.deepEqual(listens(await load(yaml)), ["[::]:1", "[::]:2"]);
  const environment = { SELVAGE_TRANSPORT__LISTEN: "[::]:3" };
  assert.deepEqual(listens(await load(yaml, { environment })), ["[::]:3", "[::]:2"]);
  assert.deepEqual(listens(await load(yaml, { flags: { listen: "[::]:4" } })), ["[::]:4", "[::]:2"]);
  const added = await load('transport: { listen: "[::]:1" }', {
    environment: { SELVAGE_TRANSPORT__1__LISTEN: "[::]:5" },
  });
  assert.deepEqual(listens(added), ["[::]:1", "[::]:5"], "an entry may be added to what was no list");
  assert.deepEqual([added.plugins.transport].flat().map(({ name }) => name), ["udp", "udp"]);
});

test("one transport and one encapsulation are shown as what they are, without a number", async () => {
  const config = await load("", { flags: { listen: "[::]:9" } });
  assert.deepEqual(shown(config, "transport"), {
    "transport.listen": '"[::]:9" --listen',
    "transport.use": '"udp" default',
  });
  assert.deepEqual(Object.keys(shown(config, "encapsulation")), [
    "encapsulation.aead",
    "encapsulation.relay",
    "encapsulation.relayBytesPerSecond",
    "encapsulation.relayPacketsPerSecond",
    "encapsulation.relays",
    "encapsulation.trustedSubnets",
    "encapsulation.underlayMtu",
    "encapsulation.use",
  ]);
});

test("discovery takes seeds from the environment without a number", async () => {
  const { chosen } = await load("", { environment: { SELVAGE_DISCOVERY__SEEDS: '["192.0.2.1:1"]' } });
  const seeds = chosen.filter(({ slot }) => slot === "discovery").map(({ options }) => options["seeds"]);
  assert.deepEqual(seeds, [["192.0.2.1:1"], undefined], "and gossip beside it");
});

test("the schema takes an entry or a list of entries where the slot does, and `over` beside an encapsulation", () => {
  const { properties } = configSchema() as {
    properties: Record<string, { anyOf: Record<string, unknown>[] }>;
  };
  const isList = (slot: string) => properties[slot]!.anyOf.some((each) => each["type"] === "array");
  assert.deepEqual(["store", "transport", "encapsulation", "discovery", "ipam", "port"].filter(isList), [
    "transport",
    "encapsulation",
    "discovery",
    "port",
  ]);
  const [one] = properties["encapsulation"]!.anyOf as unknown as {
    anyOf: { title: string; properties: object }[];
  }[];
  const greUdp = one!.anyOf.find(({ title }) => title === "gre_udp")!;
  assert.deepEqual(Object.keys(greUdp.properties), ["use", "peers", "over"]);
});

test("a list or map that a variable sets as a whole keeps what a flag does not change, with its origins", async () => {
  const environment = {
    SELVAGE_TRANSPORT: '[{"use":"udp"},{"use":"tcp"}]',
    SELVAGE_LOG: '{"format":"json"}',
    SELVAGE_ENCAPSULATION__1__OVER: '{"listen":"127.0.0.1:5000"}',
  };
  const config = await load(gre, { environment, flags: { listen: "127.0.0.1:4000", logLevel: "debug" } });
  assert.deepEqual(shown(config, "log"), {
    "log.format": '"json" SELVAGE_LOG',
    "log.level": '"debug" --log-level',
  });
  assert.deepEqual([config.plugins.transport].flat().map(({ name }) => name), ["udp", "tcp"]);
  assert.deepEqual(shown(config, "transport[0]"), {
    "transport[0].listen": '"127.0.0.1:4000" --listen',
    "transport[0].use": '"udp" SELVAGE_TRANSPORT',
  });
  assert.deepEqual(shown(config, "encapsulation[1].over"), {
    "encapsulation[1].over.listen": '"127.0.0.1:5000" SELVAGE_ENCAPSULATION__1__OVER',
    "encapsulation[1].over.use": '"udp" default',
  });
});

test("a list that a variable sets as a whole takes the place of a longer one in the file", async () => {
  const environment = { SELVAGE_TRANSPORT: '[{"use":"udp","listen":"127.0.0.1:4001"}]' };
  const { plugins } = await load("transport: [{ use: udp }, { use: tcp }]\n", { environment });
  assert.deepEqual([plugins.transport].flat().map(({ name }) => name), ["udp"]);
});

test("names where plugins should stand are refused, also where a flag speaks of the first of them", async () => {
  const expected =
    "selvage.yaml:1: transport: expected a plugin, as `{ use: name }` with its options, or a list of them";
  for (const yaml of ["transport: udp\n", "transport: [udp, tcp]\n"]) {
    assert.ok((await problems(yaml)).includes(expected), yaml);
  }
  const flags = { listen: "127.0.0.1:4000" };
  assert.deepEqual(await problems("transport: [udp, tcp]\n", { flags }), [expected]);
});

test("host mode is a port in the process and one of interfaces, by flag, variable or file, and keeps options of the file", async () => {
  const names = ({ plugins }: LoadedConfig) => [plugins.port].flat().map(({ name }) => name);
  assert.deepEqual(names(await load("")), ["userspace"]);
  const byFile = await load("port: [{ use: userspace }, { use: tap, namespace: other }]\n");
  const environment = { SELVAGE_PORT: '[{"use":"userspace"},{"use":"tap"}]' };
  const byFlag = await load("", { flags: { hostMode: true } });
  for (const config of [byFile, byFlag, await load("", { environment })]) {
    assert.deepEqual(names(config), ["userspace", "tap"]);
  }
  assert.equal(shown(byFlag, "port[1].use")["port[1].use"], '"tap" --host-mode');
  const both = await load("port: [{ use: userspace }, { use: tap, namespace: other }]\n", {
    flags: { hostMode: true },
  });
  assert.equal(shown(both, "port[1].namespace")["port[1].namespace"], '"other" selvage.yaml:1');
  assert.deepEqual(names(await load("port: { use: userspace }\n", { flags: { hostMode: true } })), [
    "userspace",
    "tap",
  ]);
  assert.match((await problems("port: []"))[0]!, /port: expected at least one port/);
});
