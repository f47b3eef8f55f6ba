/** Requests nobody would write: whatever comes, an answer goes out, and a failure is never this node's. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { adminFixture } from "./admin_fixture.ts";
import type { AdminFixture } from "./admin_fixture.ts";
import { problem } from "./schemas.ts";

const writes = ["/v1/tokens", "/v1/connect", "/v1/forget", "/v1/ping", "/v1/stop"] as const;
const good: Record<(typeof writes)[number], object> = {
  "/v1/tokens": { lifetimeSeconds: 60 },
  "/v1/connect": { endpoints: ["192.0.2.9:6783"], replace: true },
  "/v1/forget": { endpoints: ["192.0.2.9:6783"] },
  "/v1/ping": { to: "web-2", size: 1, timeoutMillis: 1, family: 4 },
  "/v1/stop": {},
};

async function assertPlanned(response: Response): Promise<void> {
  assert.ok(response.status < 500, `status ${response.status}`);
  const text = await response.text();
  if (response.status < 400) return;
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  assert.equal(problem.parse(JSON.parse(text)).status, response.status);
  assert.doesNotMatch(text, /\bat .*\.(ts|js):\d+/, "no stack");
}

/** What a request asked of the node, of whatever kind, must have had the contract's types. */
function assertSaneCalls({ node }: AdminFixture): void {
  for (const call of node.calls) {
    assert.match(
      call,
      /^(tokens|members)\.|^(status|peers|links|connections|ipam|targets|drops)\(\)|^(connect|forget|ping)\(/,
    );
    if (call.startsWith("tokens.create")) {
      assert.match(call, /^tokens\.create\(\{("lifetimeSeconds":\d+)?\}\)$/);
    }
    if (call.startsWith("ping")) assert.match(call, /^ping\("(?:[^"\\]|\\.){1,512}", \{.*\}\)$/);
  }
}

test("any JSON document in a write is taken or refused, never a failure", async () => {
  const document = fc.oneof(
    fc.jsonValue({ maxDepth: 4 }),
    fc.record({ to: fc.jsonValue(), size: fc.jsonValue(), endpoints: fc.jsonValue() }, { requiredKeys: [] }),
    fc.constantFrom(...Object.values(good)).chain((base) =>
      fc.record({
        key: fc.constantFrom(...Object.keys(base), "__proto__", "constructor"),
        value: fc.jsonValue(),
      })
        .map(({ key, value }) => Object.defineProperty({ ...base }, key, { value, enumerable: true }))
    ),
  );
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...writes), document, async (path, body) => {
      const fixture = adminFixture();
      await assertPlanned(await fixture.post(path, body));
      assertSaneCalls(fixture);
    }),
    { seed: 11, numRuns: 600 },
  );
});

test("a good document with bytes changed, cut or added is taken or refused, never a failure", async () => {
  const edit = fc.record({ at: fc.nat(80), remove: fc.nat(3), add: fc.uint8Array({ maxLength: 3 }) });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...writes), fc.array(edit, { maxLength: 4 }), async (path, edits) => {
      const fixture = adminFixture();
      const bytes = [...new TextEncoder().encode(JSON.stringify(good[path]))];
      for (const { at, remove, add } of edits) bytes.splice(at, remove, ...add);
      const headers = { "content-type": "application/json" };
      await assertPlanned(await fixture.request("POST", path, { headers, body: Uint8Array.from(bytes) }));
      assertSaneCalls(fixture);
    }),
    { seed: 12, numRuns: 600 },
  );
});

test("any path and method is answered, never with a failure", async () => {
  const odd = fc.constantFrom(
    "..",
    ".",
    "%",
    "%2e%2e",
    "%2F",
    "%00",
    "%ff",
    "%C0%AF",
    "\\",
    "//",
    ";a=b",
    ":id",
    "{id}",
    "*",
  );
  const segment = fc.oneof(
    odd,
    fc.string({ unit: "binary", maxLength: 12 }),
    fc.constantFrom("v1", "tokens", "members", "status"),
  );
  const path = fc.array(segment, { maxLength: 5 }).map((segments) => `/${segments.join("/")}`);
  const below = fc.tuple(fc.constantFrom("/v1/tokens/", "/v1/members/"), segment).map((parts) =>
    parts.join("")
  );
  const methods = fc.constantFrom(
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "PATCH",
    "OPTIONS",
    "QUERY",
    "BREW",
  );
  await fc.assert(
    fc.asyncProperty(methods, fc.oneof(path, below), async (method, target) => {
      const fixture = adminFixture();
      const url = new URL("http://localhost/");
      url.pathname = target;
      const response = await fixture.request(method, url.pathname);
      if (method !== "HEAD") await assertPlanned(response);
      assertSaneCalls(fixture);
    }),
    { seed: 13, numRuns: 800 },
  );
});

test("any headers are answered, never with a failure", async () => {
  const name = fc.constantFrom(
    "host",
    "origin",
    "content-type",
    "content-length",
    "sec-fetch-site",
    "accept",
    "cookie",
  );
  const value = fc.oneof(
    fc.string({ unit: fc.constantFrom(...'ajsonpl/ic;=,: "-1é'), maxLength: 30 }).map((text) => text.trim()),
    fc.constantFrom("-1", "NaN", "1e9", "Infinity", "application/json;;", "localhost"),
  );
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...writes), fc.array(fc.tuple(name, value)), async (path, headers) => {
      const fixture = adminFixture();
      const init = { headers: Object.fromEntries(headers), body: JSON.stringify(good[path]) };
      await assertPlanned(await fixture.request("POST", path, init));
    }),
    { seed: 14, numRuns: 600 },
  );
});

test("deeply nested documents are refused without a failure", async () => {
  for (const path of writes) {
    for (const [open, close] of [["[", "]"], ['{"a":', "}"]] as const) {
      const depth = 100_000;
      const body = `${open.repeat(depth)}1${close.repeat(depth)}`;
      const { request } = adminFixture();
      const response = await request("POST", path, { headers: { "content-type": "application/json" }, body });
      await assertPlanned(response);
      assert.ok([400, 422].includes(response.status));
    }
  }
});

test("a body that breaks off is refused without a failure", async () => {
  for (const path of writes) {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode('{"to"')),
      pull: () => Promise.reject(new Error("connection reset")),
    });
    const { request } = adminFixture();
    const init = { headers: { "content-type": "application/json" }, body, duplex: "half" as const };
    const response = await request("POST", path, init);
    assert.equal(response.status, 400);
    await assertPlanned(response);
  }
});
