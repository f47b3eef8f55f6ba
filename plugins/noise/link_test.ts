import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import { test } from "../../tests/harness.ts";
import { generateKeyPair } from "../../core/noise/dh.ts";
import { limits } from "./constants.ts";
import { areFirstAttempts, Rig, type RigNode } from "./testing_rig.ts";
import { MessageType } from "./wire.ts";

const { initiation, response, data, keepalive, unknownIndex } = MessageType;

/** Sends one numbered packet each way every `step` ms; gives how many were sent. */
function traffic(rig: Rig, [a, b]: readonly [RigNode, RigNode], millis: number, step = 100): number {
  const count = Math.floor(millis / step);
  for (let i = 0; i < count; i++) {
    rig.send(a, b, `a${i}`);
    rig.send(b, a, `b${i}`);
    rig.run(step);
  }
  return count;
}

test("an idle pair asks every 5 s, one side for both", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  const from = rig.now;
  rig.run(100_000);
  const types = rig.types(from);
  assert.deepEqual(new Set(types), new Set([keepalive, data]));
  assert.equal(types.filter((type) => type === keepalive).length, 19);
  assert.deepEqual([a.edges(), b.edges()], [["+b"], ["+a"]]);
});

test("three unanswered keepalives end the session 20 s after the last packet, and attempts begin at once", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  rig.send(b, a, "last");
  rig.run(10);
  const last = rig.now;
  rig.remove(b);
  rig.run(30_000);
  assert.deepEqual(a.times("session-down"), [last + 20_000]);
  assert.equal(a.of("session-down")[0]!.reason, "no answer to 3 keepalives");
  const asked = rig.log.filter(({ at, datagram }) => at > last && datagram[0] === keepalive).map(({ at }) =>
    at - last
  );
  assert.deepEqual(asked, [5_000, 10_000, 15_000]);
  const called = rig.log.filter(({ at, datagram }) => at > last && datagram[0] === initiation).map(({ at }) =>
    at
  );
  assert.equal(called[0], last + 20_000);
  assert.ok(called.length > 3 && areFirstAttempts(called), `${called}`);
});

test("a packet in one direction is enough to stay up, also when keepalives are lost now and then", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  let lost = 0;
  rig.weather = ({ datagram }) => datagram[0] === keepalive && lost++ % 3 < 2 ? [] : [10];
  rig.run(300_000);
  assert.ok(lost > 20);
  assert.deepEqual([a.edges(), b.edges()], [["+b"], ["+a"]]);
});

test("after a black hole the session returns with the next attempt", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  const clear = rig.weather;
  rig.weather = () => [];
  rig.run(60_000);
  assert.deepEqual([a.edges(), b.edges()], [["+b", "-b"], ["+a", "-a"]]);
  rig.weather = clear;
  rig.run(5_500);
  assert.deepEqual([a.edges(), b.edges()], [["+b", "-b", "+b"], ["+a", "-a", "+a"]]);
});

test("rekeying every two minutes loses no packet and is no event", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  const sent = traffic(rig, [a, b], 600_000, 500);
  rig.run(100);
  const handshakes = rig.types().filter((type) => type === initiation).length;
  assert.ok(handshakes === 5 || handshakes === 6, `${handshakes} handshakes`);
  assert.deepEqual(a.received(), Array.from({ length: sent }, (_, i) => `b${i}`));
  assert.deepEqual(b.received(), Array.from({ length: sent }, (_, i) => `a${i}`));
  assert.deepEqual([a.edges(), b.edges()], [["+b"], ["+a"]]);
});

test("rekeying loses no packet when the network reorders", () => {
  const rig = new Rig(4);
  const { a, b } = rig.pair();
  rig.weather = () => [5 + Math.floor(rig.random.next() * 200)];
  const sent = traffic(rig, [a, b], 300_000);
  rig.run(1_000);
  assert.deepEqual(new Set(a.received()).size, sent);
  assert.deepEqual(new Set(b.received()).size, sent);
  assert.equal(b.received().length, sent);
  assert.deepEqual([a.edges(), b.edges()], [["+b"], ["+a"]]);
});

