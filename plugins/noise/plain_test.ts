/** Data in plain between peers that trust the network between them, and what an attacker there cannot do. */
import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import type { Endpoint } from "../../core/contracts/values.ts";
import { encodeGre, GreProtocol } from "../../core/wire/gre.ts";
import { parsePrefix } from "../../core/wire/prefix.ts";
import { test } from "../../tests/harness.ts";
import { limits } from "./constants.ts";
import { type NodeOptions, Rig, type RigNode } from "./testing_rig.ts";
import { ModelWorker } from "./testing_worker.ts";
import { MessageType } from "./wire.ts";

const { data, initiation, keepalive, probe } = MessageType;
const trusting: NodeOptions = { options: { trustedSubnets: [parsePrefix("192.0.2.0/24")!] } };
const outside: Endpoint = { host: "198.51.100.7", port: 1_000 };
/** First byte of a GRE packet as it is. */
const plain = 0;

function meet(ofA: NodeOptions = trusting, ofB: NodeOptions = trusting) {
  const rig = new Rig();
  const [a, b] = [rig.add("a", ofA), rig.add("b", ofB)];
  rig.connect(a, b);
  rig.run(100);
  return { rig, a, b };
}

/** `a` has a session with each of the others. */
function meetTwo() {
  const { rig, a, b } = meet();
  const c = rig.add("c", trusting);
  rig.connect(a, c);
  rig.run(100);
  return { rig, a, b, c };
}

/** The first byte of what carries `text` from one to the other. */
function sentAs(rig: Rig, from: RigNode, to: RigNode, text = "hello"): number {
  const before = rig.log.length;
  rig.send(from, to, text);
  return rig.log[before]!.datagram[0]!;
}

function gre(text: string, protocol: GreProtocol = GreProtocol.ipv4): Uint8Array {
  return encodeGre({ protocol }, new TextEncoder().encode(text));
}

/** A sealed message, so that the other side sees where this one is. */
function sayFrom(node: RigNode, rig: Rig, to: RigNode): void {
  const packet = { protocol: 0x0800, payload: new Uint8Array(9), forwarded: true };
  rig.call(node, (machine, now) => machine.seal(to.id, packet, now));
}

const changes = (node: RigNode) => node.of("plain").map(({ isPlain }) => isPlain);

test("data crosses in plain when both sides list the other's network, and all else stays sealed", () => {
  const { rig, a, b } = meet();
  const from = rig.now;
  assert.deepEqual([sentAs(rig, a, b, "there"), sentAs(rig, b, a, "back")], [plain, plain]);
  rig.run(40_000);
  assert.deepEqual([b.received(), a.received()], [["there"], ["back"]]);
  assert.deepEqual(rig.log.find(({ at }) => at >= from)!.datagram, gre("there"));
  const sealed = rig.types(from).filter((type) => type !== plain);
  assert.ok(sealed.length > 8 && sealed.every((type) => type === keepalive || type === data), `${sealed}`);
  assert.deepEqual([changes(a), changes(b), a.edges(), b.edges()], [[true], [true], ["+b"], ["+a"]]);
});

for (const [name, ofA, ofB] of [["calls", trusting, {}], ["is called", {}, trusting]] as const) {
  test(`data stays sealed when only the one that ${name} lists the other's network`, () => {
    const { rig, a, b } = meet(ofA, ofB);
    assert.deepEqual([sentAs(rig, a, b), sentAs(rig, b, a)], [data, data]);
    rig.run(100);
    assert.deepEqual([b.received(), changes(a), changes(b)], [["hello"], [], []]);
    assert.equal(
      rig.inject(a, gre("forged"), b.endpoint),
      ofA === trusting ? Drop.badSource : Drop.unsupported,
    );
    assert.deepEqual(a.received(), ["hello"]);
  });
}

test("a peer that leaves the trusted network is sent nothing in plain from then on, nor believed, until it is back", () => {
  const { rig, a, b } = meet();
  const home = b.endpoint;
  b.endpoint = outside;
  sayFrom(b, rig, a);
  rig.run(10);
  assert.deepEqual([changes(a), sentAs(rig, a, b)], [[true, false], data]);
  assert.equal(rig.inject(a, gre("forged"), home), Drop.badSource);
  assert.equal(rig.inject(a, gre("forged"), outside), Drop.badSource);
  rig.run(200);
  assert.deepEqual(changes(b), [true, false], "it is told, or what it sends in plain would be lost");
  assert.deepEqual([sentAs(rig, b, a), sentAs(rig, a, b)], [data, data]);
  rig.run(limits.trustRenewalMillis);
  b.endpoint = home;
  sayFrom(b, rig, a);
  rig.run(300);
  assert.deepEqual([sentAs(rig, a, b), sentAs(rig, b, a)], [plain, plain]);
});

