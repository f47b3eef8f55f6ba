/** What the routes ask of the node, what they answer, and what they leave in the log. */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { hostStatus } from "./host_fixture.ts";
import { adminFixture } from "./admin_fixture.ts";
import { createAdminApp } from "./app.ts";
import { secretOfToken } from "./mesh_node_fixture.ts";

test("reads answer the node's own documents", async () => {
  const { request, node } = adminFixture();
  const read = async (path: string): Promise<unknown> => (await request("GET", path)).json();
  assert.deepEqual(await read("/v1/status"), node.status());
  assert.deepEqual(await read("/v1/ipam"), node.ipam());
  assert.deepEqual(await read("/v1/peers"), { peers: node.peers() });
  assert.deepEqual(await read("/v1/links"), { links: node.links() });
  assert.deepEqual(await read("/v1/connections"), { connections: node.connections() });
  assert.deepEqual(await read("/v1/targets"), { targets: node.targets() });
  assert.deepEqual(await read("/v1/drops"), { drops: node.drops() });
  assert.deepEqual(await read("/v1/members"), { members: node.members.list() });
  assert.deepEqual(await read("/v1/endpoints"), { endpoints: node.endpoints.list() });
  assert.deepEqual(await read("/v1/tokens"), { tokens: node.tokens.list() });
  assert.deepEqual(await read("/v1/version"), { name: "selvage", version: "0.1.0", api: "v1" });
});

test("health is 200 for a healthy node and 503, with the alerts, for one that is not", async () => {
  const { request, node } = adminFixture();
  const well = await request("GET", "/v1/health");
  assert.equal(well.status, 200);
  assert.deepEqual(await well.json(), { healthy: true, state: "ready", alerts: [] });
  const alerts = [{ name: "clock", detail: "jumped by 3600 s", since: "2026-11-23T00:00:00.000Z" }];
  node.answers = { healthy: false, alerts };
  const ill = await request("GET", "/v1/health");
  assert.equal(ill.status, 503);
  assert.equal(ill.headers.get("content-type"), "application/json");
  assert.deepEqual(await ill.json(), { healthy: false, state: "ready", alerts });
});

test("a token is made with the lifetime asked for, or the node's default for an empty body", async () => {
  const { request, post, node } = adminFixture();
  const made = await post("/v1/tokens", { lifetimeSeconds: 60 });
  assert.equal(made.status, 201);
  assert.equal((await made.json()).token, secretOfToken);
  const headers = { "content-type": "application/json" };
  assert.equal((await request("POST", "/v1/tokens", { headers })).status, 201);
  assert.deepEqual(node.calls, ['tokens.create({"lifetimeSeconds":60})', "tokens.create({})"]);
});

test("revocations answer 204, and 404 for what is unknown", async () => {
  const { request, node } = adminFixture();
  assert.equal((await request("DELETE", "/v1/tokens/6f1d0c8a92b34e57a0c1d2e3f4a5b697")).status, 204);
  assert.equal((await request("DELETE", "/v1/members/web-2")).status, 204);
  const unknown = await request("DELETE", "/v1/members/web-9");
  assert.equal(unknown.status, 404);
  assert.equal((await unknown.json()).code, "NOT_FOUND");
  assert.deepEqual(node.calls, [
    'tokens.revoke("6f1d0c8a92b34e57a0c1d2e3f4a5b697")',
    'members.revoke("web-2")',
    'members.revoke("web-9")',
  ]);
});

