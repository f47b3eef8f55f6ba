/**
 * Every route against every kind of request that the TCP door must refuse. The routes are the app's own, so one that is
 * added is tested by being there.
 */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { adminFixture } from "./admin_fixture.ts";
import { freeRefusals, longestDelayMillis, mostDelayed } from "./bad_token_delays.ts";
import { type AdminDoor, tcpDoor } from "./door.ts";
import { FixtureNode } from "./mesh_node_fixture.ts";
import { linesPerMinute } from "./refusals.ts";
import { largestBody } from "./request_guards.ts";
import { problem } from "./schemas.ts";

const token = "t".repeat(43);
const host = "127.0.0.1:6784";
const door: AdminDoor = tcpDoor({ host: "127.0.0.1", port: 6784 }, (shown) => shown === token);
const good: Readonly<Record<string, string>> = {
  host,
  authorization: `Bearer ${token}`,
  "content-type": "application/json",
};

function tcpFixture(source = "127.0.0.1") {
  const fixture = adminFixture(new FixtureNode(), { door, source });
  const ask = async (method: string, path: string, headers: Readonly<Record<string, string>>) =>
    await fixture.fetch(`http://${headers["host"] ?? host}${path}`, {
      method,
      headers: { host, ...headers },
    });
  return { ...fixture, ask };
}

interface Route {
  readonly method: string;
  readonly path: string;
  /** Whether it takes a document. */
  readonly takesBody: boolean;
}

async function allRoutes(): Promise<readonly Route[]> {
  const { app, request } = adminFixture();
  const { paths } = await (await request("GET", "/v1/openapi.json")).json();
  const routes = app.routes.filter(({ method }) => method !== "ALL").map(({ method, path }) => {
    const described = paths[path.replaceAll(/:(\w+)/g, "{$1}")]?.[method.toLowerCase()];
    return { method, path: path.replaceAll(/:\w+/g, "t1"), takesBody: described?.requestBody !== undefined };
  });
  return [...new Map(routes.map((route) => [`${route.method} ${route.path}`, route])).values()];
}

const routes = await allRoutes();

async function assertRefused(response: Response, status: number, what: string): Promise<void> {
  assert.equal(response.status, status, what);
  assert.equal(problem.parse(await response.json()).status, status);
  assert.equal(response.headers.get("access-control-allow-origin"), null);
  assert.equal(response.headers.get("set-cookie"), null);
}

/** Asks each route in a fixture of its own, and checks that the node never heard of it. */
async function everywhere(
  status: number,
  change: (route: Route) => { headers?: Record<string, string>; path?: string; method?: string } | undefined,
): Promise<number> {
  let asked = 0;
  for (const route of routes) {
    const changed = change(route);
    if (changed === undefined) continue;
    const { ask, node, clock } = tcpFixture();
    const headers: Record<string, string> = { ...good, ...changed.headers };
    for (const [name, value] of Object.entries(headers)) if (value === "") delete headers[name];
    const [method, path] = [changed.method ?? route.method, changed.path ?? route.path];
    await assertRefused(await ask(method, path, headers), status, `${method} ${path}`);
    assert.deepEqual(node.calls, [], `${method} ${path}`);
    assert.equal(clock.pending, 0);
    asked++;
  }
  return asked;
}

test("there are routes to test, and among them some that take documents", () => {
  assert.ok(routes.length >= 20);
  assert.ok(routes.filter(({ takesBody }) => takesBody).length >= 6);
});

test("every route refuses who shows no token, or a wrong one, wherever it is shown", async () => {
  const wrong = [
    "",
    "Bearer",
    "Bearer ",
    `Bearer ${token.slice(1)}`,
    `Bearer ${token}x`,
    `Bearer ${token} ${token}`,
    `Basic ${btoa(`admin:${token}`)}`,
    `Bearer ${"x".repeat(600)}`,
    token,
  ];
  for (const authorization of wrong) {
    assert.equal(await everywhere(401, () => ({ headers: { authorization } })), routes.length);
  }
  await everywhere(
    401,
    ({ path }) => ({ headers: { authorization: "" }, path: `${path}?access_token=${token}` }),
  );
  await everywhere(401, () => ({ headers: { authorization: "", cookie: `token=${token}` } }));
});

