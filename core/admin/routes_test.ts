/** Every route with good input, and every route with each kind of bad request. */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { adminFixture } from "./admin_fixture.ts";
import type { Problem } from "./problem.ts";
import { largestBody } from "./request_guards.ts";
import * as schemas from "./schemas.ts";

interface Route {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  /** For a POST or PUT, a body that is taken. */
  readonly body?: unknown;
  readonly allow: string;
}

const read = "GET, HEAD";
const routes: readonly Route[] = [
  ...[
    "status",
    "health",
    "version",
    "peers",
    "links",
    "connections",
    "ipam",
    "targets",
    "members",
    "drops",
    "admin",
    "report",
  ]
    .map((name): Route => ({ method: "GET", path: `/v1/${name}`, allow: read })),
  { method: "GET", path: "/v1/openapi.json", allow: read },
  { method: "GET", path: "/v1/events", allow: read },
  { method: "GET", path: "/v1/tokens", allow: `${read}, POST` },
  { method: "POST", path: "/v1/tokens", body: { lifetimeSeconds: 60 }, allow: `${read}, POST` },
  { method: "DELETE", path: "/v1/tokens/6f1d0c8a92b34e57a0c1d2e3f4a5b697", allow: "DELETE" },
  { method: "DELETE", path: "/v1/members/web-2", allow: "DELETE" },
  { method: "GET", path: "/v1/endpoints", allow: `${read}, POST` },
  { method: "POST", path: "/v1/endpoints", body: { where: { netns: "web" } }, allow: `${read}, POST` },
  { method: "DELETE", path: "/v1/endpoints/netns:4:4026532281", allow: "DELETE" },
  { method: "GET", path: "/v1/ipam/addresses", allow: `${read}, POST` },
  { method: "POST", path: "/v1/ipam/addresses", body: { owner: "web" }, allow: `${read}, POST` },
  { method: "DELETE", path: "/v1/ipam/addresses/web", allow: "DELETE" },
  { method: "GET", path: "/v1/ipam/why/10.32.0.9", allow: read },
  { method: "POST", path: "/v1/ipam/keep", body: { owners: [] }, allow: "POST" },
  { method: "POST", path: "/v1/ipam/move", body: { address: "10.32.0.9", peer: "web-2" }, allow: "POST" },
  { method: "POST", path: "/v1/ipam/takeover", body: { peer: "web-2" }, allow: "POST" },
  { method: "GET", path: "/ip", allow: read },
  { method: "GET", path: "/ipinfo/defaultsubnet", allow: read },
  { method: "GET", path: "/ip/web", allow: `${read}, POST, DELETE` },
  { method: "POST", path: "/ip/web", allow: `${read}, POST, DELETE` },
  { method: "DELETE", path: "/ip/web", allow: `${read}, POST, DELETE` },
  { method: "DELETE", path: "/ip/web/10.32.0.9", allow: "DELETE" },
  ...(["GET", "POST", "PUT"] as const).map((method): Route => ({
    method,
    path: "/ip/web/10.32.2.0/24",
    allow: `${read}, POST, PUT`,
  })),
  { method: "GET", path: "/v1/host", allow: read },
  { method: "POST", path: "/v1/host/expose", body: {}, allow: "POST" },
  { method: "POST", path: "/v1/host/hide", body: {}, allow: "POST" },
  { method: "GET", path: "/v1/host/services", allow: `${read}, PUT` },
  {
    method: "PUT",
    path: "/v1/host/services",
    body: { listen: "0.0.0.0:8080", target: "10.32.0.5:80" },
    allow: `${read}, PUT`,
  },
  { method: "DELETE", path: "/v1/host/services/0.0.0.0:8080", allow: "DELETE" },
  { method: "GET", path: "/v1/bridges", allow: `${read}, POST` },
  { method: "POST", path: "/v1/bridges", body: { device: "br0" }, allow: `${read}, POST` },
  { method: "DELETE", path: "/v1/bridges/br0", allow: "DELETE" },
  { method: "POST", path: "/v1/connect", body: { endpoints: ["192.0.2.9:6783"] }, allow: "POST" },
  { method: "POST", path: "/v1/forget", body: { endpoints: ["192.0.2.9:6783"] }, allow: "POST" },
  { method: "GET", path: "/v1/log", allow: `${read}, PUT` },
  { method: "PUT", path: "/v1/log", body: { level: "debug" }, allow: `${read}, PUT` },
  { method: "POST", path: "/v1/ping", body: { to: "10.32.0.7" }, allow: "POST" },
  { method: "POST", path: "/v1/stop", body: {}, allow: "POST" },
];
const writes = routes.filter(({ body }) => body !== undefined);