test("an endpoint is attached with what was asked, and detached by its owner or by what attach was told", async () => {
  const { request, post, node } = adminFixture();
  const wish = { where: { pid: "4711" }, addresses: ["net:10.32.2.0/24"], labels: { app: "shop" } };
  const attached = await post("/v1/endpoints", wish);
  assert.deepEqual([attached.status, (await attached.json()).device], [200, "mesh0"]);
  for (const path of ["netns:4:4026532281", "%2Frun%2Fnetns%2Fweb?by=netns", "host?by=host", "nobody"]) {
    const { status } = await request("DELETE", `/v1/endpoints/${path}`);
    assert.equal(status, path === "nobody" ? 404 : 204);
  }
  await request("DELETE", "/v1/endpoints/web?by=netns&address=10.32.1.5");
  await request("DELETE", "/v1/endpoints/web?by=netns&address=10.32.1.5&address=net%3A10.32.2.0%2F24");
  assert.equal((await request("DELETE", "/v1/endpoints/x?by=name")).status, 422);
  assert.deepEqual(node.calls, [
    `endpoints.attach(${JSON.stringify(wish)})`,
    'endpoints.detach("netns:4:4026532281")',
    'endpoints.detach({"netns":"/run/netns/web"})',
    'endpoints.detach({"host":""})',
    'endpoints.detach("nobody")',
    'endpoints.detach({"netns":"web"}, "10.32.1.5")',
    'endpoints.detach({"netns":"web"}, "10.32.1.5", "net:10.32.2.0/24")',
  ]);
});

test("the host is exposed and hidden, and its services are put and removed, with what was asked", async () => {
  const { request, post, node } = adminFixture();
  const wish = { addresses: ["net:10.32.2.0/24"], name: "gateway", masquerade: false };
  assert.deepEqual(await (await post("/v1/host/expose", wish)).json(), hostStatus);
  assert.deepEqual(await (await post("/v1/host/hide", {})).json(), { hidden: ["10.32.0.9/12"] });
  const service = { kind: "export", listen: "0.0.0.0:8080", target: "10.32.0.5:80" };
  const headers = { "content-type": "application/json" };
  const put = await request("PUT", "/v1/host/services", { headers, body: JSON.stringify(service) });
  assert.deepEqual(await put.json(), hostStatus.services[0]);
  const path = "/v1/host/services/0.0.0.0:8080";
  assert.equal((await request("DELETE", `${path}?protocol=udp`)).status, 204);
  assert.equal((await request("DELETE", "/v1/host/services/%5B::%5D:81")).status, 404);
  assert.equal((await request("DELETE", `${path}?protocol=sctp`)).status, 422);
  assert.equal((await post("/v1/host/expose", { adresses: [] })).status, 422);
  assert.deepEqual(node.calls, [
    `host.expose(${JSON.stringify(wish)})`,
    "host.hide([])",
    `host.putService(${JSON.stringify(service)})`,
    'host.removeService("udp", "0.0.0.0:8080")',
    'host.removeService("tcp", "[::]:81")',
  ]);
});

test("a name in a path arrives as it was before percent-encoding", async () => {
  const { request, node } = adminFixture();
  for (const name of ["a b", "a/b", "ü", "100%", "%2F", "a?b#c", "index", ":peer"]) {
    await request("DELETE", `/v1/members/${encodeURIComponent(name)}`);
    assert.equal(node.calls.at(-1), `members.revoke(${JSON.stringify(name)})`);
  }
});

test("connect passes the endpoints on, and takes an empty list only to drop all", async () => {
  const { post, node } = adminFixture();
  assert.equal((await post("/v1/connect", { endpoints: ["192.0.2.9:6783"] })).status, 204);
  assert.equal((await post("/v1/connect", { endpoints: [], replace: true })).status, 204);
  assert.deepEqual(node.calls, ['connect(["192.0.2.9:6783"], {})', 'connect([], {"replace":true})']);
  const refused = await post("/v1/connect", { endpoints: [] });
  assert.equal(refused.status, 422);
  assert.match((await refused.json()).detail, /^Cannot take the request: endpoints: at least one endpoint/);
});

