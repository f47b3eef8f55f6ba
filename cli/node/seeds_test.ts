import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { memoryStore } from "../../plugins/memory_store/mod.ts";
import { loadConfig } from "../config/load.ts";
import { fakeIo } from "../io_fixture.ts";
import { entranceOf } from "./entry_intent.ts";
import type { Entry } from "./node_order.ts";
import { withSeeds } from "./seeds.ts";

async function configWith(environment: Record<string, string> = {}) {
  return await loadConfig({}, fakeIo({ environment: { HOME: "/nonexistent", ...environment } }));
}

async function targets(seeds: string, endpoints: { host: string; port: number }[]) {
  const warnings: string[] = [];
  const config = await configWith({ SELVAGE_DISCOVERY__0__SEEDS: seeds });
  const { discovery } = await withSeeds(config, endpoints, (problem) => warnings.push(problem));
  const log = { child: () => log, log: () => {} };
  const clock = { now: () => 0, wall: () => 0, timer: () => ({ cancel: () => {} }) };
  const store = memoryStore({}).create({ clock, random: { fill: (bytes) => bytes }, log });
  const [plugin] = discovery.map((each) => each.create({ store, log } as never));
  return { targets: plugin!.targets().map(({ endpoint }) => `${endpoint.host} ${endpoint.port}`), warnings };
}

test("seeds of the file and endpoints of the command line are one list of literals", async () => {
  const found = await targets('["192.0.2.1:1", "[2001:db8::1]:2"]', [{ host: "192.0.2.9", port: 9 }]);
  assert.deepEqual(found, { targets: ["192.0.2.1 1", "2001:db8::1 2", "192.0.2.9 9"], warnings: [] });
});

test("a name that nobody knows is left out with a warning", async () => {
  const found = await targets('["no-such-host.invalid:1", "192.0.2.1:1"]', []);
  assert.deepEqual(found.targets, ["192.0.2.1 1"]);
  assert.match(found.warnings.join(), /Cannot resolve "no-such-host\.invalid"/);
});

async function intent(entry: Entry, environment: Record<string, string> = {}) {
  const config = await configWith({ SELVAGE_TRANSPORT__LISTEN: "127.0.0.1:7001", ...environment });
  return await entranceOf({ flags: {}, entry }, config);
}

test("only who launches alone, or is first on a list with a password, founds", async () => {
  const alone = await intent({ kind: "launch", endpoints: [] }, { SELVAGE_IPAM__RANGE: "10.40.0.0/16" });
  assert.equal(alone.intent.found?.range.bits, 16);
  const resumed = await intent({ kind: "launch", endpoints: ["192.0.2.1:7001"] });
  assert.deepEqual(resumed.intent, {});
  assert.deepEqual(resumed.seeds, [{ host: "192.0.2.1", port: 7001 }]);

  const [own, other] = ["127.0.0.1:7001", "192.0.2.1:7001"];
  const first = await intent({ kind: "launch", endpoints: [own, other], password: "p" });
  assert.equal(first.intent.found?.password, "p");
  assert.deepEqual(first.seeds, [{ host: "192.0.2.1", port: 7001 }]);
  const second = await intent({ kind: "launch", endpoints: [other, own], password: "p" });
  assert.equal(second.intent.found, undefined);
  assert.deepEqual(second.intent.join?.password, { networkName: "selvage", password: "p" });
  assert.deepEqual(second.intent.join?.endpoints, [{ host: "192.0.2.1", port: 7001 }]);
});

test("a joiner brings its token, or the password and the network's name", async () => {
  const token = await intent({ kind: "join", endpoints: ["192.0.2.1"], token: "t" });
  assert.deepEqual(token.intent.join, { token: "t", endpoints: [{ host: "192.0.2.1", port: 6783 }] });
  const password = await intent({ kind: "join", endpoints: [], password: "p" }, {
    SELVAGE_NETWORK: "office",
  });
  assert.deepEqual(password.intent.join?.password, { networkName: "office", password: "p" });
});