test("every route refuses a foreign host, whatever token is shown", async () => {
  const foreign = [
    "evil.example",
    "evil.example:6784",
    "localhost",
    "127.0.0.1",
    "127.0.0.1:6785",
    "127.0.0.2:6784",
  ];
  for (const name of foreign) {
    assert.equal(await everywhere(403, () => ({ headers: { host: name } })), routes.length);
  }
});

test("every route refuses what a page of another origin sends, whatever token is shown", async () => {
  const headers: Record<string, string>[] = [
    { origin: "http://evil.example" },
    { origin: "null" },
    { origin: "http://127.0.0.1:6785" },
    { origin: "http://localhost:6784" },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
  ];
  for (const each of headers) assert.equal(await everywhere(403, () => ({ headers: each })), routes.length);
});

test("every route refuses an oversized body by its announcement", async () => {
  const headers = { "content-length": String(largestBody + 1) };
  assert.equal(await everywhere(413, () => ({ headers })), routes.length);
});

test("every route refuses each method that it does not have", async () => {
  for (const method of ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
    const served = new Set(routes.filter((route) => route.method === method).map(({ path }) => path));
    await everywhere(405, ({ path }) => served.has(path) ? undefined : { method });
  }
});

test("every route that takes a document refuses one that is not declared to be JSON", async () => {
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]) {
    const asked = await everywhere(
      415,
      ({ takesBody }) => takesBody ? { headers: { "content-type": type } } : undefined,
    );
    assert.ok(asked >= 6);
  }
});

