/** Sessions in two hands: the machine's and a data path worker's. */
import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import { test } from "../../tests/harness.ts";
import { protocol } from "./constants.ts";
import { empty } from "./session.ts";
import { type Flight, Rig, type RigNode } from "./testing_rig.ts";
import { ModelWorker } from "./testing_worker.ts";
import { MessageType, readCounter, readReceiver } from "./wire.ts";

const { data, keepalive, close, probe, initiation, part } = MessageType;

/** Two members, each with a worker, and their session. */
class Scene {
  readonly rig = new Rig();
  readonly a: RigNode = this.rig.add("a");
  readonly b: RigNode = this.rig.add("b");
  readonly ofA: ModelWorker = ModelWorker.of(this.rig, this.a);
  readonly ofB: ModelWorker = ModelWorker.of(this.rig, this.b);

  constructor(measured = false) {
    if (measured) { for (const { machine } of [this.a, this.b]) machine.measurePaths(); }
    this.rig.connect(this.a, this.b);
    this.rig.run(100);
  }

  /** Everything sealed, by receiver index and counter: each once, or a nonce was used twice. */
  sealed(): string[] {
    const types: readonly number[] = [data, keepalive, close, probe, MessageType.probed, part];
    return this.rig.log.filter(({ datagram }) => types.includes(datagram[0]!))
      .map(({ datagram }) => `${readReceiver(datagram)} ${readCounter(datagram)}`);
  }

  /** Both workers send every 100 ms. */
  talk(millis: number): void {
    const end = this.rig.now + millis;
    for (; this.rig.now < end; this.rig.run(100)) {
      this.ofA.send(this.b, "a");
      this.ofB.send(this.a, "b");
    }
  }
}

const without = (...types: readonly number[]) => ({ datagram }: Flight) =>
  types.includes(datagram[0]!) ? [] : [10];

test("a session is told as it begins: keys, that the peer has them, and where its packets go; and how it ends", () => {
  const { rig, a, b, ofA, ofB } = new Scene();
  const [ownKeys, peerKeys] = [ofA.keys[0]!, ofB.keys[0]!];
  assert.deepEqual([ownKeys.send, ownKeys.receive], [peerKeys.receive, peerKeys.send]);
  assert.deepEqual([ownKeys.localIndex, ownKeys.aead], [peerKeys.remoteIndex, peerKeys.aead]);
  assert.equal(ofA.ways.get(b.id)!.localIndex, ownKeys.localIndex);
  rig.call(a, (machine, now) => machine.disconnect(b.id, now));
  rig.run(100);
  assert.deepEqual(ofA.calls, ["opened b", "confirmed b", "current b 1001", "ended b", "down b"]);
  assert.deepEqual(ofB.calls, ["opened a", "confirmed a", "current a 1000", "ended a", "down a"]);
});

test("the responder's worker has the session before the answer leaves, and sends in it once it is confirmed", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  const worker = ModelWorker.of(rig, b);
  rig.weather = without(keepalive);
  rig.connect(a, b);
  rig.run(100);
  assert.deepEqual([worker.calls, b.edges()], [["opened a"], []]);
  rig.send(a, b, "first");
  rig.run(20);
  assert.deepEqual(worker.calls, ["opened a", "confirmed a", "current a 1000"]);
  assert.deepEqual([b.edges(), b.received(), worker.handedOver], [["+a"], ["first"], 1]);
  rig.send(a, b, "second");
  rig.run(20);
  assert.deepEqual([b.received(), worker.received], [["first"], ["second"]]);
});

test("renewals under the traffic of both workers lose nothing, use no counter twice and leave no session behind", () => {
  const scene = new Scene();
  const { rig, a, b, ofA, ofB } = scene;
  let most = 0;
  const sent = 2_600;
  for (let i = 0; i < sent; i++) {
    ofA.send(b, `${i}`);
    ofB.send(a, `${i}`);
    if (i % 10 === 0) rig.send(a, b, `own ${i}`); // the machine sends in the same sessions
    rig.run(100);
    most = Math.max(most, ofA.sessions.size, ofB.sessions.size);
  }
  const whole = Array.from({ length: sent }, (_, i) => `${i}`);
  assert.deepEqual([...ofA.received, ...a.received()].sort(), whole.toSorted());
  const own = whole.filter((_, i) => i % 10 === 0).map((i) => `own ${i}`);
  assert.deepEqual([...ofB.received, ...b.received()].sort(), [...whole, ...own].sort());
  const counters = scene.sealed();
  assert.equal(new Set(counters).size, counters.length);
  assert.ok(ofA.keys.length >= 3 && most <= 5, `${ofA.keys.length} sessions, ${most} at once`);
  assert.deepEqual([a.edges(), b.edges()], [["+b"], ["+a"]]);
  assert.ok(ofA.handedOver + ofB.handedOver < 100);
  assert.ok([...ofA.calls, ...ofB.calls].every((call) => !call.endsWith("again")));
});

