import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import type { PeerId } from "../../core/contracts/values.ts";
import { test } from "../../tests/harness.ts";
import { directOverhead, protocol } from "./constants.ts";
import { aes, areFirstAttempts, chacha, networkKey, Rig } from "./testing_rig.ts";
import { MessageType } from "./wire.ts";

const { initiation, response, data, keepalive, whoIs, iAm } = MessageType;

test("two members get a session in one round trip and both are told once", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  assert.deepEqual(a.edges(), ["+b"]);
  assert.deepEqual(b.edges(), ["+a"]);
  assert.deepEqual(a.times("session-up"), [1_020]);
  assert.deepEqual(b.times("session-up"), [1_030]);
  assert.deepEqual(rig.types(), [initiation, response, keepalive, data]);
  const [up] = a.of("session-up");
  assert.deepEqual(up!.session, {
    peer: "b",
    endpoint: b.endpoint,
    initiator: true,
    aead: "chacha20-poly1305",
    relays: "willing",
    since: 1_020,
  });
  assert.equal(new TextDecoder().decode(up!.credentials), "b#1#");
  assert.deepEqual(a.of("round-trip").map(({ rtt }) => rtt), [20]);
});

test("packets pass in both directions, as they were and with their flag", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  assert.equal(rig.send(a, b, "hello"), Drop.none);
  assert.equal(rig.send(b, a, "back", true), Drop.none);
  rig.run(20);
  assert.deepEqual(b.received(), ["hello"]);
  assert.deepEqual(a.received(), ["back"]);
  assert.deepEqual([...a.of("packet"), ...b.of("packet")].map(({ packet }) => packet.forwarded), [
    true,
    false,
  ]);
  assert.equal(b.of("packet")[0]!.packet.protocol, 0x0800);
});

test("a datagram is longer than its packet by the stated overhead without a relay, less the room for a key", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  rig.send(a, b, "x".repeat(1_000));
  assert.equal(rig.log.at(-1)!.datagram.length + 20 + 8, 1_000 + directOverhead[4] - 4);
  assert.equal(rig.log.at(-1)!.datagram.length + 40 + 8, 1_000 + directOverhead[6] - 4);
});

test("what cannot be sealed says why", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  const seal = (peer: string, protocol: number, length: number) => {
    const packet = { protocol, payload: new Uint8Array(length), forwarded: false };
    return rig.call(a, (machine, now) => machine.seal(peer as PeerId, packet, now));
  };
  assert.equal(seal("nobody", 0x0800, 20), Drop.noSession);
  assert.equal(seal("b", 0x0801, 20), Drop.unsupported);
  assert.equal(seal("b", 0x0800, 65_507 - 36 + 1), Drop.tooBig);
  assert.equal(seal("b", 0x0800, 65_507 - 36), Drop.none);
  assert.equal(b.of("packet").length, 0);
});

test("packets beyond the queue are dropped and counted, facts are kept", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  const packet = { protocol: 0x0800, payload: new Uint8Array(20), forwarded: false };
  const drops = Array.from({ length: 8_193 }, () => a.machine.seal(b.id, packet, rig.now));
  assert.equal(drops.filter((drop) => drop === Drop.none).length, 8_192);
  assert.equal(drops.at(-1), Drop.queueFull);
  rig.call(a, (machine, now) => machine.disconnect(b.id, now));
  assert.deepEqual(a.edges(), ["+b", "-b"]);
});

test("attempts are made at the stated times, and each is a fresh message", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  rig.weather = () => [];
  rig.connect(a, b);
  rig.run(40_000);
  const at = rig.log.map((flight) => flight.at - 1_000);
  assert.equal(at[0], 0);
  assert.ok(areFirstAttempts(at), `${at}`);
  const waits = at.slice(6).map((time, i) => time - at[i + 5]!);
  assert.ok(waits.length >= 5 && waits.every((wait) => wait >= 5_000 && wait <= 5_334), `${waits}`);
  assert.ok(new Set(waits).size > 1, "there is jitter");
  assert.equal(new Set(rig.log.map(({ datagram }) => datagram.subarray(16, 48).join())).size, rig.log.length);
});

