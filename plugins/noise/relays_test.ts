/** Members that do not reach each other, through one that reaches both. */
import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import { test } from "../../tests/harness.ts";
import { chain, isBehind } from "./testing_relay.ts";
import { peerIdOf, Rig } from "./testing_rig.ts";
import { MessageType } from "./wire.ts";

test("two members without a way between them get a session through a third one, and packets cross in both directions", () => {
  const { rig, a, r, b } = chain();
  assert.deepEqual([a.edges(), b.edges()], [[`+${r.id}`, `+${b.id}`], [`+${r.id}`, `+${a.id}`]]);
  for (let i = 0; i < 10; i++) {
    assert.equal(rig.send(a, b, `to ${i}`), Drop.none);
    assert.equal(rig.send(b, a, `fro ${i}`), Drop.none);
  }
  rig.run(100);
  assert.deepEqual(b.received(), Array.from({ length: 10 }, (_, i) => `to ${i}`));
  assert.deepEqual(a.received(), Array.from({ length: 10 }, (_, i) => `fro ${i}`));
  assert.ok(isBehind(a, b) && isBehind(b, a));
  assert.deepEqual(r.received(), []);
  const [fromA, fromB] = [r.machine.relayed(a.id), r.machine.relayed(b.id)];
  assert.ok(fromA.packets >= 12 && fromB.packets >= 11, "handshake, confirmation and packets");
  assert.ok(fromA.bytes > 1_232 + 10 * 40);
});

test("a round trip is measured through a relay, and what the peer offers is told", () => {
  const { a, b } = chain();
  const { rtt } = a.of("round-trip").findLast(({ peer }) => peer === b.id)!;
  assert.equal(rtt, 40);
  assert.deepEqual(a.of("session-up").map(({ session }) => session.relays), ["willing", "willing"]);
  const others = chain({ relay: { relay: "always" }, ends: { relay: "never" } });
  assert.deepEqual(others.a.of("session-up").map(({ session }) => session.relays), ["always", undefined]);
  assert.ok(isBehind(others.a, others.b), "who passes nothing on is served all the same");
});

test("the relay sees neither a packet nor a key: what it passes on is what the ends have sealed", () => {
  const { rig, a, r, b } = chain();
  const secret = "a secret of two, said again and again";
  rig.send(a, b, secret);
  rig.send(b, a, secret);
  rig.run(100);
  assert.deepEqual([a.received(), b.received()], [[secret], [secret]]);
  const needle = Array.from(new TextEncoder().encode(secret), (byte) => byte.toString(16)).join();
  const seen = rig.log.map(({ datagram }) => Array.from(datagram, (byte) => byte.toString(16)).join());
  assert.ok(!seen.some((text) => text.includes(needle)));
  // Not even for itself: none of its sessions is between the two, and it opened none of what was inside.
  const facts = JSON.stringify(r.facts);
  assert.ok(!facts.includes(secret) && !facts.includes('"packet"'));
  assert.deepEqual(r.of("session-up").map(({ peer }) => peer.id), [a.id, b.id]);
});

test("everything that crosses to and from a relay is as long as it was, 40 bytes more", () => {
  const { rig, a, r, b } = chain();
  const from = rig.now;
  rig.send(a, b, "x".repeat(500));
  rig.run(100);
  const lengths = rig.log.filter(({ at, datagram }) => at >= from && datagram.length > 500)
    .map(({ datagram, to }) => [datagram[0], datagram.length, to.port]);
  const length = 500 + 4 + 32 + 40;
  assert.deepEqual(lengths, [
    [MessageType.relay, length, r.endpoint.port],
    [MessageType.relay, length, b.endpoint.port],
  ]);
});

test("sessions through a relay are renewed for as long as one likes, with no packet lost", () => {
  const { rig, a, b } = chain();
  let sent = 0;
  for (; sent < 400; sent++) {
    rig.send(a, b, `${sent}`);
    rig.send(b, a, `${sent}`);
    rig.run(1_000);
  }
  const all = Array.from({ length: sent }, (_, i) => `${i}`);
  assert.deepEqual([a.received(), b.received()], [all, all]);
  assert.deepEqual([a.edges().length, b.edges().length], [2, 2]);
});

test("each of the three may start anew, and soon packets cross again", () => {
  for (const who of ["a", "r", "b"] as const) {
    const world = chain();
    const { rig } = world;
    rig.run(1_000);
    const again = rig.restart(world[who], { wall: 2_000_000_000_000 });
    const nodes = { ...world, [who]: again };
    const { a, r, b } = nodes;
    if (who !== "r") rig.connect(again, r);
    if (who === "a") rig.connectVia(a, b, r);
    for (let i = 0; i < 30; i++) {
      rig.send(a, b, `to ${i}`);
      rig.send(b, a, `fro ${i}`);
      rig.run(1_000);
    }
    assert.equal(b.received().at(-1), "to 29", who);
    assert.equal(a.received().at(-1), "fro 29", who);
  }
});

