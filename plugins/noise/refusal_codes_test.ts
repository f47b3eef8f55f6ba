/** Codes with which a caller learns why somebody who did answer is not taken. */
import assert from "node:assert/strict";
import type { PeerId } from "../../core/contracts/values.ts";
import { test } from "../../tests/harness.ts";
import { protocol } from "./constants.ts";
import { Rig, token, tokenKey } from "./testing_rig.ts";

test("a member that is not the one that was called is NOT_ADMITTED", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  const peer = { id: "c" as PeerId, noiseKey: b.keys.publicKey };
  rig.call(a, (machine, now) => machine.connect({ endpoint: b.endpoint, peer }, now));
  rig.run(10_000);
  const { code, reason } = a.of("attempt-failed")[0]!;
  assert.equal(code, "NOT_ADMITTED");
  assert.match(reason, /is b, not c$/);
});

test("a member that answers a knock in a version this node does not speak is UNSUPPORTED", () => {
  const rig = new Rig();
  const [joiner, member] = [rig.add("j"), rig.add("m")];
  joiner.membership.id = undefined;
  const request = { token, tokenKey, endpoints: [member.endpoint], application: new Uint8Array(1) };
  rig.call(joiner, (machine, now) => machine.join({ ...request, deadline: now + 60_000 }, now));
  rig.run(15);
  const { versions } = protocol;
  try {
    // As if this node were of a later release than the knock that it has sent: the answer is on its way.
    Object.assign(protocol, { versions: { lowest: 2, highest: 2 } });
    rig.run(20);
  } finally {
    Object.assign(protocol, { versions });
  }
  assert.deepEqual(joiner.of("join-failed").map(({ code }) => code), ["UNSUPPORTED"]);
});

test("a member that has admitted a joiner and then falls silent is TIMEOUT, since it may know the joiner now", () => {
  const rig = new Rig();
  const [joiner, member] = [rig.add("j"), rig.add("m")];
  joiner.membership.id = undefined;
  const request = { token, tokenKey, endpoints: [member.endpoint], application: new Uint8Array(1) };
  rig.call(joiner, (machine, now) => machine.join({ ...request, deadline: now + 20_000 }, now));
  rig.run(21_000);
  assert.ok(member.of("join-requested").length > 0);
  const [failed] = joiner.of("join-failed");
  assert.equal(failed?.code, "TIMEOUT");
  assert.match(failed!.reason, /answered at first and then no more/);
});

test("a member whose Noise key cannot be one is INVALID_ARGUMENT at once, and nothing is sent", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  const peer = { id: "b" as PeerId, noiseKey: new Uint8Array(32) };
  rig.call(a, (machine, now) => machine.connect({ endpoint: b.endpoint, peer }, now));
  assert.deepEqual(a.of("attempt-failed").map(({ code }) => code), ["INVALID_ARGUMENT"]);
  rig.run(10_000);
  assert.deepEqual(rig.types(), []);
});