test("forget passes the endpoints on, as often as it is asked, and takes no empty list", async () => {
  const { post, node } = adminFixture();
  for (let i = 0; i < 2; i++) {
    assert.equal((await post("/v1/forget", { endpoints: ["192.0.2.9:6783"] })).status, 204);
  }
  assert.deepEqual(node.calls, ['forget(["192.0.2.9:6783"])', 'forget(["192.0.2.9:6783"])']);
  assert.equal((await post("/v1/forget", { endpoints: [] })).status, 422);
});

test("the log's levels are read and replaced, and a scope that is left out has none of its own any more", async () => {
  const { request, levels } = adminFixture();
  const set = async (document: unknown) =>
    await request("PUT", "/v1/log", {
      headers: { "content-type": "application/json" },
      body: JSON.stringify(document),
    });
  const settings = { level: "warn", scopes: { noise: "debug", "noise.link": "error" } };
  const known = levels.known();
  assert.deepEqual(await (await set(settings)).json(), { ...settings, known });
  assert.deepEqual(levels.settings(), settings);
  assert.deepEqual(await (await set({ level: "info" })).json(), { level: "info", scopes: {}, known });
  assert.deepEqual(await (await request("GET", "/v1/log")).json(), { level: "info", scopes: {}, known });
  const many = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`s${i}`, "info"]));
  for (
    const wrong of [{ level: "loud" }, { level: "info", scopes: { "a b": "info" } }, {
      level: "info",
      scopes: many,
    }]
  ) {
    assert.equal((await set(wrong)).status, 422);
  }
  assert.deepEqual(levels.settings(), { level: "info", scopes: {} });
});

test("a level for a scope that nobody logs under is refused by name, with those there are, and changes nothing", async () => {
  const { request, levels } = adminFixture();
  const response = await request("PUT", "/v1/log", {
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ level: "debug", scopes: { noise: "debug", nosuch: "debug" } }),
  });
  const { code, detail, details } = await response.json();
  assert.deepEqual([response.status, code], [422, "INVALID_ARGUMENT"]);
  assert.equal(
    detail,
    'Cannot set a level for "nosuch": nobody logs under that scope; there is admin, mesh, node, noise, noise.link',
  );
  assert.deepEqual(details, { unknown: ["nosuch"], known: levels.known() });
  assert.deepEqual(levels.settings(), { level: "info", scopes: {} });
});

test("a node whose log belongs to another program says so", async () => {
  const { node, clock, log } = adminFixture();
  const app = createAdminApp({ node, clock, log, stop: () => {}, version: "0.1.0" });
  const response = await app.request("/v1/log", { headers: { host: "localhost" } });
  assert.deepEqual([response.status, (await response.json()).code], [501, "UNSUPPORTED"]);
});

test("a wrong value is named by its path, for people and for programs", async () => {
  const { post } = adminFixture();
  const response = await post("/v1/connect", { endpoints: ["192.0.2.9:6783", 7] });
  const { detail, details } = await response.json();
  assert.match(detail, /^Cannot take the request: endpoints\[1\]: /);
  assert.equal(details.issues[0].path, "endpoints[1]");
});

test("what is shown of a request that is wrong in many places is bounded", async () => {
  const { post } = adminFixture();
  const long = "x".repeat(300);
  const endpoints = Array.from({ length: 64 }, () => 1);
  const text = await (await post("/v1/connect", { endpoints, [long]: 1 })).text();
  assert.ok(text.length < 8_000, `${text.length}`);
  assert.equal(JSON.parse(text).details.issues.length, 16);
  assert.doesNotMatch(text, new RegExp(long));
});

test("ping passes its options on and answers the reply, or the node's error", async () => {
  const { post, node } = adminFixture();
  const reply = await post("/v1/ping", { to: "web-2", size: 100, timeoutMillis: 500, family: 6 });
  assert.deepEqual(await reply.json(), { from: "10.32.0.7", rttMillis: 0.75, hopLimit: 64, size: 100 });
  assert.equal(node.calls[0], 'ping("web-2", {"size":100,"timeoutMillis":500,"family":6})');
  const silent = await post("/v1/ping", { to: "10.32.0.99" });
  assert.deepEqual([silent.status, (await silent.json()).code], [504, "TIMEOUT"]);
});