test("a peer that has called from outside is sent nothing in plain before a handshake from within", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a", trusting), rig.add("b", trusting)];
  const home = b.endpoint;
  b.endpoint = outside;
  rig.connect(b, a);
  rig.run(100);
  assert.equal(rig.types().filter((type) => type === initiation).length, 1, "both know it from the first");
  assert.deepEqual([sentAs(rig, a, b), sentAs(rig, b, a)], [data, data]);
  rig.run(limits.trustRenewalMillis);
  b.endpoint = home;
  sayFrom(b, rig, a);
  rig.run(10);
  assert.equal(sentAs(rig, a, b), data);
  rig.run(100);
  assert.deepEqual([sentAs(rig, a, b), sentAs(rig, b, a)], [plain, plain]);
});

test("a session that begins anew is sealed at first and said to be in plain again; packets keep no memory of the socket's", () => {
  const { rig, a, b } = meet();
  const packet = gre("mine");
  rig.inject(a, packet, b.endpoint);
  packet.fill(0);
  assert.deepEqual(a.received(), ["mine"]);
  rig.call(a, (machine, now) => machine.disconnect(b.id, now));
  rig.run(100);
  assert.equal(rig.inject(a, gre("late"), b.endpoint), Drop.badSource);
  rig.connect(a, b);
  rig.run(100);
  assert.deepEqual([a.edges(), changes(a), sentAs(rig, a, b)], [["+b", "-b", "+b"], [true, true], plain]);
});

test("who moves in and out of the trusted network all the time makes one handshake in three seconds", () => {
  const { rig, a, b } = meet();
  const [home, from] = [b.endpoint, rig.now];
  for (let i = 0; i < 300; i++, rig.run(100)) {
    b.endpoint = i % 2 === 0 ? outside : home;
    sayFrom(b, rig, a);
  }
  const handshakes = rig.types(from).filter((type) => type === initiation).length;
  assert.ok(handshakes >= 2 && handshakes <= 2 * (30_000 / limits.trustRenewalMillis + 1), `${handshakes}`);
  b.endpoint = home;
  sayFrom(b, rig, a);
  rig.run(limits.trustRenewalMillis + 500);
  assert.deepEqual([sentAs(rig, a, b), sentAs(rig, b, a)], [plain, plain]);
});

test("plain packets from any other address or port are dropped, and so are those that no peer would send", () => {
  const { rig, a, b } = meet();
  const { host, port } = b.endpoint;
  const places = [{ host, port: port + 7 }, { host: "192.0.2.9", port }, outside, {
    host: "::ffff:c000:0209",
    port,
  }];
  for (const place of places) assert.equal(rig.inject(a, gre("x"), place), Drop.badSource);
  for (const protocol of [GreProtocol.control, GreProtocol.ethernet]) {
    assert.equal(rig.inject(a, gre("x", protocol), b.endpoint), Drop.unsupported);
  }
  const { malformed, unsupported } = Drop;
  const bytes = [[0], [0x20, 0, 8, 0], [0, 1, 8, 0], [0, 7, 8, 0]];
  const drops = bytes.map((each) => rig.inject(a, Uint8Array.from(each), b.endpoint));
  assert.deepEqual(drops, [malformed, malformed, unsupported, unsupported]);
  assert.deepEqual(a.of("packet"), []);
  assert.equal(
    rig.inject(a, gre("x"), { host: "::ffff:c000:0201", port }),
    Drop.none,
    "the same address in IPv6",
  );
});

test("what was forwarded, and what members say to each other, goes sealed", () => {
  const { rig, a, b } = meet();
  const before = rig.log.length;
  for (
    const [protocol, forwarded] of [[0x0800, true], [GreProtocol.control, false], [0x86dd, false]] as const
  ) {
    rig.call(
      a,
      (machine, now) => machine.seal(b.id, { protocol, payload: new Uint8Array(4), forwarded }, now),
    );
  }
  assert.deepEqual(rig.log.slice(before).map(({ datagram }) => datagram[0]), [data, data, plain]);
  rig.run(50);
  assert.deepEqual(b.of("packet").map(({ packet }) => packet.forwarded), [true, false, false]);
});

test("plain packets keep no dead peer alive, and do not move a peer", () => {
  const { rig, a, b } = meet();
  const place = b.endpoint;
  rig.remove(b);
  for (let second = 0; second < 25; second++, rig.run(1_000)) rig.inject(a, gre("forged"), place);
  assert.deepEqual([a.edges(), a.of("roamed")], [["+b", "-b"], []]);
  assert.equal(rig.inject(a, gre("forged"), place), Drop.badSource);
});

test("renewals of sessions in plain lose nothing and stay in plain", () => {
  const { rig, a, b } = meet();
  const from = rig.now;
  let sent = 0;
  for (; rig.now < from + 300_000; rig.run(200), sent++) {
    rig.send(a, b, "x");
    rig.send(b, a, "x");
  }
  assert.ok(rig.types(from).includes(initiation));
  assert.deepEqual([a.received().length, b.received().length], [sent, sent]);
  assert.equal(rig.types(from).filter((type) => type === plain).length, 2 * sent);
  assert.deepEqual([changes(a), changes(b)], [[true], [true]]);
});