function initOf({ body }: Route, headers: Record<string, string> = {}): RequestInit {
  if (body === undefined) return { headers };
  return { headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) };
}

async function assertProblem(response: Response, status: number): Promise<Problem> {
  assert.equal(response.status, status);
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  const problem = schemas.problem.parse(await response.json());
  assert.equal(problem.status, status);
  assert.ok(problem.detail.length > 10);
  return problem;
}

test("every route answers a good request, with headers that keep the answer to its asker", async () => {
  for (const route of routes) {
    const { request } = adminFixture();
    const response = await request(route.method, route.path, initOf(route));
    assert.ok(response.ok, `${route.method} ${route.path}: ${response.status}`);
    assert.equal(response.headers.get("cache-control"), "no-store");
    assert.equal(response.headers.get("x-content-type-options"), "nosniff");
    assert.equal(response.headers.get("access-control-allow-origin"), null);
    await response.body?.cancel();
  }
});

test("the table of this test names every route of the app", () => {
  const known = new Set(routes.map(({ method, path }) => `${method} ${path}`));
  const served = adminFixture().app.routes.filter(({ method }) => method !== "ALL").map(({ method, path }) =>
    `${method} ${
      path.replace(":id", "6f1d0c8a92b34e57a0c1d2e3f4a5b697").replace(":peer", "web-2").replace(
        ":endpoint",
        "netns:4:4026532281",
      ).replace(":listen", "0.0.0.0:8080").replace(":device", "br0").replace(":owner", "web")
        .replace(":address/:bits", "10.32.2.0/24").replace(":address", "10.32.0.9")
    }`
  );
  assert.deepEqual([...new Set(served)].sort(), [...known].sort());
});

test("every route refuses a method it does not have, and says which it has", async () => {
  for (const { path, allow } of routes) {
    for (const method of ["PUT", "PATCH", "OPTIONS"].filter((each) => !allow.includes(each))) {
      const response = await adminFixture().request(method, path);
      assert.equal(response.headers.get("allow"), allow);
      assert.equal((await assertProblem(response, 405)).code, "UNSUPPORTED");
    }
  }
});

test("every route refuses a foreign Host, and calls nothing", async () => {
  const foreign = [
    "evil.example",
    "localhost:6784",
    "LOCALHOST",
    "localhost.",
    "127.0.0.1",
    "localhost, evil",
  ];
  for (const route of routes) {
    for (const host of foreign) {
      const { request, node } = adminFixture();
      await assertProblem(await request(route.method, route.path, initOf(route, { host })), 403);
      assert.deepEqual(node.calls, []);
    }
  }
});

test("every route refuses what a page of another site sends", async () => {
  const foreign: Record<string, string>[] = [
    { origin: "https://evil.example" },
    { origin: "null" },
    { origin: "https://localhost" },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
  ];
  for (const route of routes) {
    for (const headers of foreign) {
      const { request, node } = adminFixture();
      await assertProblem(await request(route.method, route.path, initOf(route, headers)), 403);
      assert.deepEqual(node.calls, []);
    }
  }
});

