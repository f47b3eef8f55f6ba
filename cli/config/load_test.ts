import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { errorCode } from "../../core/contracts/errors.ts";
import { fakeIo, temporaryDirectory } from "../io_fixture.ts";
import type { ConfigFlags } from "./config_flags.ts";
import { loadConfig, type LoadedConfig } from "./load.ts";
import { formatOrigin, formatPath } from "./origin.ts";

interface Given {
  readonly yaml?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly flags?: ConfigFlags;
  readonly privileged?: boolean;
  /** Further files beside the configuration, by name. */
  readonly files?: Readonly<Record<string, string>>;
}

/** Loads with a file called `selvage.yaml` whose directory is cut off from messages. */
async function load({ yaml = "", environment = {}, flags = {}, privileged = false, files = {} }: Given) {
  using directory = temporaryDirectory();
  const file = join(directory.path, "selvage.yaml");
  writeFileSync(file, yaml);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory.path, name), text);
  const io = fakeIo({ environment: { HOME: "/srv/eve", ...environment }, privileged });
  try {
    return await loadConfig({ config: file, ...flags }, io);
  } catch (error) {
    const { message } = error as Error;
    throw Object.assign(error as Error, { message: message.replaceAll(`${directory.path}/`, "") });
  }
}

function shown({ effective }: LoadedConfig): Record<string, [unknown, string]> {
  return Object.fromEntries(effective.map(({ path, value, origin }) => {
    const place = formatOrigin(origin).replace(/^.*\/(selvage\.yaml)/, "$1");
    return [formatPath(path), [value, place]];
  }));
}

async function problems(given: Given): Promise<string> {
  const error = await load(given).then(() => undefined, (error: unknown) => error);
  assert.ok(error instanceof Error, "it was accepted");
  assert.equal(errorCode(error), "CONFIG_INVALID");
  return error.message;
}

test("an empty file is a whole configuration", async () => {
  const { settings, plugins } = await load({});
  assert.equal(settings.network, "selvage");
  assert.equal(settings.stateDir, "/srv/eve/.local/state/selvage");
  assert.equal(settings.admin.socket, "/srv/eve/.local/state/selvage/admin.sock");
  const named = [plugins.store, plugins.transport, plugins.encapsulation, plugins.discovery].flat();
  assert.deepEqual(named.map(({ name }) => name), [
    "sqlite",
    "udp",
    "noise",
    "static_seeds",
    "gossip",
  ]);
  assert.deepEqual([plugins.ipam.name, plugins.policy.name, [plugins.port].flat()[0]?.name], [
    "ring",
    "allow_all",
    "userspace",
  ]);
});

test("root's paths are the system's, and naming a state directory moves the socket into it", async () => {
  const root = await load({ privileged: true });
  assert.deepEqual([root.settings.stateDir, root.settings.admin.socket], [
    "/var/lib/selvage",
    "/run/selvage/admin.sock",
  ]);
  const moved = await load({ privileged: true, environment: { SELVAGE_STATE_DIR: "/srv/mesh" } });
  assert.equal(moved.settings.admin.socket, "/srv/mesh/admin.sock");
});

test("the API listens on TCP only where it is told to, and only for this machine", async () => {
  assert.equal((await load({})).settings.admin.listen, undefined);
  const { admin } =
    (await load({ yaml: "admin: { listen: '[::1]:6784', tokenFile: /srv/token }\n" })).settings;
  assert.deepEqual([admin.listen, admin.tokenFile], ["[::1]:6784", "/srv/token"]);
  for (const listen of ["0.0.0.0:6784", "192.0.2.1:6784", "localhost:6784", "127.0.0.1"]) {
    const message = await problems({ yaml: `admin: { listen: "${listen}" }\n` });
    assert.match(message, /^selvage\.yaml:1: admin\.listen: .*write 127\.0\.0\.1:6784 or \[::1\]:6784/);
  }
});