test("who has called sends in plain only once the other side is known to have the session", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a", trusting), rig.add("b", trusting)];
  rig.weather = ({ datagram }) => datagram[0] === keepalive ? [] : [10];
  rig.connect(a, b);
  rig.run(50);
  assert.deepEqual([b.edges(), sentAs(rig, a, b)], [[], data]);
  rig.run(50);
  assert.deepEqual([b.received(), changes(b), sentAs(rig, b, a)], [["hello"], [true], plain]);
  rig.run(50);
  assert.deepEqual([a.received(), sentAs(rig, a, b)], [["hello"], data]);
  rig.weather = () => [10];
  rig.run(6_000);
  assert.equal(sentAs(rig, a, b), plain);
});

test("of two peers at one place the one that was heard last has what comes from there in plain", () => {
  const { rig, a, b, c } = meetTwo();
  const from = b.endpoint;
  assert.equal(sentAs(rig, a, b), plain);
  c.endpoint = from;
  sayFrom(c, rig, a);
  rig.run(20);
  rig.inject(a, gre("whose"), from);
  assert.equal(a.of("packet").at(-1)!.from, "c");
  assert.equal(sentAs(rig, a, b), data);
});

test("who takes another peer's place by one message has it until that peer is heard there again", () => {
  const { rig, a, b, c } = meetTwo();
  const home = c.endpoint;
  c.endpoint = b.endpoint;
  sayFrom(c, rig, a);
  rig.run(20);
  c.endpoint = home;
  sayFrom(b, rig, a);
  rig.run(20);
  rig.inject(a, gre("whose"), b.endpoint);
  assert.equal(a.of("packet").at(-1)!.from, "b");
  assert.equal(sentAs(rig, a, b), plain);
  assert.equal(sentAs(rig, a, c), data);
});

test("a worker is never told that packets cross in plain to a place outside of the trusted network", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a", trusting), rig.add("b", trusting)];
  const worker = ModelWorker.of(rig, a);
  a.machine.measurePaths();
  const told: string[] = [];
  const current = worker.current.bind(worker);
  worker.current = (peer, way) => {
    if (way.isPlain) told.push(way.endpoint.host);
    current(peer, way);
  };
  rig.connect(a, b);
  rig.run(100);
  b.endpoint = outside;
  sayFrom(b, rig, a);
  rig.run(100);
  assert.ok(told.length > 0);
  assert.deepEqual(told.filter((host) => host === outside.host), []);
});

test("plain packets out of place make a handshake at most every three seconds, whoever sends them", () => {
  const { rig, a, b } = meet(trusting, {});
  const from = rig.now;
  for (let i = 0; i < 900; i++, rig.run(10)) rig.inject(a, gre("forged"), b.endpoint);
  const handshakes = rig.types(from).filter((type) => type === initiation).length;
  assert.ok(handshakes >= 1 && handshakes <= 4, `${handshakes}`);
  assert.equal(a.received().length, 0);
});

test("a worker is told that packets cross in plain, sends them so without a counter, and what it sends proves the path", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a", trusting), rig.add("b", trusting)];
  const [ofA, ofB] = [ModelWorker.of(rig, a), ModelWorker.of(rig, b)];
  rig.connect(a, b);
  rig.run(100);
  assert.deepEqual(ofA.calls, ["opened b", "confirmed b", "current b 1001", "current b 1001 plain"]);
  const { cells } = ofA.currentOf(b)!;
  const before = cells.sent;
  for (let i = 0; i < 300; i++, rig.run(1_000)) {
    ofA.send(b, "a");
    ofB.send(a, "b");
  }
  assert.deepEqual([ofB.received.length, ofA.received.length], [300, 300]);
  assert.ok(cells.sent - before < 60 && cells.received < 60, "only keepalives take counters");
  assert.ok(
    ofA.calls.filter((call) => call.startsWith("current")).every((call, i) =>
      i === 0 || call.endsWith("plain")
    ),
  );
  b.endpoint = outside;
  sayFrom(b, rig, a);
  rig.run(10);
  assert.equal(ofA.ways.get(b.id)!.isPlain, false);
  rig.call(a, (machine, now) => machine.disconnect(b.id, now));
  assert.equal(ofA.calls.at(-1), "down b");
});

for (const who of ["a worker", "a machine"] as const) {
  test(`the path of ${who} that only sends in plain is proved again all the same`, () => {
    const rig = new Rig();
    const [a, b] = [rig.add("a", trusting), rig.add("b", trusting)];
    const worker = who === "a worker" ? ModelWorker.of(rig, a) : undefined;
    for (const { machine } of [a, b]) machine.measurePaths();
    rig.connect(a, b);
    rig.run(1_000);
    const proofs = () =>
      rig.log.filter(({ datagram, from }) => datagram[0] === probe && from === a.endpoint).length;
    rig.run(20_000);
    const idle = proofs();
    const text = "x".repeat(1_350);
    for (let i = 0; i < 60; i++, rig.run(1_000)) {
      if (worker === undefined) rig.send(a, b, text);
      else worker.send(b, text);
    }
    assert.ok(rig.types().filter((type) => type === plain).length >= 60);
    assert.ok(proofs() > idle, "a path that has become narrower would never be found out");
  });
}
