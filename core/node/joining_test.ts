import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import type { JoinRequest } from "../contracts/encapsulation.ts";
import { Joining } from "./joining.ts";

const request = {} as JoinRequest;
const from = { host: "192.0.2.1", port: 1 };
const welcome = Uint8Array.of(1);

test("the first outcome counts, and any other after it changes nothing", async () => {
  const joining = new Joining();
  const { signal } = new AbortController();
  const done = joining.run(request, () => joining.settle({ type: "join-answered", welcome, from }), signal);
  joining.settle({ type: "join-failed", code: "TIMEOUT", reason: "late" });
  assert.equal(await done, welcome);
  joining.settle({ type: "join-answered", welcome: Uint8Array.of(2), from });
});

test("a refusal is told with the member's code and reason", async () => {
  const joining = new Joining();
  const { signal } = new AbortController();
  const done = joining.run(request, () => {}, signal);
  joining.settle({ type: "join-failed", code: "NAME_TAKEN", reason: "the name is taken" });
  await assert.rejects(done, { code: "NAME_TAKEN", message: "the name is taken" });
});

test("calling it off ends it with the caller's reason, before as well as during it", async () => {
  const calling = new AbortController();
  const joining = new Joining();
  const done = joining.run(request, () => calling.abort(new Error("enough")), calling.signal);
  await assert.rejects(done, /enough/);
  joining.settle({ type: "join-answered", welcome, from });
  const late = new Joining().run(request, () => assert.fail("nobody is to knock"), calling.signal);
  await assert.rejects(late, /enough/);
});

test("a machine that cannot even begin says why", async () => {
  const { signal } = new AbortController();
  const done = new Joining().run(request, () => {
    throw new Error("no such thing");
  }, signal);
  await assert.rejects(done, /no such thing/);
});
