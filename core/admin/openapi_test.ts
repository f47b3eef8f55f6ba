import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { adminFixture } from "./admin_fixture.ts";
import { errorCodes } from "./error_kinds.ts";
import { eventNames } from "./event_documents.ts";

type Json = { readonly [key: string]: Json } & readonly Json[] & string;

async function document(): Promise<Json> {
  const response = await adminFixture().request("GET", "/v1/openapi.json");
  assert.equal(response.headers.get("content-type"), "application/json");
  return await response.json();
}

/** Every value of `key`, wherever it stands. */
function valuesOf(value: unknown, key: string): unknown[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => [
    ...(name === key ? [inner] : []),
    ...valuesOf(inner, key),
  ]);
}

function resolved(root: unknown, reference: string): unknown {
  const steps = reference.split("/").slice(1);
  return steps.reduce((at: unknown, step) => (at as Record<string, unknown> | undefined)?.[step], root);
}

test("the document is OpenAPI 3.1 and describes every route of the app but itself", async () => {
  const { openapi, info, paths } = await document();
  assert.equal(openapi, "3.1.0");
  assert.equal(info?.["version"], "0.1.0");
  const described = Object.entries(paths ?? {}).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path.replace(/\{(.+?)\}/g, ":$1")}`)
  );
  const served = adminFixture().app.routes.filter(({ method, path }) =>
    method !== "ALL" && path !== "/v1/openapi.json"
  ).map(({ method, path }) => `${method} ${path}`);
  assert.deepEqual(described.sort(), [...new Set(served)].sort());
});

test("every operation has a name of its own, a summary and described answers", async () => {
  const operations = Object.values((await document())["paths"] ?? {}).flatMap((path) => Object.values(path));
  const names = operations.map(({ operationId }) => operationId);
  assert.equal(new Set(names).size, operations.length);
  for (const { summary, responses } of operations) {
    assert.ok((summary?.length ?? 0) > 10);
    for (const { description } of Object.values(responses ?? {})) assert.ok((description?.length ?? 0) > 2);
  }
});

test("every reference of the document leads somewhere", async () => {
  const root = await document();
  const references = valuesOf(root, "$ref").map(String);
  assert.ok(references.length > 20);
  for (const reference of references) assert.notEqual(resolved(root, reference), undefined, reference);
});

test("the document says what may be absent, what is null, and which words a code may be", async () => {
  const schemas = (await document())["components"]?.["schemas"];
  assert.deepEqual(schemas?.["PingRequest"]?.["required"], ["to"]);
  assert.equal(schemas?.["TokenOptions"]?.["required"], undefined);
  assert.equal(schemas?.["PingRequest"]?.["additionalProperties"], false);
  assert.deepEqual(schemas?.["ErrorCode"]?.["enum"], errorCodes);
  assert.deepEqual(schemas?.["ConnectionStatus"]?.["properties"]?.["rttMillis"]?.["type"], [
    "number",
    "null",
  ]);
});

test("the document lists every event of the stream", async () => {
  const events = (await document())["components"]?.["schemas"]?.["StreamEvent"]?.["anyOf"] ?? [];
  assert.deepEqual(events.map(({ title }) => title), [...eventNames, "stream:dropped"]);
});

test("the document is made once", async () => {
  const { request } = adminFixture();
  const texts = [await request("GET", "/v1/openapi.json"), await request("GET", "/v1/openapi.json")];
  assert.equal(await texts[0]?.text(), await texts[1]?.text());
});