test("members that a node hears of are called, unless the file or --no-discovery says otherwise", async () => {
  const discovers = async (given: Parameters<typeof load>[0]) => (await load(given)).settings.discover;
  assert.equal(await discovers({}), true);
  assert.equal(
    await discovers({ flags: { discovery: true } }),
    true,
    "as the parser says of a flag not given",
  );
  assert.equal(await discovers({ yaml: "discover: false\n", flags: { discovery: true } }), false);
  assert.equal(await discovers({ flags: { discovery: false } }), false);
});

test("a flag wins over the environment, that over the file, that over the default, and each says where it is from", async () => {
  const config = await load({
    yaml: "name: file\nnetwork: file\nlog: { level: warn }\nipam:\n  range: 10.1.0.0/16\n",
    environment: {
      SELVAGE_NAME: "environment",
      SELVAGE_NETWORK: "environment",
      SELVAGE_IPAM__RANGE: "10.2.0.0/16",
    },
    flags: { name: "flag", defaultSubnet: "10.2.64.0/18", trustedSubnets: "10.0.0.0/8,fd00::/8" },
  });
  const settings = shown(config);
  assert.deepEqual(settings["name"], ["flag", "--name"]);
  assert.deepEqual(settings["ipam.defaultSubnet"], ["10.2.64.0/18", "--default-subnet"]);
  assert.deepEqual(settings["encapsulation.trustedSubnets"], [
    ["10.0.0.0/8", "fd00::/8"],
    "--trusted-subnets",
  ]);
  assert.deepEqual(settings["network"], ["environment", "SELVAGE_NETWORK"]);
  assert.deepEqual(settings["log.level"], ["warn", "selvage.yaml:3"]);
  assert.deepEqual(settings["ipam.range"], ["10.2.0.0/16", "SELVAGE_IPAM__RANGE"]);
  assert.deepEqual(settings["log.format"], ["text", "default"]);
});

test("what is no network is refused as one that is trusted, by name of the flag", async () => {
  for (const trustedSubnets of ["10.0.0.1", "10.0.0.1/8", "10.0.0.0/8,", "lan"]) {
    assert.match(
      await problems({ flags: { trustedSubnets } }),
      /--trusted-subnets.*: .*like 10\.0\.0\.0\/8/s,
    );
  }
});

test("the environment names nested settings, capitals inside keys, list entries, numbers and lists", async () => {
  const config = await load({
    environment: {
      SELVAGE_IPAM__QUARANTINE_SECONDS: "5",
      SELVAGE_DISCOVERY__0__SEEDS: '["192.0.2.1:1", "192.0.2.2:2"]',
      SELVAGE_TOKEN: "no setting",
      SELVAGE_PASSWORD: "no setting",
      SELVAGE_DEBUG: "1",
    },
  });
  const settings = shown(config);
  assert.equal(settings["ipam.quarantineSeconds"]?.[0], 5);
  assert.deepEqual(settings["discovery[0].seeds"]?.[0], ["192.0.2.1:1", "192.0.2.2:2"]);
  assert.ok(!("token" in settings) && !("debug" in settings));
});

test("gossip runs beside the usual discovery until somebody says which are used", async () => {
  const names = (yaml: string, environment: Record<string, string> = {}) =>
    load({ yaml, environment }).then(({ plugins }) => plugins.discovery.map(({ name }) => name));
  const usual = ["static_seeds", "gossip"];
  assert.deepEqual(await names('discovery: { seeds: ["192.0.2.1:1"] }'), usual);
  assert.deepEqual(await names('discovery: [{ seeds: ["192.0.2.1:1"] }]'), usual);
  assert.deepEqual(await names("", { SELVAGE_DISCOVERY__0__SEEDS: '["192.0.2.1:1"]' }), usual);
  for (const whole of ['{ "seeds": ["192.0.2.1:1"] }', '[{ "seeds": ["192.0.2.1:1"] }]']) {
    assert.deepEqual(await names("", { SELVAGE_DISCOVERY: whole }), usual, whole);
  }
  assert.deepEqual(await names("", { SELVAGE_DISCOVERY: '{ "use": "static_seeds" }' }), ["static_seeds"]);
  assert.deepEqual(await names("", { SELVAGE_DISCOVERY: "[]" }), []);
  assert.deepEqual(
    await names('discovery: [{ seeds: ["192.0.2.1:1"] }, { seeds: ["192.0.2.2:2"] }]'),
    ["static_seeds", "static_seeds", "gossip"],
  );
  assert.deepEqual(await names("discovery: { use: static_seeds }"), ["static_seeds"]);
  assert.deepEqual(await names("discovery: [{ use: static_seeds }]"), ["static_seeds"]);
  assert.deepEqual(await names("discovery: [{ use: gossip }]"), ["gossip"]);
  assert.deepEqual(await names("discovery: []"), []);
});