test("the initiator renews a session on time when the workers alone have traffic", () => {
  const scene = new Scene();
  scene.rig.weather = without(keepalive);
  const since = scene.rig.now;
  scene.talk(protocol.rekeyAfterMillis + 2_000);
  const renewal = scene.rig.log.find(({ at, datagram }) => at > since && datagram[0] === initiation);
  assert.ok(renewal !== undefined && renewal.from.port === scene.a.endpoint.port);
  const late = renewal.at - protocol.rekeyAfterMillis - 1_000;
  assert.ok(late >= 0 && late <= 1_100, `${late} ms late`);
});

test("the responder renews a session whose initiator does not, when the workers alone have traffic", () => {
  const scene = new Scene();
  const { rig, a, b } = scene;
  rig.weather = ({ from, datagram }) =>
    datagram[0] === initiation && from.port === a.endpoint.port ? [] : [10];
  scene.talk(200_000);
  assert.deepEqual([a.edges(), b.edges()], [["+b"], ["+a"]]);
  assert.ok(scene.ofB.keys.length >= 2);
});

test("what the worker alone hears keeps a session up; 20 s after the last of it, and a second, the peer is gone", () => {
  const scene = new Scene();
  const { rig, a, b } = scene;
  rig.weather = without(keepalive);
  scene.talk(60_000);
  assert.deepEqual([a.edges(), b.edges()], [["+b"], ["+a"]]);
  assert.equal(rig.types(rig.now - 50_000).filter((type) => type === keepalive).length <= 6, true); // round trips only
  rig.weather = () => [];
  const since = rig.now;
  rig.run(30_000);
  for (const node of [a, b]) {
    const silent = node.times("session-down")[0]! - since;
    assert.ok(silent >= 19_000 && silent <= 21_100, `${silent} ms`);
  }
  assert.deepEqual([scene.ofA.sessions.size, scene.ofB.sessions.size], [0, 0]);
});

test("a message that is handed over has the worker looked at again within a second", () => {
  const { rig, a, ofB } = new Scene();
  rig.run(2_000);
  assert.ok(a.machine.pollTimeout()! > rig.now + 2_000);
  ofB.sendGre(a, empty);
  rig.run(10);
  assert.equal(a.machine.pollTimeout(), rig.now + 1_000);
});

test("what the worker sends is no sign of life", () => {
  const { rig, a, b, ofA } = new Scene();
  rig.weather = () => [];
  for (let i = 0; i < 300 && a.edges().length < 2; i++) {
    ofA.send(b, "is anybody there?");
    rig.run(100);
  }
  assert.deepEqual(a.edges(), ["+b", "-b"]);
});

test("at rest nothing is looked at more often than keepalives are due", () => {
  const { rig } = new Scene(true);
  rig.run(10_000);
  const since = rig.now;
  rig.run(50_000);
  assert.ok(rig.types(since).length <= 2 * 2 * 12, `${rig.types(since).length} datagrams`);
});

test("a peer is where its newest packet came from, also when the worker opened it", () => {
  const { rig, a, b, ofA, ofB } = new Scene();
  const early = ofB.send(a, "early")!;
  rig.run(100);
  const before = ofA.handedOver;
  b.endpoint = { host: "192.0.2.1", port: 7 };
  ofB.send(a, "moved");
  rig.run(5);
  assert.deepEqual(a.of("roamed").length, 0);
  rig.run(95);
  assert.deepEqual(a.of("roamed").map(({ endpoint }) => endpoint.port), [7]);
  assert.deepEqual([ofA.received.concat(a.received()), ofA.handedOver - before], [["early", "moved"], 1]);
  assert.equal(ofA.ways.get(b.id)!.endpoint.port, 7);
  assert.equal(rig.inject(a, early, { host: "192.0.2.1", port: 8 }), Drop.replayed);
  ofA.send(b, "there");
  rig.run(20);
  assert.deepEqual(ofB.received, ["there"]);
  assert.equal(a.of("roamed").length, 1);
});

test("an older message from elsewhere moves nobody, whichever side has opened the newer one", () => {
  const { rig, a, b, ofB } = new Scene();
  const old = { host: "192.0.2.1", port: 9 };
  rig.weather = () => [];
  const late = ofB.send(a, "late")!;
  const { localIndex } = ofB.currentOf(a)!.keys;
  const keepaliveOfB = rig.log.length;
  rig.weather = () => [10];
  rig.run(protocol.keepaliveMillis + 200); // the machines' keepalives have higher counters
  assert.ok(rig.log.slice(keepaliveOfB).some(({ datagram }) => datagram[0] === keepalive));
  assert.equal(rig.inject(a, late, old), Drop.none);
  assert.deepEqual([a.of("roamed"), b.of("roamed")], [[], []]);
  assert.ok(ofB.sessions.has(localIndex));
});