test("the responder rekeys at 160 s when the initiator's attempts do not get through", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  rig.weather = ({ datagram, from }) => datagram[0] === initiation && from === a.endpoint ? [] : [10];
  rig.run(400_000);
  assert.ok(rig.log.some(({ datagram, from }) => datagram[0] === initiation && from === b.endpoint));
  assert.deepEqual([a.edges(), b.edges()], [["+b"], ["+a"]]);
});

test("a session that cannot be renewed is used for 180 s and no longer", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  a.membership.refused.add("b");
  b.membership.refused.add("a");
  rig.run(178_000);
  assert.deepEqual(a.edges(), ["+b"]);
  rig.run(3_000);
  assert.deepEqual([a.edges(), b.edges()], [["+b", "-b"], ["+a", "-a"]]);
  assert.equal(a.times("session-down")[0], a.times("session-up")[0]! + 180_000);
  assert.match(a.of("session-down")[0]!.reason, /expired/);
});

test("a peer is followed to where its packets come from", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  b.endpoint = { host: "2001:db8::7", port: 4_000 };
  rig.send(b, a, "moved");
  rig.run(20);
  rig.send(a, b, "found you");
  rig.run(20);
  assert.deepEqual(a.of("roamed").map(({ endpoint }) => endpoint), [b.endpoint]);
  assert.deepEqual(b.received(), ["found you"]);
});

test("a peer is followed to where its response comes from", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  rig.run(118_000);
  rig.weather = ({ datagram }) => datagram[0] === response ? [] : [10];
  rig.run(4_000);
  const answer = rig.log.findLast(({ datagram }) => datagram[0] === response)!;
  const elsewhere = { host: "2001:db8::7", port: 4_000 };
  assert.equal(rig.inject(a, answer.datagram, elsewhere), Drop.none);
  assert.deepEqual(a.of("roamed").map(({ endpoint }) => endpoint), [elsewhere]);
  assert.deepEqual(rig.log.at(-1)!.to, elsewhere);
  assert.equal(b.of("roamed").length, 0);
});

test("a session lost while it was being renewed is called for anew, from the first wait on", () => {
  const rig = new Rig();
  const { a } = rig.pair();
  rig.run(119_000);
  rig.weather = () => [];
  rig.run(30_000);
  const [down] = a.times("session-down");
  const attempts = rig.log.filter(({ at, from, datagram }) =>
    from === a.endpoint && datagram[0] === initiation && at >= down!
  );
  const times = attempts.map(({ at }) => at);
  assert.ok(times.length > 3 && times[0] === down && areFirstAttempts(times), `${times}`);
});

test("an older packet that comes late does not move a peer back", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  const clear = rig.weather;
  rig.weather = () => [500];
  rig.send(b, a, "slow");
  rig.weather = clear;
  const before = b.endpoint;
  b.endpoint = { host: "192.0.2.99", port: 4_000 };
  rig.send(b, a, "fast");
  rig.run(1_000);
  assert.deepEqual(a.received(), ["fast", "slow"]);
  assert.deepEqual(a.of("roamed").map(({ endpoint }) => endpoint.host), ["192.0.2.99"]);
  assert.notEqual(before.host, b.endpoint.host);
});

test("a packet that is not authentic does not move a peer", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  rig.send(b, a, "once");
  const { datagram } = rig.log.at(-1)!;
  rig.run(20);
  assert.equal(rig.inject(a, datagram, { host: "192.0.2.66", port: 6 }), Drop.replayed);
  assert.deepEqual(a.of("roamed"), []);
});

test("a peer that has restarted is noticed within a round trip of the first packet to it", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  const again = rig.restart(b, { wall: 5_000_000 });
  const from = rig.now;
  rig.send(a, b, "are you there");
  rig.run(100);
  assert.deepEqual(rig.types(from), [data, unknownIndex, initiation, response, keepalive, data]);
  assert.deepEqual(a.edges(), ["+b", "-b", "+b"]);
  assert.equal(a.of("session-down")[0]!.reason, "the peer has restarted");
  assert.deepEqual(again.edges(), ["+a"]);
});

