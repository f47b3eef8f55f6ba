/** Members that reach each other only through several others, one behind the other. */
import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import { relayEndpointTo } from "../../core/wire/relay_endpoint.ts";
import { test } from "../../tests/harness.ts";
import { isBehind, type Row, row } from "./testing_relay.ts";
import type { RigNode } from "./testing_rig.ts";
import { ModelWorker } from "./testing_worker.ts";
import { MessageType } from "./wire.ts";

function countsOf(node: RigNode): Record<string, number> {
  return Object.fromEntries([...node.drops].filter(([name]) => name !== "none"));
}

/** The last place at which `node` knows `peer` to be. */
function placeOf(node: RigNode, peer: RigNode): string {
  const up = node.of("session-up").findLast(({ peer: { id } }) => id === peer.id);
  return (node.of("roamed").findLast((fact) => fact.peer === peer.id) ?? up!.session).endpoint.host;
}

/** `count` packets each way between the ends; all of them arrive. */
function assertCrosses({ rig }: Row, [a, z]: readonly [RigNode, RigNode], count = 5): void {
  const before = [a.received().length, z.received().length];
  for (let i = 0; i < count; i++) {
    assert.equal(rig.send(a, z, `to ${i}`), Drop.none);
    assert.equal(rig.send(z, a, `fro ${i}`), Drop.none);
  }
  rig.run(200);
  const sent = (way: string) => Array.from({ length: count }, (_, i) => `${way} ${i}`);
  assert.deepEqual([z.received().slice(before[1]), a.received().slice(before[0])], [sent("to"), sent("fro")]);
}

test("the ends of a row of five talk through the three between them, and nobody on the way can read it", () => {
  const world = row("abcde");
  const { rig, nodes } = world;
  const [a, b, c, d, e] = nodes as [RigNode, RigNode, RigNode, RigNode, RigNode];
  assert.deepEqual(a.edges(), [b, c, d, e].map(({ id }) => `+${id}`));
  assert.deepEqual([placeOf(a, e), placeOf(e, a)], [
    relayEndpointTo(d.id, e.id)!.host,
    relayEndpointTo(d.id, a.id)!.host,
  ]);
  assertCrosses(world, [a, e]);
  const secret = "a secret of the two ends";
  rig.send(a, e, secret);
  rig.run(200);
  assert.ok(e.received().includes(secret));
  const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const needle = hex(new TextEncoder().encode(secret));
  assert.ok(!rig.log.some(({ datagram }) => hex(datagram).includes(needle)));
  assert.deepEqual([b, c, d].map((node) => node.received()), [[], [], []]);
  for (const node of nodes) assert.deepEqual(countsOf(node), {}, node.name);
});

test("each relay on the way takes 40 bytes more, and takes its own layer off", () => {
  const { rig, nodes: [a, , , , e] } = row("abcde");
  const from = rig.now;
  rig.send(a!, e!, "x".repeat(500));
  rig.run(100);
  const lengths = rig.log.filter(({ at, datagram }) => at >= from && datagram.length > 500)
    .map(({ datagram }) => [datagram[0], datagram.length - 500 - 4 - 32]);
  const { relay } = MessageType;
  assert.deepEqual(lengths, [[relay, 120], [relay, 120], [relay, 80], [relay, 40]]);
});

test("a sixth in the row is out of reach: the attempt is counted, and nothing of it is sent", () => {
  const { rig, nodes } = row("abcdef");
  const [a, , , , e, f] = nodes as RigNode[];
  assert.ok(a!.edges().includes(`+${e!.id}`) && !a!.edges().includes(`+${f!.id}`));
  assert.ok(countsOf(a!).loop! > 0);
  assert.equal(rig.send(a!, f!, "x"), Drop.noSession);
  assert.deepEqual(countsOf(f!), {});
});