test("discovery is one map or a list of maps", async () => {
  const seeds = (yaml: string) =>
    load({ yaml }).then(({ chosen }) => chosen.filter(({ slot }) => slot === "discovery"));
  const one = await seeds('discovery: { use: static_seeds, seeds: ["192.0.2.1:1"] }');
  assert.deepEqual(one.map(({ options }) => options), [{ seeds: ["192.0.2.1:1"] }]);
  const two = await seeds('discovery:\n  - seeds: ["192.0.2.1:1"]\n  - { use: static_seeds }\n');
  assert.deepEqual(two.map(({ use }) => use), ["static_seeds", "static_seeds"]);
  assert.deepEqual(await seeds("discovery: []"), []);
});

test("choosing another plugin drops the options of the former one", async () => {
  const config = await load({
    yaml: "store: { use: sqlite, directory: /srv/mesh }",
    environment: { SELVAGE_STORE__USE: "memory_store" },
  });
  assert.equal(config.plugins.store.name, "memory_store");
  assert.ok(!("store.directory" in shown(config)));
});

test("everything wrong is reported at once, with line, path and what was expected", async () => {
  const message = await problems({
    yaml: 'nmae: a\nipam:\n  range: "10.0.0.0"\nlog:\n  level: loud\npolicy:\n  use: alow_all\n',
    environment: { SELVAGE_TRANSPORT__LISTEN: "nowhere" },
  });
  const lines = message.split("\n");
  assert.equal(lines.length, 5, message);
  assert.match(message, /^selvage\.yaml:1: nmae: unknown setting; did you mean "name"\?$/m);
  assert.match(message, /^selvage\.yaml:3: ipam\.range: expected an IPv4 CIDR/m);
  assert.match(message, /^selvage\.yaml:5: log\.level: /m);
  assert.match(message, /^selvage\.yaml:7: policy\.use: no plugin "alow_all"; did you mean "allow_all"\?$/m);
  assert.match(message, /^SELVAGE_TRANSPORT__LISTEN: transport\.listen: /m);
});

test("a plugin's name that was left out, or is no text, is named with its line, also below `over`", async () => {
  const cases: readonly (readonly [string, string])[] = [
    ["policy:\n  use:\n", "selvage.yaml:2: policy.use: expected a plugin's name, got null"],
    ["policy: { use: 7 }\n", "selvage.yaml:1: policy.use: expected a plugin's name, got 7"],
    ["discovery: [{ use: }]\n", "selvage.yaml:1: discovery[0].use: expected a plugin's name, got null"],
    [
      "encapsulation:\n  - use: noise\n  - use: gre_udp\n    over: { use: }\n",
      "selvage.yaml:4: encapsulation[1].over.use: expected a plugin's name, got null",
    ],
  ];
  for (const [yaml, expected] of cases) {
    assert.ok((await problems({ yaml })).split("\n").includes(expected), yaml);
  }
});

test("an unknown option of a plugin is named with its line and the option that was meant", async () => {
  const message = await problems({ yaml: "ipam:\n  use: ring\n  rnage: 10.0.0.0/8\n" });
  assert.equal(message, 'selvage.yaml:3: ipam.rnage: unknown setting; did you mean "range"?');
});

test("text that is no YAML map is refused with file and line", async () => {
  assert.match(await problems({ yaml: "name: a\nname: b\n" }), /^selvage\.yaml:2: .*unique/i);
  assert.match(await problems({ yaml: "a: [1\n" }), /^selvage\.yaml:\d+: /);
  assert.match(await problems({ yaml: "- a\n" }), /^selvage\.yaml:1: expected a map/);
  assert.match(await problems({ yaml: "just words" }), /^selvage\.yaml:1: expected a map/);
});

