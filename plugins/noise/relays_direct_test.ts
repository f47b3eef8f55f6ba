/** From a relay to an address and back: which way two members take when there are two. */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { limits } from "./constants.ts";
import { LinkWay } from "./link_way.ts";
import { type Chain, chain, divided, isBehind, isBetweenEnds } from "./testing_relay.ts";
import { ModelWorker } from "./testing_worker.ts";
import { type Flight, peerIdOf, Rig, type RigNode } from "./testing_rig.ts";

/** One packet each way every `step` milliseconds; gives how many were sent. */
function talk({ rig, a, b }: Chain, millis: number, step: number, from = 0): number {
  let sent = from;
  for (let at = 0; at < millis; at += step, sent++) {
    rig.send(a, b, `${sent}`);
    rig.send(b, a, `${sent}`);
    rig.run(step);
  }
  return sent;
}

function assertAll({ a, b }: Chain, sent: number): void {
  const all = Array.from({ length: sent }, (_, i) => `${i}`);
  assert.deepEqual([a.received().toSorted(byNumber), b.received().toSorted(byNumber)], [all, all]);
}

function byNumber(left: string, right: string): number {
  return Number(left) - Number(right);
}

test("when a direct way appears while packets cross, it is taken within seconds and none is lost", () => {
  const world = chain();
  const { rig, a, b } = world;
  rig.connect(a, b);
  for (const node of [a, b]) node.machine.measurePaths();
  let sent = talk(world, 3_000, 20);
  assert.ok(isBehind(a, b) && isBehind(b, a));
  world.direct = true;
  sent = talk(world, 6_000, 20, sent);
  assert.ok(!isBehind(a, b) && !isBehind(b, a));
  rig.run(1_000);
  assertAll(world, sent);
  assert.deepEqual([a.edges().length, b.edges().length], [2, 2], "in the session there was");
  const from = rig.now;
  sent = talk(world, 1_000, 20, sent);
  assert.ok(rig.log.some((flight) => flight.at >= from && isBetweenEnds(world, flight)));
  const through = rig.log.filter(({ at, datagram }) => at >= from && datagram[0] === 18);
  assert.equal(through.length, 0, "and nothing goes through the relay any more");
});

test("only one of the two need know where the other one is", () => {
  const world = chain();
  const { rig, a, b } = world;
  rig.connect(b, a);
  world.direct = true;
  rig.run(6_000);
  assert.ok(!isBehind(a, b) && !isBehind(b, a));
});

test("packets that come late through the relay move nobody back to it", () => {
  const world = chain();
  const { rig, a, b } = world;
  rig.connect(a, b);
  rig.run(1_000);
  // What goes through the relay takes seconds from now on.
  rig.weather = divided(world, (flight) => [isBetweenEnds(world, flight) ? 10 : 400]);
  let sent = talk(world, 500, 10);
  world.direct = true;
  sent = talk(world, 7_000, 10, sent);
  rig.run(2_000);
  assert.ok(!isBehind(a, b) && !isBehind(b, a));
  assertAll(world, sent);
  const moves = a.of("roamed").filter(({ peer }) => peer === b.id);
  assert.equal(moves.length, 1);
});

test("a way that works in one direction only is not taken, and costs no packet", () => {
  const world = chain();
  const { rig, a, b } = world;
  rig.connect(a, b);
  rig.weather = (flight) => {
    if (!isBetweenEnds(world, flight)) return [10];
    return flight.to.port === b.endpoint.port ? [10] : [];
  };
  const sent = talk(world, 30_000, 50);
  rig.run(1_000);
  assertAll(world, sent);
  assert.ok(isBehind(a, b) && isBehind(b, a));
});