test("each round of five unanswered attempts is reported once, and the attempts go on", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  rig.weather = () => [];
  rig.connect(a, b);
  rig.run(40_000);
  const failures = a.of("attempt-failed");
  assert.equal(failures.length, Math.floor((rig.log.length - 1) / 5));
  assert.equal(a.times("attempt-failed")[0], rig.log[5]!.at, "when the sixth attempt is made");
  assert.equal(failures[0]!.code, "TIMEOUT");
  assert.deepEqual(failures[0]!.target.endpoint, b.endpoint);
  rig.weather = () => [10];
  rig.run(6_000);
  assert.deepEqual(a.edges(), ["+b"]);
});

test("connect twice is connect once, and two endpoints of a peer are tried in turn", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  rig.weather = ({ to }) => to.port === 7 ? [] : [10];
  const peer = { id: b.id, noiseKey: b.keys.publicKey };
  rig.call(a, (machine, now) => {
    machine.connect({ endpoint: { host: "192.0.2.1", port: 7 }, peer }, now);
    machine.connect({ endpoint: { host: "192.0.2.1", port: 7 }, peer }, now);
    machine.connect({ endpoint: b.endpoint, peer }, now);
  });
  rig.run(1_000);
  assert.deepEqual(rig.log.slice(0, 2).map(({ to }) => to.port), [7, b.endpoint.port]);
  assert.deepEqual(a.edges(), ["+b"]);
});

test("an established session makes connect a no-op", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  const before = rig.log.length;
  rig.connect(a, b);
  rig.connect(b, a);
  rig.run(1_000);
  assert.equal(rig.log.length, before);
});

test("disconnect ends the session on both sides, and before there is one the attempts", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  const c = rig.add("c");
  rig.call(a, (machine, now) => machine.disconnect(b.id, now));
  rig.run(30);
  assert.deepEqual([a.edges(), b.edges()], [["+b", "-b"], ["+a", "-a"]]);
  rig.weather = () => [];
  rig.connect(b, c);
  rig.run(1_000);
  rig.call(b, (machine, now) => machine.disconnect(c.id, now));
  const sent = rig.log.length;
  rig.run(60_000);
  assert.equal(rig.log.length, sent);
});

test("both sides agree on the AEAD that suits both, ChaCha20-Poly1305 on a tie", () => {
  const chosen = (left: readonly (typeof aes)[], right: readonly (typeof aes)[]) => {
    const rig = new Rig();
    const [a, b] = [rig.add("a", { aeads: left }), rig.add("b", { aeads: right })];
    rig.connect(a, b);
    rig.run(100);
    rig.send(a, b, "sealed");
    rig.run(20);
    assert.deepEqual(b.received(), ["sealed"]);
    assert.equal(a.of("session-up")[0]!.session.aead, b.of("session-up")[0]!.session.aead);
    return a.of("session-up")[0]!.session.aead;
  };
  assert.equal(chosen([aes, chacha], [aes, chacha]), "aes-256-gcm");
  assert.equal(chosen([chacha, aes], [chacha, aes]), "chacha20-poly1305");
  assert.equal(chosen([aes, chacha], [chacha, aes]), "chacha20-poly1305");
  assert.equal(chosen([chacha, aes], [aes, chacha]), "chacha20-poly1305");
});

test("the configured AEAD is preferred over the self-test", () => {
  const rig = new Rig();
  const { a } = rig.pair({ aeads: [chacha, aes], options: { aead: "aes-256-gcm" } });
  assert.equal(a.of("session-up")[0]!.session.aead, "aes-256-gcm");
});

test("a wrong network key gets no answer", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  a.membership.keys = [{ id: networkKey(1).id, secret: new Uint8Array(32).fill(2) }];
  rig.connect(a, b);
  rig.run(3_000);
  assert.deepEqual([...b.drops], [["badMac", 4]]);
  assert.ok(rig.log.every(({ from }) => from === a.endpoint));
});