test("no route is a way to a file: what climbs is no route, or the name of nobody", async () => {
  for (const climb of ["/../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..\\..\\etc\\passwd"]) {
    // So deep a climb may end beside an owner, whose routes have other answers.
    const isDeep = ({ path }: Route) => path.startsWith("/ip/t1/t1");
    const asked = await everywhere(404, (route) => isDeep(route) ? undefined : { path: route.path + climb });
    assert.equal(asked, routes.filter((route) => !isDeep(route)).length);
  }
  for (const { method, path } of routes) {
    const { ask, node } = tcpFixture();
    const response = await ask(method, `${path}/..%2f..%2fetc%2fpasswd`, good);
    assert.ok([400, 404, 405].includes(response.status), `${method} ${path}: ${response.status}`);
    assert.ok(node.calls.every((call) => /^\w+\.revoke\(/.test(call)), node.calls.join());
  }
});

test("every name of the loopback is taken with the port", async () => {
  for (const name of [host, "localhost:6784", "[::1]:6784"]) {
    const { ask } = tcpFixture();
    assert.equal((await ask("GET", "/v1/version", { ...good, host: name })).status, 200);
  }
  const { ask } = tcpFixture();
  const page = {
    ...good,
    origin: `http://${host}`,
    "sec-fetch-site": "same-origin",
    authorization: `bEARER ${token}`,
  };
  assert.equal((await ask("GET", "/v1/version", page)).status, 200);
});

test("on the port of HTTP a client leaves the port out", () => {
  assert.ok(tcpDoor({ host: "127.0.0.1", port: 80 }, () => false).hosts.includes("localhost"));
  assert.ok(tcpDoor({ host: "::1", port: 6784 }, () => false).hosts.includes("[::1]:6784"));
});

test("a refusal names what to send, with the challenge that HTTP asks for", async () => {
  const { ask } = tcpFixture();
  const none = await ask("GET", "/v1/status", {});
  assert.equal(none.headers.get("www-authenticate"), 'Bearer realm="selvage"');
  assert.match((await none.json()).detail, /no token; send "Authorization: Bearer"/);
  const wrong = await ask("GET", "/v1/status", { authorization: "Bearer x" });
  assert.equal(wrong.headers.get("www-authenticate"), 'Bearer realm="selvage", error="invalid_token"');
});

/** Whether it has settled, after as many turns of promises as any answer takes that waits for no timer. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  void promise.then(() => done = true);
  for (let turn = 0; turn < 1_000 && !done; turn++) await Promise.resolve();
  return done;
}

test("after five wrong tokens each answer is a second later than the last, and a right one is served at once", async () => {
  const { ask, clock } = tcpFixture();
  const wrong = () => ask("GET", "/v1/status", { authorization: "Bearer x" });
  for (let i = 0; i < freeRefusals; i++) assert.equal((await wrong()).status, 401);
  const sixth = wrong();
  assert.equal(await settled(sixth), false);
  const seventh = wrong();
  assert.equal(await settled(seventh), false);
  const right = ask("GET", "/v1/version", good);
  assert.equal(await settled(right), true);
  assert.equal((await right).status, 200);
  clock.advance(1000);
  assert.equal((await sixth).status, 401);
  assert.equal(await settled(seventh), false);
  clock.advance(1000);
  assert.equal((await seventh).status, 401);
});

test("another source is not delayed, and a minute of quiet gives all free refusals back", async () => {
  const { app, clock } = tcpFixture();
  const wrong = async (source: string) =>
    await app.request(`http://${host}/v1/status`, { headers: { host, authorization: "Bearer x" } }, {
      door,
      source,
    });
  for (let i = 0; i < freeRefusals; i++) await wrong("127.0.0.1");
  assert.equal((await wrong("127.0.0.9")).status, 401);
  clock.advance(60_000);
  for (let i = 0; i < freeRefusals; i++) assert.equal((await wrong("127.0.0.1")).status, 401);
});

test("only so many answers are held back; more are refused at once and told when to come again", async () => {
  const { ask, clock } = tcpFixture();
  const wrong = () => ask("GET", "/v1/status", { authorization: "Bearer x" });
  for (let i = 0; i < freeRefusals; i++) await wrong();
  const held = Array.from({ length: mostDelayed }, wrong);
  const more = await wrong();
  assert.equal(more.status, 429);
  assert.ok(Number(more.headers.get("retry-after")) > mostDelayed);
  assert.equal((await ask("GET", "/v1/version", good)).status, 200);
  clock.advance(longestDelayMillis);
  for (const response of await Promise.all(held)) assert.equal(response.status, 401);
  const { refused } = await (await ask("GET", "/v1/admin", good)).json();
  assert.deepEqual(refused, { foreign: 0, token: freeRefusals + mostDelayed, delayed: 1 });
});

test("a caller that leaves frees its place among the delayed", async () => {
  const { fetch, clock, ask } = tcpFixture();
  for (let i = 0; i < freeRefusals; i++) await ask("GET", "/v1/status", {});
  const leaving = new AbortController();
  const held = fetch(`http://${host}/v1/status`, { headers: { host }, signal: leaving.signal });
  assert.equal(clock.pending, 1);
  leaving.abort();
  await Promise.resolve(held).catch(() => {});
  assert.equal(clock.pending, 0);
});

test("a flood of refusals is counted whole and logged in part", async () => {
  const { ask, log, clock } = tcpFixture();
  for (let i = 0; i < 100; i++) await ask("GET", "/v1/status", { ...good, host: "evil.example" });
  const lines = () => log.entries.filter(({ message }) => message === "Admin request refused");
  assert.equal(lines().length, linesPerMinute);
  clock.advance(60_000);
  await ask("GET", "/v1/status", { ...good, host: "evil.example" });
  assert.equal(lines().at(-1)?.fields["unlogged"], 100 - linesPerMinute);
  assert.equal((await (await ask("GET", "/v1/admin", good)).json()).refused.foreign, 101);
});

test("no token, right or wrong, reaches the log", async () => {
  const { ask, log } = tcpFixture();
  const wrong = "a-wrong-token-that-was-almost-right";
  await ask("POST", "/v1/stop", good);
  await ask("GET", "/v1/status", { authorization: `Bearer ${wrong}` });
  await ask("GET", `/v1/status?access_token=${token}`, {});
  const text = JSON.stringify(log.entries);
  assert.match(text, /wrong token/);
  assert.ok(!text.includes(token) && !text.includes(wrong));
});