test("a member that is told to pass nothing on does not, and says so", () => {
  const { rig, a, r, b } = chain({ relay: { relay: "never" } });
  rig.run(30_000);
  assert.deepEqual([a.edges(), b.edges()], [[`+${r.id}`], [`+${r.id}`]]);
  assert.equal(r.drops.get("denied"), undefined, "nobody asks it to");
  assert.equal(rig.types().filter((type) => type === MessageType.relay).length, 0);
  assert.ok(a.drops.get("noSession")! >= 5);
});

test("a relay that does not reach the peer says so at once, and the next place is tried", () => {
  const world = chain({ isApart: true });
  const { rig, a, r, b } = world;
  const other = rig.add(peerIdOf("s"));
  rig.connect(a, other);
  rig.connect(b, other);
  rig.run(100);
  rig.call(r, (machine, now) => machine.disconnect(b.id, now));
  rig.call(b, (machine, now) => machine.disconnect(r.id, now));
  rig.run(100);
  const from = rig.now;
  rig.connectVia(a, b, r);
  rig.connectVia(a, b, other);
  rig.run(150);
  assert.ok(a.edges().includes(`+${b.id}`), `${a.edges()}`);
  assert.ok(rig.now - from < 200, "before the second attempt on schedule");
  assert.equal(r.drops.get("noSession"), 1);
});

test("a member that is down is called no more often by who knows it behind relays alone", () => {
  const world = chain({ isApart: true });
  const { rig, a, r, b } = world;
  const other = rig.add(peerIdOf("s"));
  rig.connect(a, other);
  rig.remove(b);
  rig.call(r, (machine, now) => machine.disconnect(b.id, now));
  rig.run(100);
  for (const relay of [r, other]) rig.connectVia(a, b, relay);
  rig.run(10_000);
  const from = rig.now;
  rig.run(60_000);
  const calls = rig.log.filter(({ at, datagram, from: { port } }) =>
    at >= from && datagram[0] === MessageType.relay && port === a.endpoint.port
  );
  assert.ok(
    calls.length >= 20 && calls.length <= 26,
    `a call to each of the two every five seconds: ${calls.length}`,
  );
});

test("who sits behind a relay that is gone goes on behind another one, without a new session", () => {
  const { rig, a, r, b } = chain();
  const other = rig.add(peerIdOf("s"));
  rig.connect(a, other);
  rig.connect(b, other);
  rig.run(100);
  rig.connectVia(a, b, other);
  rig.call(r, (machine, now) => {
    machine.disconnect(a.id, now);
    machine.disconnect(b.id, now);
  });
  rig.remove(r);
  rig.run(1_000);
  const edges = a.edges().length;
  rig.send(a, b, "on");
  rig.send(b, a, "and on");
  rig.run(1_000);
  assert.deepEqual([b.received(), a.received()], [["on"], ["and on"]]);
  assert.equal(a.edges().length, edges);
  assert.ok(!a.edges().includes(`-${b.id}`));
});

test("a relay that vanishes without a word is noticed by silence, and another one is taken", () => {
  const { rig, a, r, b } = chain();
  const other = rig.add(peerIdOf("s"));
  rig.connect(a, other);
  rig.connect(b, other);
  rig.run(100);
  rig.connectVia(a, b, other);
  rig.connectVia(b, a, other);
  rig.remove(r);
  rig.run(16_000);
  const [before, from] = [b.received().length, rig.now];
  for (let i = 0; i < 5; i++) {
    rig.send(a, b, `to ${i}`);
    rig.send(b, a, `fro ${i}`);
    rig.run(1_000);
  }
  assert.deepEqual([b.received().length - before, a.received().length], [5, 5], `from ${from}`);
  assert.ok(!a.edges().includes(`-${b.id}`) && !b.edges().includes(`-${a.id}`));
});

test("all members are sought behind the relays that are configured, once those are there", () => {
  const rig = new Rig();
  const options = { relays: [peerIdOf("r")] };
  const [a, b] = [rig.add(peerIdOf("a"), { options }), rig.add(peerIdOf("b"))];
  const r = rig.add(peerIdOf("r"));
  rig.weather = ({ from, to }) => [from, to].some(({ port }) => port === r.endpoint.port) ? [10] : [];
  rig.connect(a, b);
  rig.run(20_000);
  assert.deepEqual(a.edges(), []);
  rig.connect(b, r);
  rig.run(100);
  rig.connect(a, r);
  rig.run(150);
  assert.deepEqual(a.edges(), [`+${r.id}`, `+${b.id}`]);
  rig.send(a, b, "found");
  rig.run(100);
  assert.deepEqual(b.received(), ["found"]);
});
