import assert from "node:assert/strict";
import { HTTPException } from "hono/http-exception";
import { test } from "../../tests/harness.ts";
import { MeshError } from "../contracts/errors.ts";
import { adminFixture } from "./admin_fixture.ts";
import { errorCodes, errorKinds, isErrorCode } from "./error_kinds.ts";
import { problemOf } from "./problem.ts";

test("every error code has an error status, a title of its own and a type of its own", () => {
  assert.ok(errorCodes.length >= 25);
  for (const code of errorCodes) {
    const { status } = errorKinds[code];
    assert.ok(status >= 400 && status < 600);
  }
  const problems = errorCodes.map((code) => problemOf(new MeshError(code, "Cannot do it")));
  assert.equal(new Set(problems.map(({ title }) => title)).size, errorCodes.length);
  assert.equal(new Set(problems.map(({ type }) => type)).size, errorCodes.length);
});

test("a MeshError keeps its code, message and facts", () => {
  const error = new MeshError("NAME_TAKEN", "Cannot join as web-1: taken", { details: { name: "web-1" } });
  assert.deepEqual(problemOf(error), {
    type: "urn:selvage:problem:name-taken",
    title: "The name is taken",
    status: 409,
    detail: "Cannot join as web-1: taken",
    code: "NAME_TAKEN",
    details: { name: "web-1" },
  });
});

test("facts that JSON cannot hold are left out, and the error stays what it was", () => {
  const cycle: Record<string, unknown> = {};
  cycle["self"] = cycle;
  for (const details of [cycle, { big: 1n }]) {
    const problem = problemOf(new MeshError("TIMEOUT", "Cannot wait longer", { details }));
    assert.deepEqual([problem.code, problem.details], ["TIMEOUT", undefined]);
  }
});

test("a foreign error says nothing of itself", () => {
  for (const error of [new Error("secret at /etc/shadow"), "secret", null, undefined, { code: "secret" }]) {
    const problem = problemOf(error);
    assert.deepEqual([problem.status, problem.code], [500, "INTERNAL"]);
    assert.doesNotMatch(JSON.stringify(problem), /secret|shadow|at .*:\d+/);
  }
});

test("a code that this build does not know is an internal failure", () => {
  const newer = Object.assign(new Error("from a newer copy"), { name: "MeshError", code: "TELEPORT_FAILED" });
  assert.equal(problemOf(newer).code, "INTERNAL");
  assert.ok(!isErrorCode("toString"));
  assert.ok(!isErrorCode(7));
});

test("a failure of HTTP means no more than its status", () => {
  const problem = problemOf(new HTTPException(415, { message: "Cannot read this" }));
  assert.deepEqual([problem.type, problem.title, problem.status], [
    "about:blank",
    "Unsupported Media Type",
    415,
  ]);
  assert.equal(problemOf(new HTTPException(418, { message: "short and stout" })).status, 400);
});

test("a foreign error of the node is logged under the number that the caller is given", async () => {
  const { request, node, log } = adminFixture();
  for (const [i, thrown] of [new Error("boom"), "a string", undefined].entries()) {
    node.fail = thrown ?? null;
    const response = await request("GET", "/v1/status");
    const text = await response.text();
    const problem = JSON.parse(text);
    assert.deepEqual([response.status, problem.code], [500, "INTERNAL"]);
    assert.equal(problem.instance, `urn:selvage:failure:${i + 1}`);
    assert.doesNotMatch(text, /boom|a string/);
    const entry = log.entries.at(-1);
    assert.deepEqual([entry?.level, entry?.fields["instance"]], ["error", problem.instance]);
    assert.equal(entry?.fields["error"], thrown ?? null);
  }
});

test("a MeshError of the node comes through every route with its status", async () => {
  const { request, post, node } = adminFixture();
  for (const code of errorCodes) {
    node.fail = new MeshError(code, `Cannot because of ${code}`);
    const responses = [
      await request("GET", "/v1/status"),
      await request("DELETE", "/v1/tokens/6f1d0c8a92b34e57a0c1d2e3f4a5b697"),
      await post("/v1/ping", { to: "10.32.0.7" }),
    ];
    for (const response of responses) {
      assert.equal(response.status, errorKinds[code].status);
      assert.equal((await response.json()).detail, `Cannot because of ${code}`);
    }
  }
});
