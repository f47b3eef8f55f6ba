import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { Rig, type RigNode } from "./testing_rig.ts";
import { MessageType } from "./wire.ts";

const nowhere = { host: "192.0.2.200", port: 7 };

function forget(rig: Rig, node: RigNode, endpoint = nowhere): void {
  rig.call(node, (machine) => machine.forget(endpoint));
}

test("a bare address that was forgotten is asked no more, and can be asked anew", () => {
  const rig = new Rig();
  const a = rig.add("a");
  rig.call(a, (machine, now) => machine.connect({ endpoint: nowhere }, now));
  rig.run(1_000);
  forget(rig, a);
  const before = rig.log.length;
  rig.run(60_000);
  assert.equal(rig.log.length, before);
  assert.equal(a.machine.pollTimeout(), undefined);
  rig.call(a, (machine, now) => machine.connect({ endpoint: nowhere }, now));
  rig.run(1);
  assert.equal(rig.log.length, before + 1);
});

test("a peer is no longer called at a place that was forgotten, and goes on being called at others", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  const peer = { id: b.id, noiseKey: b.keys.publicKey };
  rig.weather = () => [];
  rig.call(a, (machine, now) => machine.connect({ endpoint: nowhere, peer }, now));
  rig.connect(a, b);
  rig.run(1_000);
  forget(rig, a);
  const since = rig.now;
  rig.run(20_000);
  const places = new Set(rig.log.filter(({ at }) => at > since).map(({ to }) => to.port));
  assert.deepEqual([...places], [b.endpoint.port]);
  forget(rig, a, b.endpoint);
  const before = rig.log.length;
  rig.run(60_000);
  assert.equal(rig.log.length, before);
  assert.equal(a.machine.local.indices.size, 0, "and no answer is awaited");
});

test("a session survives that its place is forgotten, is renewed there, and is not sought there once lost", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  forget(rig, a, b.endpoint);
  rig.run(400_000);
  assert.deepEqual([a.edges(), b.edges()], [["+b"], ["+a"]]);
  rig.remove(b);
  rig.run(30_000);
  assert.deepEqual(a.edges(), ["+b", "-b"]);
  const since = rig.now;
  rig.run(60_000);
  assert.deepEqual(rig.types(since), []);
});

test("a peer whose place was forgotten while it was being renewed is not sought there once lost", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  rig.run(119_500);
  rig.weather = () => [];
  rig.run(3_000);
  assert.ok(rig.types(rig.now - 3_000).includes(MessageType.initiation), "it is being renewed");
  forget(rig, a, b.endpoint);
  rig.remove(b);
  rig.run(30_000);
  assert.deepEqual(a.edges(), ["+b", "-b"]);
  const since = rig.now;
  rig.run(60_000);
  assert.deepEqual(rig.types(since), []);
});

test("a peer found at a bare address that was forgotten is called no more after its goodbye", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  rig.call(a, (machine, now) => machine.connect({ endpoint: b.endpoint }, now));
  rig.run(1_000);
  forget(rig, a, b.endpoint);
  rig.call(b, (machine, now) => machine.disconnect(a.id, now));
  const since = rig.now;
  rig.run(60_000);
  assert.deepEqual(rig.types(since).filter((type) => type !== MessageType.close), []);
  rig.connect(a, b);
  rig.run(1_000);
  assert.deepEqual(a.edges(), ["+b", "-b", "+b"], "connect seeks it there again");
});

test("a renewal that was under way when the place was forgotten does not make the peer sought there again", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  rig.run(119_900);
  rig.weather = () => [6_000];
  while (!rig.types(rig.now - 100).includes(MessageType.initiation)) rig.run(100);
  rig.weather = () => [10];
  forget(rig, a, b.endpoint);
  const renewing = rig.now;
  rig.run(6_000);
  assert.ok(rig.types(renewing).includes(MessageType.response), "it was renewed");
  rig.remove(b);
  rig.run(30_000);
  assert.deepEqual(a.edges(), ["+b", "-b"]);
  const since = rig.now;
  rig.run(60_000);
  assert.deepEqual(rig.types(since), []);
});

test("a place that was forgotten stays so when the session there is renewed for the sake of another place", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  const peer = { id: b.id, noiseKey: b.keys.publicKey };
  rig.call(a, (machine, now) => machine.connect({ endpoint: nowhere, peer }, now));
  forget(rig, a, b.endpoint);
  rig.run(300_000);
  assert.deepEqual([a.edges(), b.edges()], [["+b"], ["+a"]]);
  rig.remove(b);
  rig.run(30_000);
  const since = rig.now;
  rig.run(30_000);
  const places = new Set(rig.log.filter(({ at }) => at > since).map(({ to }) => to.port));
  assert.deepEqual([...places], [nowhere.port]);
  const again = rig.add("b", { keys: b.keys, wall: 10_000_000 });
  again.endpoint = b.endpoint;
  rig.connect(a, again);
  rig.run(10_000);
  rig.remove(again);
  rig.run(30_000);
  assert.deepEqual(a.edges(), ["+b", "-b", "+b", "-b"]);
  const later = rig.now;
  rig.run(30_000);
  const ports = rig.log.filter(({ at }) => at > later).map(({ to }) => to.port);
  assert.ok(ports.includes(b.endpoint.port), "connect seeks it there again");
});