test("when the direct way dies, both are behind the relay within the keepalive times, in the session there was", () => {
  const world = chain();
  const { rig, a, b } = world;
  rig.connect(a, b);
  world.direct = true;
  rig.run(6_000);
  assert.ok(!isBehind(a, b) && !isBehind(b, a));
  world.direct = false;
  rig.run(16_000);
  assert.ok(isBehind(a, b) && isBehind(b, a));
  const sent = talk(world, 2_000, 20);
  rig.run(100);
  assertAll(world, sent);
  assert.deepEqual([a.edges().length, b.edges().length], [2, 2]);
  world.direct = true;
  rig.run(6_000);
  assert.ok(!isBehind(a, b) && !isBehind(b, a), "and back once more");
});

test("a direct way that dies in one direction is given up by both", () => {
  const world = chain();
  const { rig, a, b } = world;
  rig.connect(a, b);
  world.direct = true;
  rig.run(6_000);
  rig.weather = (flight) => {
    if (!isBetweenEnds(world, flight)) return [10];
    return flight.to.port === b.endpoint.port ? [10] : [];
  };
  rig.run(30_000);
  const sent = talk(world, 2_000, 20);
  rig.run(100);
  assertAll(world, sent);
});

test("the size of packets is measured through a relay, and again at the address", () => {
  const rig = new Rig();
  const [a, r, b] = ["a", "r", "b"].map((letter) => rig.add(peerIdOf(letter)));
  const world: Chain = { rig, a: a!, r: r!, b: b!, direct: false };
  for (const node of rig.nodes) node.machine.measurePaths();
  // The leg from the relay to the receiver carries less than the others.
  rig.weather = divided(world, ({ datagram, to }) => {
    const size = datagram.length + 28;
    return size > (to.port === world.b.endpoint.port ? 1_400 : 1_500) ? [] : [10];
  });
  rig.connect(world.a, world.r);
  rig.connect(world.b, world.r);
  rig.run(30_000);
  rig.connectVia(world.a, world.b, world.r);
  rig.run(60_000);
  const known = () => world.a.of("path-mtu").findLast(({ peer }) => peer === world.b.id)?.mtu;
  const largest = 1_400 - 108;
  assert.ok(known()! <= largest && known()! > largest - 45, `${known()}`);
  for (const length of [known()! - 4, known()!, 1_372, 5_000]) rig.send(world.a, world.b, "x".repeat(length));
  rig.run(100);
  assert.equal(world.b.received().length, 4);
  world.direct = true;
  rig.connect(world.a, world.b);
  rig.run(60_000);
  assert.ok(known()! > 1_400 - 68 - 45 && known()! <= 1_400 - 68, `${known()}`);
});

test("the first handshake crosses legs that are too narrow for it whole", () => {
  const rig = new Rig();
  const [a, r, b] = ["a", "r", "b"].map((letter) => rig.add(peerIdOf(letter)));
  const world: Chain = { rig, a: a!, r: r!, b: b!, direct: false };
  for (const node of rig.nodes) node.machine.measurePaths();
  rig.weather = divided(world, ({ datagram }) => datagram.length + 28 > 1_260 ? [] : [10]);
  rig.connect(world.a, world.r);
  rig.connect(world.b, world.r);
  rig.run(30_000);
  rig.connectVia(world.a, world.b, world.r);
  rig.run(1_000);
  rig.send(world.a, world.b, "narrow");
  rig.run(100);
  assert.deepEqual(world.b.received(), ["narrow"]);
});