test("a replayed message is refused by the side that opens its type, and data are opened by no other", () => {
  const { rig, a, b, ofA, ofB } = new Scene();
  const packet = ofB.send(a, "once")!;
  rig.run(protocol.keepaliveMillis + 200);
  const request = rig.log.findLast(({ datagram, from }) =>
    datagram[0] === keepalive && from.port === b.endpoint.port
  )!;
  assert.equal(rig.inject(a, request.datagram, b.endpoint), Drop.replayed);
  assert.equal(rig.inject(a, packet, b.endpoint), Drop.replayed);
  const later = ofB.send(a, "twice?")!;
  a.front = () => undefined;
  const before = rig.log.length;
  assert.equal(rig.inject(a, packet, b.endpoint), Drop.unknownSession);
  assert.equal(rig.inject(a, later, b.endpoint), Drop.unknownSession);
  assert.deepEqual([ofA.received, a.received()], [["once"], []]);
  assert.equal(rig.log.length, before, "a session that is known is no unknown index");
});

test("when both call at once, each goes on in the session of its own call and hands nothing over for it", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  const [ofA, ofB] = [ModelWorker.of(rig, a), ModelWorker.of(rig, b)];
  rig.connect(a, b);
  rig.connect(b, a);
  rig.run(200);
  assert.notEqual(ofA.currentOf(b)!.keys.remoteIndex, ofB.currentOf(a)!.keys.localIndex);
  const before = ofA.handedOver + ofB.handedOver;
  for (let i = 0; i < 20; i++) {
    ofA.send(b, "a");
    ofB.send(a, "b");
    rig.run(20);
  }
  assert.deepEqual([ofA.received.length, ofB.received.length], [20, 20]);
  assert.equal(ofA.handedOver + ofB.handedOver, before);
});

test("a worker without room leaves its sessions to the machine, and is told whose packets are not its own", () => {
  const scene = new Scene();
  const { rig, a, b, ofA, ofB } = scene;
  ofB.isRoomy = false;
  scene.talk(130_000);
  assert.equal(ofB.ways.get(a.id)!.localIndex, ofB.keys.at(-1)!.localIndex);
  assert.equal(ofB.currentOf(a), undefined);
  const [fromA, fromB] = [b.received().length, ofA.received.length];
  ofA.send(b, "to the machine");
  assert.equal(ofB.send(a, "of the machine"), undefined);
  rig.run(20);
  assert.deepEqual([b.received().length, ofA.received.length], [fromA + 1, fromB + 1]);
});

test("a peer that starts anew has its old sessions ended before its new one is the current one", () => {
  const { rig, a, b, ofA } = new Scene();
  const told = ofA.calls.length;
  const again = rig.restart(b);
  rig.connect(again, a);
  rig.run(100);
  assert.deepEqual(ofA.calls.slice(told), ["opened b", "ended b", "down b", "confirmed b", "current b 1001"]);
  assert.deepEqual([a.edges(), ofA.sessions.size], [["+b", "-b", "+b"], 1]);
  assert.notEqual(ofA.currentOf(again), undefined);
});

test("the worker is told how long its messages may be, and what it sends has the path proved", () => {
  const { rig, a, b, ofA } = new Scene(true);
  const first = ofA.ways.get(b.id)!.longest;
  rig.run(2_000);
  const { longest } = ofA.ways.get(b.id)!;
  assert.deepEqual([first, longest, a.of("path-mtu").at(-1)!.mtu], [1_440, 1_440, 1_432]);
  const since = rig.now + 5_000;
  for (let i = 0; i < 150; i++) {
    ofA.send(b, "x".repeat(1_400));
    rig.run(100);
  }
  const proofs = rig.types(since).filter((type) => type === probe).length;
  assert.ok(proofs >= 16 && proofs <= 22, `${proofs} in 10 s, two at a time`);
  rig.weather = ({ datagram }) => datagram.length > 1_300 ? [] : [10];
  for (let i = 0; i < 60; i++) {
    ofA.send(b, "x".repeat(1_400));
    rig.run(100);
  }
  const now = ofA.ways.get(b.id)!.longest;
  assert.ok(now <= 1_300 - 32 && now > 1_000, `${now}`);
  const parts = rig.types().filter((type) => type === part).length;
  ofA.send(b, "x".repeat(1_400));
  assert.equal(rig.types().filter((type) => type === part).length, parts + 2);
});

test("what the peer has sent and what of it has come counts both hands, each message once and what is lost not", () => {
  const { rig, a, b, ofA, ofB } = new Scene();
  const arrivals = () => b.machine.arrivals(a.id)!;
  const before = arrivals();
  assert.equal(before.received, before.sent, "nothing was lost so far");
  for (let i = 0; i < 8; i++) ofA.send(b, `${i}`);
  rig.send(a, b, "of the machine");
  rig.run(20);
  rig.weather = () => [];
  for (let i = 0; i < 3; i++) ofA.send(b, "lost");
  rig.weather = () => [10, 11];
  ofA.send(b, "twice");
  rig.run(20);
  assert.equal(ofB.received.at(-1), "twice");
  assert.deepEqual(arrivals(), { sent: before.sent + 13, received: before.received + 10 });
  rig.call(b, (machine, now) => machine.disconnect(a.id, now));
  assert.equal(arrivals(), undefined);
});