test("both names of the socket and a same-origin request are taken", async () => {
  const good: Record<string, string>[] = [
    { host: "selvage" },
    { host: "localhost", origin: "http://localhost", "sec-fetch-site": "same-origin" },
    { host: "localhost", "sec-fetch-site": "none" },
  ];
  for (const headers of good) {
    assert.equal((await adminFixture().request("GET", "/v1/version", { headers })).status, 200);
  }
});

test("every route refuses an announced body of more than a mebibyte", async () => {
  for (const route of routes) {
    const { request, node } = adminFixture();
    const init = initOf(route, { "content-length": String(largestBody + 1) });
    assert.equal(
      (await assertProblem(await request(route.method, route.path, init), 413)).code,
      "INVALID_ARGUMENT",
    );
    assert.deepEqual(node.calls, []);
  }
});

test("every write refuses a body that grows beyond a mebibyte unannounced", async () => {
  for (const { method, path } of writes) {
    const { request, node } = adminFixture();
    const init = { headers: { "content-type": "application/json" }, body: " ".repeat(largestBody + 1) };
    await assertProblem(await request(method, path, init), 413);
    assert.deepEqual(node.calls, []);
  }
});

test("every write takes a body of exactly a mebibyte", async () => {
  for (const { method, path, body } of writes) {
    const padded = JSON.stringify(body).padEnd(largestBody, " ");
    const init = { headers: { "content-type": "application/json" }, body: padded };
    assert.ok((await adminFixture().request(method, path, init)).ok);
  }
});

test("every write refuses a body that is not declared to be JSON", async () => {
  const wrong = [
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/jsonx",
    "application/json; charset=latin1",
  ];
  for (const { method, path } of writes) {
    for (const contentType of wrong) {
      const { request, node } = adminFixture();
      const init = { headers: { "content-type": contentType }, body: "{}" };
      await assertProblem(await request(method, path, init), 415);
      assert.deepEqual(node.calls, []);
    }
    await assertProblem(await adminFixture().request(method, path), 415);
  }
});

test("every write refuses a body that is not JSON, or not UTF-8", async () => {
  const wrong: BodyInit[] = ["{", "{'to': 1}", "\u0000", new Uint8Array([0x22, 0xff, 0x22])];
  for (const { method, path } of writes) {
    for (const body of wrong) {
      const { request, node } = adminFixture();
      const init = { headers: { "content-type": "application/json; charset=utf-8" }, body };
      assert.equal((await assertProblem(await request(method, path, init), 400)).code, "MALFORMED");
      assert.deepEqual(node.calls, []);
    }
  }
});

test("every write refuses JSON of the wrong shape, and a member it does not know", async () => {
  for (const { method, path, body } of writes) {
    for (const wrong of [null, [], "text", 7, { ...(body as object), surprise: 1 }]) {
      const { request, node } = adminFixture();
      const init = { headers: { "content-type": "application/json" }, body: JSON.stringify(wrong) };
      const problem = await assertProblem(await request(method, path, init), 422);
      assert.equal(problem.code, "INVALID_ARGUMENT", `${method} ${path}`);
      assert.deepEqual(node.calls, []);
    }
  }
});

test("a path that is none is a problem that says where to look", async () => {
  for (
    const path of [
      "/",
      "/v1",
      "/v1/",
      "/v2/status",
      "/v1/status/x",
      "/v1/tokens/",
      "/v1/tokens/a/b",
      "//v1/status",
    ]
  ) {
    const { detail, code } = await assertProblem(await adminFixture().request("GET", path), 404);
    assert.equal(code, "NOT_FOUND");
    assert.match(detail, /\/v1\/openapi\.json/);
  }
});

test("a HEAD request is answered like GET, without the body", async () => {
  for (const { path } of routes.filter((route) => route.method === "GET")) {
    const { request, clock } = adminFixture();
    const response = await request("HEAD", path);
    assert.equal(response.status, 200);
    assert.equal(await response.text(), "");
    assert.equal(clock.pending, 0, "no event reader is left");
  }
});