test("a named file that is not there is an error, also when the environment names it", async () => {
  const named = { code: "CONFIG_INVALID", message: /nonexistent\/x\.yaml: there is no such file/ };
  await assert.rejects(loadConfig({ config: "/nonexistent/x.yaml" }, fakeIo()), named);
  const environment = { SELVAGE_CONFIG: "/nonexistent/x.yaml" };
  await assert.rejects(loadConfig({}, fakeIo({ environment })), named);
});

test("keys that mean something to JavaScript are unknown settings like any other", async () => {
  for (const key of ["__proto__", "constructor", "toString", "prototype"]) {
    assert.match(await problems({ yaml: `${key}: { polluted: true }` }), /unknown setting/, key);
    assert.match(await problems({ yaml: `ipam: { ${key}: 1 }` }), /unknown setting/, key);
  }
  assert.match(await problems({ yaml: "policy: { use: __proto__ }" }), /policy\.use: no plugin/);
  assert.match(await problems({ yaml: "policy: { use: constructor }" }), /policy\.use: no plugin/);
  assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
});

const contracts = new URL("../../mod.ts", import.meta.url).href;

test("a plugin's module is found beside the file, and its options are checked by its own schema", async () => {
  const policy = `import { definePlugin } from "${contracts}";
    const config = { "~standard": { version: 1, vendor: "test", validate: (value) =>
      value.strict === true ? { value } : { issues: [{ message: "expected true", path: ["strict"] }] } } };
    export const plugin = definePlugin({ slot: "policy", name: "own", config, create: () => ({}) });`;
  const files = { "own.mjs": policy };
  const good = await load({ yaml: "policy: { use: ./own.mjs, strict: true }", files });
  assert.equal(good.plugins.policy.name, "own");
  const message = await problems({ yaml: "policy:\n  use: ./own.mjs\n  strict: no\n", files });
  assert.equal(message, "selvage.yaml:3: policy.strict: expected true");
  assert.match(
    await problems({ yaml: "port: { use: ./own.mjs }", files }),
    /^selvage\.yaml:1: port\.use: "\.\/own\.mjs" is a plugin for policy, not for port$/,
  );
});

test("a plugin's module that is missing, throws, or exports no factory is refused with its line", async () => {
  const files = {
    "throws.mjs": 'throw new Error("no luck today");',
    "empty.mjs": "export const other = 1;",
    "number.mjs": "export const plugin = 7;",
    "broken.mjs": "export const plugin = (;",
  };
  const use = (name: string) => problems({ yaml: `name: a\npolicy:\n  use: ${name}\n`, files });
  assert.match(
    await use("./missing.mjs"),
    /^selvage\.yaml:3: policy\.use: cannot load the plugin "\.\/missing\.mjs"/,
  );
  assert.match(await use("./throws.mjs"), /^selvage\.yaml:3: policy\.use: cannot load .*no luck today/);
  assert.match(await use("./empty.mjs"), /^selvage\.yaml:3: policy\.use: .*no export "plugin"/);
  assert.match(await use("./number.mjs"), /^selvage\.yaml:3: policy\.use: .*no export "plugin"/);
  assert.match(await use("./broken.mjs"), /^selvage\.yaml:3: policy\.use: cannot load/);
  assert.match(await use('"@nobody/has-this"'), /^selvage\.yaml:3: policy\.use: cannot load/);
  assert.match(await use("allow-all"), /cannot load the plugin "allow-all".*; did you mean "allow_all"\?$/);
  assert.match(
    await use("throws.mjs"),
    /cannot load the plugin "throws\.mjs".*; did you mean "\.\/throws\.mjs"\?$/,
  );
  assert.doesNotMatch(await use("no-such-package"), /plugin_module|did you mean/);
});