test("a peer that has restarted and calls first replaces its old session at once", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  const again = rig.restart(b, { wall: 5_000_000 });
  rig.connect(again, a);
  rig.run(100);
  assert.deepEqual(a.edges(), ["+b", "-b", "+b"]);
  rig.send(a, again, "hello again");
  rig.run(20);
  assert.deepEqual(again.received(), ["hello again"]);
  assert.deepEqual(a.of("clone-detected"), []);
});

test("an initiation alone, perhaps a replay, does not end the session there is", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  const again = rig.restart(b, { wall: 5_000_000 });
  rig.weather = ({ from }) => from === a.endpoint ? [] : [10];
  rig.connect(again, a);
  rig.run(5_000);
  assert.deepEqual(a.edges(), ["+b"]);
});

test("unknown-index answers start at most one handshake in 3 s, and only plausible ones", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  rig.send(a, b, "seen by an eavesdropper");
  const seen = rig.log.at(-1)!.datagram;
  rig.run(20);
  const forged = Uint8Array.of(unknownIndex, 1, 0, 0, ...seen.subarray(4, 16));
  const from = rig.now;
  assert.equal(rig.inject(a, forged, { host: "192.0.2.66", port: 6 }), Drop.unknownSession);
  const future = forged.slice();
  future[15]! += 100;
  assert.equal(rig.inject(a, future, b.endpoint), Drop.unknownSession);
  const other = forged.slice();
  other[5]! ^= 1;
  assert.equal(rig.inject(a, other, b.endpoint), Drop.unknownSession);
  assert.deepEqual(rig.types(from), []);
  assert.equal(rig.inject(a, forged, b.endpoint), Drop.none);
  assert.equal(rig.inject(a, forged, b.endpoint), Drop.rateLimited);
  rig.run(1_000);
  assert.equal(rig.types(from).filter((type) => type === initiation).length, 1);
  assert.deepEqual([a.edges(), b.edges()], [["+b"], ["+a"]]);
});

test("a goodbye is noticed at once; whoever had asked for the peer calls it again after 2 s", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  const from = rig.now;
  rig.call(b, (machine, now) => machine.disconnect(a.id, now));
  rig.run(10);
  assert.deepEqual(a.edges(), ["+b", "-b"]);
  rig.run(1_900);
  assert.deepEqual(rig.types(from), [MessageType.close]);
  rig.run(200);
  assert.deepEqual([a.edges(), b.edges()], [["+b", "-b", "+b"], ["+a", "-a", "+a"]]);
});

test("a peer that was never asked for is not called again after its goodbye", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  const from = rig.now;
  rig.call(a, (machine, now) => machine.disconnect(b.id, now));
  rig.run(60_000);
  assert.deepEqual(rig.types(from), [MessageType.close]);
});

test("of two clones the older one keeps its session, the other is refused, and the alarm names both places", () => {
  const rig = new Rig();
  const { a, b } = rig.pair({ wall: 1_000_000 });
  const clone = rig.add("b", { keys: b.keys, wall: 2_000_000 });
  rig.connect(clone, a);
  rig.run(1_000);
  assert.deepEqual(a.edges(), ["+b", "-b", "+b"]);
  assert.deepEqual(a.of("clone-detected"), []);
  b.startStamps(3_000_000, rig.now);
  rig.send(b, a, "I am still here");
  rig.run(5_000);
  assert.deepEqual(a.edges(), ["+b", "-b", "+b", "-b", "+b"]);
  assert.deepEqual(a.of("clone-detected").map(({ endpoints }) => endpoints), [[clone.endpoint, b.endpoint]]);
  rig.send(b, a, "mine");
  rig.run(20);
  assert.deepEqual(a.received(), ["mine"]);
  clone.startStamps(4_000_000, rig.now);
  rig.run(300_000);
  assert.equal(a.edges().length, 5, "the clone never gets a session again");
  assert.ok((a.drops.get("notAdmitted") ?? 0) > 5);
  const alarms = a.times("clone-detected");
  assert.ok(alarms.length > 2 && alarms.length < 7, `${alarms.length} alarms, one a minute`);
});