test("an initiation for another member fails at mac1, before anything is computed", () => {
  const rig = new Rig();
  const [a, b, c] = [rig.add("a"), rig.add("b"), rig.add("c")];
  const peer = { id: c.id, noiseKey: c.keys.publicKey };
  rig.call(a, (machine, now) => machine.connect({ endpoint: b.endpoint, peer }, now));
  rig.run(100);
  assert.deepEqual([...b.drops], [["badMac", 1]]);
});

test("initiations that are never confirmed leave one session behind, for 180 s", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  rig.weather = ({ from }) => from === a.endpoint ? [10] : [];
  rig.connect(a, b);
  rig.run(10_000);
  assert.equal(b.drops.get("none"), 6);
  assert.equal(b.machine.local.indices.size, 1);
  rig.remove(a);
  rig.run(180_000);
  assert.deepEqual([b.machine.local.indices.size, b.edges()], [0, []]);
});

test("another network with the same key gets no answer", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  a.membership.id = new Uint8Array(16).fill(3);
  rig.connect(a, b);
  rig.run(3_000);
  assert.deepEqual([...b.drops], [["badTag", 4]]);
});

test("a responder takes any network key that it lists", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  a.membership.keys = [networkKey(1)];
  b.membership.keys = [networkKey(2), networkKey(1)];
  rig.connect(a, b);
  rig.run(100);
  assert.deepEqual(a.edges(), ["+b"]);
});

test("after a round without an answer the next older network key is tried", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  a.membership.keys = [networkKey(2), networkKey(1)];
  b.membership.keys = [networkKey(1)];
  rig.connect(a, b);
  rig.run(9_000);
  assert.deepEqual(a.times("session-up"), [rig.log[5]!.at + 20], "by the sixth attempt");
});

test("a peer that is not admitted gets no answer and makes no session", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  b.membership.refused.add("a");
  rig.connect(a, b);
  rig.run(3_000);
  assert.deepEqual([...b.drops], [["notAdmitted", 4]]);
  assert.ok(rig.log.every(({ from }) => from === a.endpoint));
});

test("a member that says it is this node itself is refused", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("a")];
  rig.call(b, (machine, now) => {
    const peer = { id: "victim" as PeerId, noiseKey: a.keys.publicKey };
    machine.connect({ endpoint: a.endpoint, peer }, now);
  });
  rig.run(1_000);
  assert.deepEqual([...a.drops], [["notAdmitted", 3]]);
});

test("an initiator refuses a responder that is not admitted, or not the one it called, and says so", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  a.membership.refused.add("b");
  rig.connect(a, b);
  rig.run(10_000);
  assert.deepEqual(a.edges(), []);
  assert.deepEqual(a.of("attempt-failed").map(({ code }) => code), ["NOT_ADMITTED"]);
  const peer = { id: "someone else" as PeerId, noiseKey: b.keys.publicKey };
  const c = rig.add("c");
  rig.call(c, (machine, now) => machine.connect({ endpoint: b.endpoint, peer }, now));
  rig.run(10_000);
  assert.deepEqual(c.edges(), []);
  assert.match(c.of("attempt-failed")[0]!.reason, /is b, not someone else/);
});

test("a bare address is asked who is there, then called", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  rig.call(a, (machine, now) => machine.connect({ endpoint: b.endpoint }, now));
  rig.run(100);
  assert.deepEqual(rig.types(), [whoIs, iAm, initiation, response, keepalive, data]);
  assert.deepEqual(a.edges(), ["+b"]);
  assert.deepEqual(a.of("target-found"), [{ type: "target-found", endpoint: b.endpoint, peer: b.id }]);
});