test("settings of the wrong shape are errors and nothing else", async () => {
  const wrong = [
    "name: { a: 1 }",
    "name: [a]",
    "name: ''",
    "stateDir: 7",
    "admin: text",
    "admin: { socket: 1 }",
    "log: [1]",
    "store: text",
    "discovery: text",
    "discovery: [text]",
    "discovery: { seeds: text }",
    "transport: [1, 2]",
    "policy: null",
    "ipam: { use: 7 }",
    "ipam: { use: '' }",
    "ipam: { use: udp }",
  ];
  for (const yaml of wrong) assert.notEqual(await problems({ yaml }), "", yaml);
});

test("no text whatever makes loading fail in any other way", async () => {
  const key = fc.oneof(
    fc.constantFrom(
      "name",
      "ipam",
      "discovery",
      "use",
      "store",
      "log",
      "0",
      "__proto__",
      "seeds",
      "admin",
      "range",
    ),
    fc.string({ maxLength: 6 }),
  );
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom("ring", "udp", "./x.ts", "10.0.0.0/8", null, true, 7, -1.5),
      fc.string({ maxLength: 8 }),
      fc.array(tie("any"), { maxLength: 3 }),
      fc.dictionary(key, tie("any"), { maxKeys: 4 }),
    ),
  })).any;
  const text = fc.oneof(
    fc.dictionary(key, value, { maxKeys: 4 }).map((tree) => JSON.stringify(tree)),
    fc.string({ maxLength: 40 }),
    fc.string({ unit: fc.constantFrom(..."ab:[]{}&*!|>-\n \t'\"#%@0"), maxLength: 40 }),
  );
  await fc.assert(
    fc.asyncProperty(text, async (yaml) => {
      const error = await load({ yaml }).then(() => undefined, (error: unknown) => error);
      assert.ok(
        error === undefined || errorCode(error) === "CONFIG_INVALID",
        String((error as Error)?.stack),
      );
    }),
    { seed: 20_261_123, numRuns: 400 },
  );
});

test("a variable for a part of what another variable sets as a whole is refused, naming both", async () => {
  const message = await problems({ environment: { SELVAGE_LOG: "debug", SELVAGE_LOG__LEVEL: "info" } });
  assert.equal(message, "SELVAGE_LOG__LEVEL: SELVAGE_LOG sets all of it; keep one of the two");
  const list = { SELVAGE_DISCOVERY__0: "text", SELVAGE_DISCOVERY__0__SEEDS: "[]" };
  assert.match(await problems({ environment: list }), /keep one of the two/);
});

test("a file that is too long, too deep or full of aliases is refused before it costs anything", async () => {
  assert.match(await problems({ yaml: "#".repeat(65_537) }), /65537 characters, at most 65536 are read/);
  assert.match(
    await problems({ yaml: `a: ${"[".repeat(60_000)}` }),
    /more than 200 brackets are open at once/,
  );
  assert.match(await problems({ yaml: `a: ${"{a: ".repeat(20)}${"}".repeat(20)}` }), /nested deeper than 16/);
  assert.match(await problems({ yaml: `a: ${"[".repeat(20)}${"]".repeat(20)}` }), /nested deeper than 16/);
  const bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n";
  assert.match(await problems({ yaml: bomb }), /^selvage\.yaml:2: \*a stands for another value/);
  assert.match(await problems({ yaml: "a: &a [*a]\n" }), /stands for another value/);
  assert.match(
    await problems({ yaml: "base: &b { use: ring }\nipam: *b\n" }),
    /^selvage\.yaml:2: \*b stands/,
  );
});

test("of very many problems the first ones are told and the rest is counted", async () => {
  const keys = Array.from({ length: 3000 }, (_, i) => `k${i}: 1\n`).join("");
  const lines = (await problems({ yaml: keys })).split("\n");
  assert.equal(lines[0], "selvage.yaml:1: k0: unknown setting");
  assert.deepEqual([lines.length, lines.at(-1)], [51, "and 2950 more problems"]);
  const broken = (await problems({ yaml: "&a ".repeat(1000) })).split("\n");
  assert.deepEqual([broken.length, /: and \d+ more$/.test(broken.at(-1)!)], [21, true]);
});

test("a key with a dot in it is not taken for two keys", async () => {
  const message = await problems({ yaml: '"log.level": warn\nlog: { level: debug }\n' });
  assert.equal(message, "selvage.yaml:1: log.level: unknown setting");
});