test("a refused clone is taken as a restart when it is started anew", () => {
  const rig = new Rig();
  const { a, b } = rig.pair({ wall: 1_000_000 });
  const clone = rig.add("b", { keys: b.keys, wall: 2_000_000 });
  rig.connect(clone, a);
  rig.run(1_000);
  b.startStamps(3_000_000, rig.now);
  rig.send(b, a, "x");
  rig.run(5_000);
  rig.remove(b);
  const anew = rig.restart(clone, { wall: 5_000_000 });
  rig.connect(anew, a);
  rig.run(1_000);
  assert.deepEqual(anew.edges(), ["+a"]);
});

test("a clone of this very node is told apart from a loop in the network", () => {
  const rig = new Rig();
  const a = rig.add("a");
  const twin = rig.add("a2", { keys: a.keys });
  const probe = rig.add("probe");
  rig.call(twin, (machine, now) => {
    machine.connect({ endpoint: a.endpoint, peer: { id: probe.id, noiseKey: a.keys.publicKey } }, now);
    machine.connect({ endpoint: twin.endpoint, peer: { id: probe.id, noiseKey: a.keys.publicKey } }, now);
  });
  rig.run(2_000);
  assert.deepEqual(a.of("clone-detected"), [
    { type: "clone-detected", peer: a.id, endpoints: [twin.endpoint] },
  ]);
  assert.deepEqual(twin.of("clone-detected"), []);
  assert.ok(twin.drops.get("notAdmitted")! > 0);
});

test("a higher key number closes the sessions made under a lower one, a lower one is refused", () => {
  const rig = new Rig();
  const { a, b } = rig.pair({ wall: 1_000_000 });
  const renewed = rig.add("b", { keys: generateKeyPair(rig.random), wall: 2_000_000 });
  renewed.membership.binding = 2;
  rig.connect(renewed, a);
  rig.run(1_000);
  assert.deepEqual(a.edges(), ["+b", "-b", "+b"]);
  assert.equal(a.of("session-down")[0]!.reason, "the peer has a new key");
  b.startStamps(3_000_000, rig.now);
  rig.send(b, a, "old key");
  rig.run(2_000);
  assert.ok(a.drops.get("staleHandshake")! > 0);
  assert.equal(a.edges().length, 3);
});

test("an initiation that is not newer than the last one is refused", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a", { wall: 9_000_000 }), rig.add("b")];
  rig.connect(a, b);
  rig.run(100);
  const again = rig.restart(a, { wall: 8_000_000 });
  rig.connect(again, b);
  rig.run(1_000);
  assert.deepEqual([...b.drops].filter(([name]) => name !== "none"), [["staleHandshake", 3]]);
  assert.deepEqual(b.edges(), ["+a"]);
});

test("a replayed initiation costs no judgement of credentials", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  const { checks } = b.membership;
  const { datagram } = rig.log[0]!;
  assert.equal(rig.inject(b, datagram, a.endpoint), Drop.replayed);
  const mac = (i: number) => Uint8Array.of(i >> 8, i, 0, 0, 0, 0, 0, 0);
  for (let i = 0; i <= 2 * limits.seenMacs; i++) b.machine.local.gate.seen.add(mac(i));
  assert.equal(rig.inject(b, datagram, a.endpoint), Drop.staleHandshake);
  assert.equal(b.membership.checks, checks);
});

test("a peer's initiations are taken at most every 20 ms", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  rig.weather = () => [];
  rig.connect(a, b);
  rig.run(1_000);
  const [first, second, third] = rig.log.map(({ datagram }) => datagram);
  assert.equal(rig.inject(b, first!, a.endpoint), Drop.none);
  rig.run(19);
  assert.equal(rig.inject(b, second!, a.endpoint), Drop.rateLimited);
  rig.run(1);
  assert.equal(rig.inject(b, third!, a.endpoint), Drop.none);
});