test("with a worker of their own both ends and the relay do the same", () => {
  const rig = new Rig();
  const [a, r, b] = ["a", "r", "b"].map((letter) => rig.add(peerIdOf(letter)));
  const world: Chain = { rig, a: a!, r: r!, b: b!, direct: false };
  const workers = [world.a, world.r, world.b].map((node) => ModelWorker.of(rig, node));
  rig.weather = divided(world, () => [10]);
  rig.connect(world.a, world.r);
  rig.connect(world.b, world.r);
  rig.run(100);
  rig.connectVia(world.a, world.b, world.r);
  rig.connect(world.a, world.b);
  rig.run(1_000);
  assert.ok(workers[0]!.calls.includes(`current ${world.b.id} 0`));
  assert.deepEqual(workers[1]!.relays, { bytesPerSecond: 12_500_000, packetsPerSecond: 50_000 });
  const [ofA, , ofB] = workers;
  let sent = 0;
  const send = (millis: number) => {
    for (const end = rig.now + millis; rig.now < end; sent++) {
      ofA!.send(world.b, `${sent}`);
      ofB!.send(world.a, `${sent}`);
      rig.run(20);
    }
  };
  send(2_000);
  world.direct = true;
  send(7_000);
  assert.ok(!isBehind(world.a, world.b) && !isBehind(world.b, world.a));
  const byWorker = ofB!.received.length;
  assert.ok(byWorker > 50, `${byWorker}`);
  world.direct = false;
  rig.run(20_000);
  assert.ok(isBehind(world.a, world.b) && isBehind(world.b, world.a));
  send(1_000);
  rig.run(100);
  assert.equal(new Set([...ofB!.received, ...world.b.received()]).size, sent);
  assert.equal(new Set([...ofA!.received, ...world.a.received()]).size, sent);
});

const address = { host: "192.0.2.1", port: 1 };
const elsewhere = { host: "192.0.2.2", port: 2 };
const relayed = { host: `relay/${peerIdOf("r")}/aaaaaaaaaaaaa`, port: 0 };
const other = { host: `relay/${peerIdOf("s")}/aaaaaaaaaaaaa`, port: 0 };

test("behind a relay the last address of a peer is tried again, however many others were named", () => {
  const world = chain({ isApart: true });
  const { rig, a, b, r } = world;
  world.direct = true;
  rig.connect(b, a);
  rig.run(100);
  rig.connectVia(b, a, r);
  const peer = { id: b.id, noiseKey: b.keys.publicKey };
  for (let port = 1; port <= 8; port++) {
    rig.call(a, (machine, now) => machine.connect({ endpoint: { host: "192.0.2.9", port }, peer }, now));
  }
  world.direct = false;
  rig.run(20_000);
  assert.ok(isBehind(a, b));
  const from = rig.now;
  rig.run(limits.seekAddressMillis);
  assert.ok(
    rig.log.some((flight) => flight.at >= from && flight.to.port === b.endpoint.port && isOf(a, flight)),
  );
});

function isOf({ endpoint }: RigNode, { from }: Flight): boolean {
  return from.port === endpoint.port;
}

test("of two that are behind different relays only one waits until its own falls silent", () => {
  const [leader, follower] = [
    new LinkWay(peerIdOf("a"), peerIdOf("b")),
    new LinkWay(peerIdOf("b"), peerIdOf("a")),
  ];
  const heard = { from: other, asks: false, newest: true };
  for (const way of [leader, follower]) way.move(relayed, 0);
  assert.deepEqual([leader.heard(heard, 1), follower.heard(heard, 1)], ["stay", "move"]);
  assert.equal(leader.heard(heard, limits.wayAliveMillis - 1), "stay");
  assert.equal(leader.heard(heard, limits.wayAliveMillis), "move");
  leader.heardHere(limits.wayAliveMillis);
  assert.equal(leader.heard(heard, limits.wayAliveMillis), "stay");
  leader.gone();
  assert.equal(leader.heard(heard, limits.wayAliveMillis), "move");
});

test("an address is left for a newer one at once, for a relay when it is silent, and only by the newest message", () => {
  const way = new LinkWay(peerIdOf("b"), peerIdOf("a"));
  way.move(address, 0);
  const heard = { asks: false, newest: true };
  assert.equal(way.heard({ ...heard, from: elsewhere }, 1), "move");
  assert.equal(way.heard({ ...heard, from: elsewhere, newest: false }, 1), "stay");
  assert.equal(way.heard({ ...heard, from: relayed }, limits.wayAliveMillis - 1), "stay");
  assert.equal(way.heard({ ...heard, from: relayed }, limits.wayAliveMillis), "move");
  way.move(relayed, 10);
  assert.equal(way.heard({ ...heard, from: address, asks: true }, 11), "ask");
  assert.equal(way.heard({ ...heard, from: address }, 11), "move");
  assert.deepEqual([way.address, way.endpoint], [address, relayed]);
});
