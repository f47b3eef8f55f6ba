import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { testHost } from "../../tests/conformance/test_host.ts";
import { MeshError } from "../../core/contracts/errors.ts";
import { formatEndpoint } from "../../core/wire/endpoint.ts";
import { parseNamedEndpoint } from "../../core/wire/named_endpoint.ts";
import { loadConfig } from "../config/load.ts";
import { fakeIo } from "../io_fixture.ts";
import { entranceOf, explainEntry } from "./entry_intent.ts";
import type { Entry } from "./node_order.ts";
import { withSeeds } from "./seeds.ts";

async function configWith(environment: Record<string, string> = {}) {
  return await loadConfig({}, fakeIo({ environment: { HOME: "/nonexistent", ...environment } }));
}

async function targets(seeds: string, given: readonly string[] | undefined) {
  const config = await configWith({ SELVAGE_DISCOVERY__0__SEEDS: seeds });
  const { discovery } = withSeeds(config, given?.map((text) => parseNamedEndpoint(text)!));
  const [plugin] = discovery.map((each) => each.create(testHost()));
  return plugin!.targets().map(({ endpoint, source }) => `${formatEndpoint(endpoint)} ${source}`);
}

test("seeds of the file and endpoints of the command line are one list, names as they are", async () => {
  assert.deepEqual(await targets('["192.0.2.1:1", "mesh.example.net:2"]', ["192.0.2.9:9", "192.0.2.1:1"]), [
    "192.0.2.1:1 static_seeds",
    "mesh.example.net:2 static_seeds",
    "192.0.2.9:9 launch",
  ]);
  assert.deepEqual(await targets("[]", undefined), []);
});

test("a node without the list of seeds gets one for the endpoints of its command line", async () => {
  const config = await configWith({ SELVAGE_DISCOVERY: '[{"use":"gossip"}]' });
  const given = [parseNamedEndpoint("mesh.example.net:2")!];
  assert.deepEqual(withSeeds(config, given).discovery.map(({ name }) => name), ["gossip", "static_seeds"]);
  assert.deepEqual(withSeeds(config, undefined).discovery.map(({ name }) => name), ["gossip"]);
});

async function intent(entry: Entry, environment: Record<string, string> = {}) {
  const config = await configWith({ SELVAGE_TRANSPORT__LISTEN: "127.0.0.1:7001", ...environment });
  const warnings: string[] = [];
  const entrance = await entranceOf({ flags: {}, entry }, config, (problem) => warnings.push(problem));
  return { ...entrance, seeds: entrance.given?.map(formatEndpoint), warnings };
}

test("who resumes founds nothing, and says so where there is nothing to go on with", async () => {
  const entry: Entry = { kind: "launch", endpoints: [], password: "p", resume: true };
  const { intent: wanted, given } = await intent(entry);
  assert.deepEqual([wanted, given], [{}, undefined]);
  const refused = new MeshError("NOT_ADMITTED", "no network");
  const told = explainEntry(refused, { flags: {}, entry });
  assert.match(String(told), /Cannot launch with --resume: this node belongs to no network yet/);
});

test("only who launches alone, or is first on a list with a password, founds", async () => {
  const alone = await intent({ kind: "launch", endpoints: [] }, { SELVAGE_IPAM__RANGE: "10.40.0.0/16" });
  assert.equal(alone.intent.found?.range.bits, 16);
  const resumed = await intent({ kind: "launch", endpoints: ["192.0.2.1:7001"] });
  assert.deepEqual(resumed.intent, {});
  assert.deepEqual([alone.seeds, resumed.seeds], [undefined, ["192.0.2.1:7001"]]);

  const [own, other] = ["127.0.0.1:7001", "192.0.2.1:7001"];
  const first = await intent({ kind: "launch", endpoints: [own, other], password: "p" });
  assert.equal(first.intent.found?.password, "p");
  assert.deepEqual(first.seeds, ["192.0.2.1:7001"]);
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

test("a name that nobody knows now keeps nobody from starting, and who cannot tell whether it is first founds nothing", async () => {
  const unknown = "no-such-host.invalid:7001";
  const resumed = await intent({ kind: "launch", endpoints: [unknown, "192.0.2.1:7001"] });
  assert.deepEqual([resumed.intent, resumed.seeds], [{}, [unknown, "192.0.2.1:7001"]]);
  assert.match(resumed.warnings.join(), /^Cannot resolve "no-such-host\.invalid"/);
  const listed = await intent({ kind: "launch", endpoints: [unknown, "127.0.0.1:7001"], password: "p" });
  assert.equal(listed.intent.found, undefined);
  assert.deepEqual(listed.intent.join?.endpoints, []);
  assert.deepEqual(listed.intent.join?.unknown, [unknown]);
});

test("who does not know the first name of the list, which may be its own, does not wait for it as long as others do", async () => {
  const [known, unknown] = ["192.0.2.1:7001", "no-such-host.invalid:7001"];
  const patient = await intent({ kind: "launch", endpoints: [known, unknown], password: "p" });
  assert.ok(patient.intent.join!.timeoutMillis! > 30_000);
  const lost = await intent({ kind: "launch", endpoints: [unknown, known], password: "p" });
  assert.deepEqual([lost.intent.join?.endpoints?.length, lost.intent.join?.timeoutMillis], [1, undefined]);
});

test("an address of the loopback is this node's own where it listens at all addresses, for host names stand for such", async () => {
  const entry: Entry = { kind: "launch", endpoints: ["127.0.1.1:7001", "192.0.2.1:7001"], password: "p" };
  const first = await intent(entry, { SELVAGE_TRANSPORT__LISTEN: "[::]:7001" });
  assert.equal(first.intent.found?.password, "p");
  assert.deepEqual(first.seeds, ["192.0.2.1:7001"]);
  const beside = await intent(entry, { SELVAGE_TRANSPORT__LISTEN: "127.0.0.1:7001" });
  assert.equal(beside.intent.found, undefined);
});
