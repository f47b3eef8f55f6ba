/** What a start makes of what an earlier run has left. */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { EndpointRig } from "../../tests/sim/endpoint_rig.ts";
import { MeshError } from "../contracts/errors.ts";
import { parseAddress } from "../wire/address.ts";
import { decodeCbor, encodeCbor } from "../wire/cbor.ts";

test("the next start adopts what is still there, with its addresses and without making it anew", async () => {
  const rig = new EndpointRig("web", "db");
  const wish = {
    name: "web-1",
    labels: { app: "web" },
    addresses: ["ip:10.32.1.5/24"],
    mac: "02:00:00:00:00:01",
  };
  const before = [await rig.attach("web", wish), await rig.attach("db")];
  rig.boot();
  rig.history.length = 0;
  await rig.endpoints.restore();
  assert.deepEqual(rig.endpoints.list(), before.toReversed(), "in the order of their owners");
  assert.ok(rig.history.every((step) => !/attach|lease|release|forget/.test(step)), rig.history.join());
  assert.deepEqual(await rig.attach("web", wish), before[0]);
});

test("what is not there any more is forgotten after its time, and what has no record is removed with its addresses", async () => {
  const rig = new EndpointRig("gone", "torn");
  await rig.attach("gone");
  await rig.attach("torn");
  rig.host.interfaces.delete("netns:gone");
  rig.store.content.delete("node/endpoint/netns:torn");
  rig.boot();
  await rig.endpoints.restore();
  assert.deepEqual(rig.ipam.held.map(({ owner }) => owner), ["netns:gone", "netns:gone"]);
  await rig.clock.advance(30_000);
  rig.expectNothing();
  assert.ok(rig.history.includes("forget netns:torn"));
  assert.ok(rig.log.messages.includes("Endpoint is gone; its addresses are kept for a while"));
});

test("what somebody holds without an endpoint is left alone, whatever the owner is called", async () => {
  const rig = new EndpointRig("web");
  const held = { owner: "api/docker:web", address: parseAddress("10.32.1.9")!, bits: 12 };
  rig.ipam.held.push(held);
  rig.boot();
  await rig.endpoints.restore();
  assert.deepEqual(rig.ipam.held, [held]);
});

test("an address that somebody else has got meanwhile costs its endpoint, and no other one", async () => {
  const rig = new EndpointRig("a", "b");
  await rig.attach("a", { addresses: ["10.32.1.1"] });
  await rig.attach("b", { addresses: ["10.32.1.2"] });
  rig.ipam.held[0] = { owner: "else", address: parseAddress("10.32.1.1")!, bits: 12 };
  rig.boot();
  await rig.endpoints.restore();
  assert.deepEqual(rig.endpoints.list().map(({ owner }) => owner), ["netns:b"]);
  assert.deepEqual([...rig.host.interfaces.keys()], ["netns:b"]);
});

test("a damaged record is dropped, and one of a newer version ends the start", async () => {
  const rig = new EndpointRig("web");
  await rig.attach("web");
  const key = "node/endpoint/netns:web";
  const value = rig.store.content.get(key)!;
  for (const damaged of [Uint8Array.of(1), value.subarray(3), encodeCbor({ v: 1 })]) {
    const torn = new EndpointRig("web");
    torn.store.content.set(key, damaged);
    await torn.endpoints.restore();
    torn.expectNothing();
  }
  rig.store.content.set(key, encodeCbor({ ...decodeCbor(value) as object, v: 2 }));
  rig.boot();
  await assert.rejects(rig.endpoints.restore(), { code: "UNSUPPORTED", message: /newer version/ });
  assert.equal(rig.host.interfaces.size, 1);
});

test("an address that no peer gives back in 5 s costs its endpoint, not the start", async () => {
  const rig = new EndpointRig("web");
  await rig.attach("web");
  rig.boot();
  const claim = (_owner: string, _address: unknown, signal: AbortSignal) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  Object.assign(rig.ipam, { claim });
  let isOver = false;
  const restoring = rig.endpoints.restore().then(() => isOver = true);
  await rig.clock.advance(4_999);
  assert.equal(isOver, false);
  await rig.clock.advance(1);
  await restoring;
  rig.expectNothing();
  assert.equal(rig.clock.pending, 0);
});

test("a node that is stopped while it starts gives away no address of what is gone", async () => {
  const rig = new EndpointRig("gone", "torn");
  await rig.attach("gone");
  await rig.attach("torn");
  rig.host.interfaces.delete("netns:gone");
  rig.store.content.delete("node/endpoint/netns:torn");
  const held = [...rig.ipam.held];
  rig.boot();
  rig.host.before = (step) => {
    if (step.startsWith("forget")) rig.stopping.abort(new MeshError("NOT_RUNNING", "stop"));
  };
  await assert.rejects(rig.endpoints.restore(), { code: "NOT_RUNNING" });
  assert.deepEqual(rig.ipam.held, held);
});