test("a bare address without an answer is asked at the stated times and reported each round", () => {
  const rig = new Rig();
  const a = rig.add("a");
  rig.call(a, (machine, now) => machine.connect({ endpoint: { host: "192.0.2.9", port: 1 } }, now));
  rig.run(9_000);
  const at = rig.log.map((flight) => flight.at - 1_000);
  assert.ok(at.length >= 6 && at[0] === 0 && areFirstAttempts(at), `${at}`);
  assert.deepEqual(a.of("attempt-failed").map(({ code }) => code), ["TIMEOUT"]);
});

test("strangers are not told who is there", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  a.membership.keys = [networkKey(2)];
  rig.call(a, (machine, now) => machine.connect({ endpoint: b.endpoint }, now));
  rig.run(2_000);
  assert.deepEqual([...b.drops], [["badMac", 4]]);
});

test("a bare address of a peer that has a session is told as found", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  rig.call(a, (machine, now) => machine.connect({ endpoint: b.endpoint }, now));
  rig.run(300_000);
  assert.deepEqual(a.of("target-found").map(({ peer }) => peer), [b.id]);
});

test("an address of this node itself is refused once and not tried again", () => {
  const rig = new Rig();
  const a = rig.add("a");
  rig.call(a, (machine, now) => machine.connect({ endpoint: a.endpoint }, now));
  rig.run(60_000);
  assert.deepEqual(a.of("attempt-failed").map(({ code }) => code), ["INVALID_ARGUMENT"]);
  assert.deepEqual(rig.types(), [whoIs, iAm]);
});

test("another node at a bare address is found when the first one is gone", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  rig.call(a, (machine, now) => machine.connect({ endpoint: b.endpoint }, now));
  rig.run(100);
  rig.remove(b);
  const c = rig.add("c");
  c.endpoint = b.endpoint;
  rig.run(60_000);
  assert.deepEqual(a.edges(), ["+b", "-b", "+c"]);
});

test("two addresses of one peer make one session", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  rig.call(a, (machine, now) => machine.connect({ endpoint: b.endpoint }, now));
  rig.connect(a, b);
  rig.run(2_000);
  assert.deepEqual(a.edges(), ["+b"]);
  assert.equal(rig.types().filter((type) => type === initiation).length, 1);
});

test("both sides initiating at once end with one session each and no flapping", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  rig.connect(a, b);
  rig.connect(b, a);
  rig.run(600_000);
  assert.deepEqual([a.edges(), b.edges()], [["+b"], ["+a"]]);
  rig.send(a, b, "there");
  rig.send(b, a, "and back");
  rig.run(20);
  assert.deepEqual([a.received(), b.received()], [["and back"], ["there"]]);
});

test("a node that belongs to no network yet calls nobody and answers nobody", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  b.membership.id = undefined;
  rig.connect(a, b);
  rig.connect(b, a);
  rig.run(2_000);
  assert.deepEqual([...b.drops], [["badMac", 4]]);
  assert.ok(rig.log.every(({ from }) => from === a.endpoint));
});

test("credentials larger than a usual initiation leaves room for get through with a longer one", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  b.membership.ballast = 1_500;
  rig.connect(a, b);
  rig.run(4_000);
  assert.deepEqual(a.edges(), ["+b"]);
  const calls = rig.log.filter(({ datagram }) => datagram[0] === initiation);
  assert.equal(calls.length, 2);
  assert.deepEqual(a.times("session-up"), [calls[1]!.at + 20]);
  assert.equal(b.drops.get("tooBig"), 1);
  rig.run(400_000);
  assert.equal(b.drops.get("tooBig"), 1, "rekeys leave the room that is needed");
  assert.deepEqual(a.edges(), ["+b"]);
});

test("an initiation and its answer fit into an IPv6 packet of 1,280 bytes", () => {
  const rig = new Rig();
  rig.pair();
  const [sent, answer] = rig.log;
  assert.equal(sent!.datagram.length + 40 + 8, 1_280);
  assert.equal(sent!.datagram.length, protocol.initiationLength);
  assert.ok(answer!.datagram.length <= sent!.datagram.length);
});