test("sessions through three relays are renewed for as long as one likes, with no packet lost", () => {
  const { rig, nodes: [a, , , , e] } = row("abcde");
  let sent = 0;
  for (; sent < 260; sent++) {
    rig.send(a!, e!, `${sent}`);
    rig.send(e!, a!, `${sent}`);
    rig.run(1_000);
  }
  const all = Array.from({ length: sent }, (_, i) => `${i}`);
  assert.deepEqual([a!.received(), e!.received()], [all, all]);
  assert.deepEqual([a!.edges().length, e!.edges().length], [4, 2]);
}, { once: "260 s of pure machines are the same on both" });

test("the path to a peer is 40 bytes narrower with each relay, and what is larger crosses in parts", () => {
  const { rig, nodes: [a, ...others] } = row("abcde", ({ rig, nodes }) => {
    for (const node of nodes) node.machine.measurePaths();
    const near = rig.weather;
    rig.weather = (flight) => flight.datagram.length + 28 > 1_500 ? [] : near(flight);
  });
  rig.run(60_000);
  const known = others.map(({ id }) => a!.of("path-mtu").findLast(({ peer }) => peer === id)?.mtu);
  assert.deepEqual(known, [1_500 - 68, 1_500 - 88 - 40, 1_500 - 88 - 80, 1_500 - 88 - 120]);
  for (const length of [1_292, 1_293, 1_372, 5_000]) rig.send(a!, others[3]!, "x".repeat(length));
  rig.run(200);
  assert.deepEqual(others[3]!.received().map(({ length }) => length), [1_292, 1_293, 1_372, 5_000]);
});

test("the first handshakes cross three relays whose legs are too narrow for them whole", () => {
  const world = row("abcde", ({ rig, nodes }) => {
    for (const node of nodes) node.machine.measurePaths();
    const near = rig.weather;
    rig.weather = (flight) => flight.datagram.length + 28 > 1_260 ? [] : near(flight);
  });
  world.rig.run(30_000);
  assertCrosses(world, [world.nodes[0]!, world.nodes[4]!]);
});

test("a relay that goes takes all levels with it, and they come back in their sessions by a shorter way", () => {
  const world = row("abcde");
  const { rig, nodes: [a, b, c, d, e] } = world;
  world.bridges.push([0, 2]);
  rig.connect(a!, c!);
  rig.remove(b!);
  rig.run(30_000);
  assert.deepEqual(a!.edges().filter((edge) => edge.startsWith("-")), [`-${b!.id}`]);
  assert.ok(!isBehind(a!, c!) && isBehind(a!, d!) && isBehind(a!, e!));
  assertCrosses(world, [a!, e!]);
});

test("without another way each level ends by its own silence", () => {
  const { rig, nodes: [a, b, c, d, e] } = row("abcde");
  rig.remove(b!);
  rig.run(45_000);
  const ends = a!.edges().filter((edge) => edge.startsWith("-"));
  assert.deepEqual(new Set(ends), new Set([b, c, d, e].map((node) => `-${node!.id}`)));
  assert.equal(ends.length, 4);
});

test("who is behind a relay that others are behind may move to an address: their paths are measured anew, none is lost", () => {
  const world = row("abcd", ({ nodes }) => {
    for (const node of nodes) node.machine.measurePaths();
  });
  const { rig, nodes: [a, , c, d] } = world;
  rig.run(30_000);
  const mtu = () => a!.of("path-mtu").findLast(({ peer, mtu }) => peer === d!.id && mtu !== undefined)!.mtu!;
  const before = mtu();
  world.bridges.push([0, 2]);
  rig.connect(a!, c!);
  rig.run(60_000);
  assert.ok(!isBehind(a!, c!));
  assert.equal(mtu(), before + 40);
  assertCrosses(world, [a!, d!]);
});

test("a relay is not sought behind the very peer that it leads to: that is counted, and nothing sent", () => {
  const { rig, nodes: [a, b, c] } = row("abc");
  rig.run(1_000);
  const from = rig.log.length;
  const place = relayEndpointTo(c!.id, b!.id)!;
  rig.call(a!, (machine, now) => machine.local.outbox.transmit(Uint8Array.of(6, 1, 0, 0), place, now));
  assert.deepEqual([countsOf(a!), rig.log.length], [{ loop: 1 }, from]);
});