test("ping refuses sizes, times and families that cannot be", async () => {
  const { post, node } = adminFixture();
  const wrong = [{ size: -1 }, { size: 65_508 }, { size: 1.5 }, { timeoutMillis: 0 }, {
    timeoutMillis: 60_001,
  }];
  for (const options of [...wrong, { family: 5 }, { family: "6" }, { to: "" }, { to: "x".repeat(256) }]) {
    assert.equal((await post("/v1/ping", { to: "web-2", ...options })).status, 422);
  }
  assert.deepEqual(node.calls, []);
});

test("stop answers first and stops on the next turn", async () => {
  const { post, clock, stopped } = adminFixture();
  const response = await post("/v1/stop", {});
  assert.equal(response.status, 202);
  assert.deepEqual(await response.json(), { state: "stopping" });
  assert.equal(stopped(), 0);
  clock.advance(0);
  assert.equal(stopped(), 1);
});

test("a stop that throws is logged, and breaks nothing", async () => {
  const { node, clock, log } = adminFixture();
  const error = new Error("cannot stop");
  const stop = () => {
    throw error;
  };
  const app = createAdminApp({ node, clock, log, stop, version: "0.1.0" });
  const headers = { host: "localhost", "content-type": "application/json" };
  assert.equal((await app.request("/v1/stop", { method: "POST", headers })).status, 202);
  clock.advance(0);
  assert.deepEqual(log.entries.at(-1), {
    scope: "admin",
    level: "error",
    message: "Stop failed",
    fields: { error },
  });
});

test("calls that change something are logged: who, what, on what, with what result", async () => {
  const { request, post, log } = adminFixture();
  await post("/v1/tokens", {});
  await request("DELETE", "/v1/members/web-9");
  await post("/v1/connect", { endpoints: 1 });
  await request("POST", "/v1/stop");
  const lines = log.entries.map(({ scope, level, message, fields }) => ({
    scope,
    level,
    message,
    ...fields,
  }));
  const call = { scope: "admin", message: "Admin call", who: "unix" };
  assert.deepEqual(lines, [
    { ...call, level: "info", what: "token.create", path: "/v1/tokens", result: "ok" },
    {
      ...call,
      level: "warn",
      what: "member.revoke",
      path: "/v1/members/web-9",
      result: "failed",
      code: "NOT_FOUND",
    },
    {
      ...call,
      level: "warn",
      what: "connect",
      path: "/v1/connect",
      result: "failed",
      code: "INVALID_ARGUMENT",
    },
    { ...call, level: "warn", what: "stop", path: "/v1/stop", result: "failed", code: "UNSUPPORTED" },
  ]);
});

test("a write that throws what is no error is logged as failed too", async () => {
  const { post, node, log } = adminFixture();
  node.fail = "a string";
  assert.equal((await post("/v1/tokens", {})).status, 500);
  const audited = log.entries.find(({ message }) => message === "Admin call");
  assert.deepEqual([audited?.fields["result"], audited?.fields["code"]], ["failed", "INTERNAL"]);
});

test("reads and pings leave nothing in the log, and no secret ever does", async () => {
  const { request, post, log } = adminFixture();
  await request("GET", "/v1/status");
  await post("/v1/ping", { to: "web-2" });
  assert.deepEqual(log.entries, []);
  await post("/v1/tokens", {});
  assert.doesNotMatch(JSON.stringify(log.entries), /secret/);
});

test("a refused origin is logged with its path", async () => {
  const { request, log } = adminFixture();
  await request("GET", "/v1/status", { headers: { host: "evil.example" } });
  assert.deepEqual(log.entries[0]?.fields, { reason: "foreign Host", who: "unix", path: "/v1/status" });
});