test("nobody is followed behind a relay that is itself reached through him, however silent his own way is", () => {
  const { rig, nodes: [a, b, c, d] } = row("abcd");
  rig.weather = () => [];
  rig.run(8_000);
  const says = (from: RigNode) => {
    rig.call(from, (machine, now) => machine.probe(a!.id, a!.endpoint, now));
    return rig.log.at(-1)!.datagram;
  };
  const before = a!.of("roamed").length;
  rig.inject(a!, says(c!), relayEndpointTo(d!.id, c!.id)!);
  rig.inject(a!, says(b!), relayEndpointTo(d!.id, b!.id)!);
  assert.equal(a!.of("roamed").length, before);
  rig.inject(a!, says(d!), relayEndpointTo(b!.id, d!.id)!);
  assert.equal(placeOf(a!, d!), relayEndpointTo(b!.id, d!.id)!.host, "behind another one he is");
});

test("with a worker in each node the same packets cross, and what the workers have no way for the machines carry", () => {
  let workers: ModelWorker[] = [];
  const world = row("abcde", ({ rig, nodes }) => {
    workers = nodes.map((node) => ModelWorker.of(rig, node));
  });
  const { rig, nodes: [a, , , , e] } = world;
  for (let i = 0; i < 20; i++) {
    workers[0]!.send(e!, `to ${i}`);
    workers[4]!.send(a!, `fro ${i}`);
    rig.run(20);
  }
  rig.run(200);
  const all = (way: string) => Array.from({ length: 20 }, (_, i) => `${way} ${i}`);
  assert.deepEqual([...workers[4]!.received, ...e!.received()], all("to"));
  assert.deepEqual([...workers[0]!.received, ...a!.received()], all("fro"));
  for (const node of world.nodes) assert.deepEqual(countsOf(node), {}, node.name);
});

test("a relay that loses a peer tells those whose messages it has passed on, and they go another way at once", () => {
  const { rig, nodes: [a, r, b] } = row("arb");
  const other = rig.add("s".repeat(32));
  const near = rig.weather;
  rig.weather = (flight) =>
    [flight.from, flight.to].some(({ port }) => port === other.endpoint.port) ? [10] : near(flight);
  rig.connect(a!, other);
  rig.connect(b!, other);
  rig.run(100);
  rig.connectVia(a!, b!, other);
  rig.run(100);
  assert.equal(placeOf(a!, b!), relayEndpointTo(r!.id, b!.id)!.host);
  rig.call(b!, (machine, now) => machine.disconnect(r!.id, now));
  rig.run(30);
  assert.equal(placeOf(a!, b!), relayEndpointTo(other.id, b!.id)!.host, "before the next keepalive");
  rig.run(1_000);
  assert.equal(a!.edges().filter((edge) => edge === `-${b!.id}`).length, 0);
});

test("when a worker has no room for the next session with a relay, what comes from those behind it comes all the same", () => {
  let worker: ModelWorker | undefined;
  const { rig, nodes } = row("abc", ({ rig, nodes }) => {
    worker = ModelWorker.of(rig, nodes[0]!);
  });
  const [a, b, c] = nodes as [RigNode, RigNode, RigNode];
  rig.run(60_000);
  rig.call(a, (machine, now) => machine.disconnect(c.id, now));
  rig.connectVia(a, c, b);
  rig.run(1_000);
  worker!.isRoomy = false;
  rig.run(65_000); // the session with the relay is renewed, and the later one is not due yet
  for (let i = 0; i < 10; i++) {
    rig.send(c, a, `${i}`);
    rig.run(20);
  }
  const heard = [...worker!.received, ...a.received()];
  assert.deepEqual(heard, Array.from({ length: 10 }, (_, i) => `${i}`));
});
