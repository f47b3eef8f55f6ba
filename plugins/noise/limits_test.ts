import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import type { PeerId } from "../../core/contracts/values.ts";
import { relayEndpointTo } from "../../core/wire/relay_endpoint.ts";
import { test } from "../../tests/harness.ts";
import { limits } from "./constants.ts";
import { mergePlaces } from "./places.ts";
import { Instances } from "./instances.ts";
import { decodeMissing, splitAnswer } from "./join_parts.ts";
import { Link } from "./link.ts";
import { RetrySchedule } from "./retry_schedule.ts";
import { Session } from "./session.ts";
import { chacha, peerIdOf, Rig, type RigNode, SeededRandom, token, tokenKey } from "./testing_rig.ts";
import { MessageType } from "./wire.ts";

const { initiation, joinAnswer, plea, unknownIndex } = MessageType;

/** A node that has sent its plea and hears no answer. */
function pleading(): { rig: Rig; j: RigNode; m: RigNode } {
  const rig = new Rig();
  const [j, m] = [rig.add("j"), rig.add("m")];
  const request = { token, tokenKey, endpoints: [m.endpoint], application: Uint8Array.of(1), deadline: 1e7 };
  rig.call(j, (machine, now) => machine.join(request, now));
  rig.run(35);
  assert.deepEqual(m.times("join-requested"), [1_030]);
  return { rig, j, m };
}

function welcome(rig: Rig, m: RigNode): void {
  rig.call(m, (machine, now) => machine.answerJoin(1, { welcome: new Uint8Array(10) }, now));
}

test("jitterMillis: waits after the first round are 5,000 to 5,334 ms, and reach both ends", () => {
  const schedule = new RetrySchedule(new SeededRandom(1), 0);
  const waits = Array.from({ length: 3_000 }, () => {
    const { at } = schedule;
    schedule.attempted(at);
    return schedule.at - at;
  }).slice(5);
  assert.deepEqual([Math.min(...waits), Math.max(...waits)], [5_000, 5_334]);
});

test("endpointsPerPeer: a peer is called at the last 8 places that were named", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  rig.weather = () => [];
  const peer = { id: b.id, noiseKey: b.keys.publicKey };
  for (let port = 1; port <= 9; port++) {
    rig.call(a, (machine, now) => machine.connect({ endpoint: { host: "192.0.2.9", port }, peer }, now));
  }
  rig.run(60_000);
  assert.deepEqual([...new Set(rig.log.map(({ to }) => to.port))].sort(), [2, 3, 4, 5, 6, 7, 8, 9]);
});

test("relayPlacesPerPeer: the last 5 places behind relays are kept, and no address gives way to them", () => {
  const addresses = Array.from({ length: 8 }, (_, i) => ({ host: "192.0.2.9", port: i + 1 }));
  const relayed = Array.from("cdefgh", (relay) => relayEndpointTo(peerIdOf(relay), peerIdOf("b"))!);
  const [first, ...others] = addresses;
  assert.deepEqual(mergePlaces([first!, ...relayed], others), [first, ...relayed.slice(1), ...others]);
});

test("seeds: 1,024 bare addresses are asked at a time, one more is refused", () => {
  const rig = new Rig();
  const a = rig.add("a");
  for (let port = 1; port <= 1_025; port++) {
    rig.call(a, (machine, now) => machine.connect({ endpoint: { host: "192.0.2.9", port } }, now));
  }
  assert.deepEqual(a.of("attempt-failed").map(({ target }) => target.endpoint.port), [1_025]);
});

test("handshakeLength: a first message of 4,096 bytes is looked at, a longer one is malformed", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  rig.weather = () => [];
  rig.connect(a, b);
  rig.run(300);
  const longest = rig.log[1]!.datagram;
  assert.equal(longest.length, 4_096);
  const longer = new Uint8Array(4_097);
  longer.set(longest);
  assert.equal(rig.inject(b, longer, a.endpoint), Drop.malformed);
  assert.equal(rig.inject(b, longest, a.endpoint), Drop.none);
});

test("initiationLength, knockLength and whoIsLength: one byte less is malformed", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  rig.weather = () => [];
  rig.connect(a, b);
  const request = { token, tokenKey, endpoints: [b.endpoint], application: new Uint8Array(), deadline: 1e6 };
  rig.call(a, (machine, now) => machine.join(request, now));
  rig.call(a, (machine, now) => machine.connect({ endpoint: b.endpoint }, now));
  rig.run(0);
  assert.deepEqual(rig.log.map(({ datagram }) => datagram.length).sort(), [1_232, 256, 96].sort());
  for (const { datagram } of rig.log.slice()) {
    assert.equal(rig.inject(b, datagram.subarray(1), a.endpoint), Drop.unsupported);
    assert.equal(rig.inject(b, datagram.slice(0, -1), a.endpoint), Drop.malformed, `type ${datagram[0]}`);
  }
});

test("retiredSessions: packets of the last three sessions still open, older ones do not", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  const clear = rig.weather;
  const kept = ["first", "second", "third", "fourth"].map((text) => {
    rig.weather = () => [];
    rig.send(a, b, text);
    rig.weather = clear;
    const { datagram } = rig.log.at(-1)!;
    rig.call(b, (machine) => machine.handleDatagram(forgedUnknown(a, b, rig), a.endpoint, rig.now));
    rig.run(4_000);
    return datagram;
  });
  const drops = kept.map((datagram) => rig.inject(b, datagram, a.endpoint));
  assert.deepEqual(drops, [Drop.unknownSession, Drop.none, Drop.none, Drop.none]);
});

/** What makes `b` renew its session with `a`: the answer to an index that `a` does not know. */
function forgedUnknown(a: RigNode, b: RigNode, rig: Rig): Uint8Array {
  rig.send(b, a, "x");
  return Uint8Array.of(unknownIndex, 1, 0, 0, ...rig.log.at(-1)!.datagram.subarray(4, 16));
}

test("unknownIndexMillis: the next handshake for an unknown index begins 3,000 ms after the last", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  rig.weather = () => [];
  const tell = () => rig.inject(a, forgedUnknown(b, a, rig), b.endpoint);
  assert.equal(tell(), Drop.none);
  rig.now += 2_999;
  assert.equal(tell(), Drop.rateLimited);
  rig.now += 1;
  assert.equal(tell(), Drop.none);
});

test("unknownIndexCalls: whoever overhears sessions with 100 peers makes this node call 64 of them, and 50 a second", () => {
  assert.deepEqual(limits.unknownIndexCalls, { perSecond: 50, burst: 64 });
  const rig = new Rig();
  const a = rig.add("a");
  const peers = Array.from({ length: 100 }, (_, i) => rig.add(`p${i}`));
  for (const peer of peers) {
    rig.connect(a, peer);
    rig.run(30);
  }
  rig.weather = () => [];
  const tellAll = () =>
    peers.filter((peer) => rig.inject(a, forgedUnknown(peer, a, rig), peer.endpoint) === Drop.none);
  assert.equal(tellAll().length, 64);
  rig.now += 500;
  assert.equal(tellAll().length, 25);
});

test("afterGoodbyeMillis: a peer that has said goodbye is called again after 2,000 ms", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  rig.call(b, (machine, now) => machine.disconnect(a.id, now));
  const heard = rig.now + 10;
  rig.run(5_000);
  const again = rig.log.find(({ at, datagram }) => at >= heard && datagram[0] === initiation);
  assert.equal(again!.at, heard + 2_000);
});

test("applicationLength: 3,800 bytes make a plea that is not over the longest handshake message", () => {
  const rig = new Rig();
  const [j, m] = [rig.add("j"), rig.add("m")];
  const application = new Uint8Array(3_800);
  const request = { token, tokenKey, endpoints: [m.endpoint], application, deadline: 1e6 };
  rig.call(j, (machine, now) => machine.join(request, now));
  rig.run(50);
  assert.equal(m.of("join-requested").length, 1);
  const { length } = rig.log.find(({ datagram }) => datagram[0] === plea)!.datagram;
  assert.ok(length <= 4_096 && length > 3_900, `${length}`);
  const longer = { ...request, application: new Uint8Array(3_801) };
  rig.call(j, (machine, now) => machine.join(longer, now));
  rig.run(0);
  assert.deepEqual(j.of("join-failed").map(({ code }) => code), ["INVALID_ARGUMENT"]);
});

test("joinMillis: a join is forgotten 10,000 ms after the joiner's last authentic message", () => {
  const { rig, m } = pleading();
  rig.weather = () => [];
  rig.run(1_030 + 9_999 - rig.now);
  assert.equal(m.machine.local.indices.size, 1);
  rig.run(1);
  assert.equal(m.machine.local.indices.size, 0);
});

test("joinTotalMillis: a join lasts 60,000 ms at most, however often its joiner speaks", () => {
  const { rig, m } = pleading();
  rig.call(m, (machine, now) => machine.answerJoin(1, { welcome: new Uint8Array(60_000) }, now));
  let passed = rig.now;
  rig.weather = ({ at, datagram }) => {
    if (datagram[0] !== joinAnswer) return [10];
    if (at - passed < 3_000) return [];
    passed = at; // one part now and then keeps both sides at it
    return [10];
  };
  const begun = 1_010;
  rig.run(begun + 59_999 - rig.now);
  assert.equal(m.machine.local.indices.size, 1);
  rig.run(1);
  assert.equal(m.machine.local.indices.size, 0);
});

test("joinResendMillis: a repeated plea is answered again after 100 ms and not before", () => {
  const { rig, m, j } = pleading();
  welcome(rig, m);
  const again = rig.log.find(({ datagram }) => datagram[0] === plea)!.datagram;
  rig.now += 99;
  assert.equal(rig.inject(m, again, j.endpoint), Drop.rateLimited);
  rig.now += 1;
  assert.equal(rig.inject(m, again, j.endpoint), Drop.none);
});

test("pendingJoins: 64 knocks are kept, the 65th takes the place of the oldest", () => {
  const rig = new Rig();
  const m = rig.add("m");
  rig.weather = ({ datagram }) => datagram[0] === MessageType.knock ? [10] : [];
  for (let i = 0; i < 70; i++) {
    const request = {
      token,
      tokenKey,
      endpoints: [m.endpoint],
      application: new Uint8Array(),
      deadline: 1e6,
    };
    rig.call(rig.add(`j${i}`), (machine, now) => machine.join(request, now));
    rig.run(20);
    if (i >= 63) assert.equal(m.machine.local.indices.size, 64);
  }
});

test("joinPartLength, joinPartLimit and joinWindow: 64 parts of 1,100 bytes, 8 of them asked for at a time", () => {
  assert.equal(splitAnswer(new Uint8Array(64 * 1_100))!.length, 64);
  assert.equal(splitAnswer(new Uint8Array(64 * 1_100 + 1)), undefined);
  assert.equal(splitAnswer(new Uint8Array(1_101))!.length, 2);
  assert.equal(decodeMissing(new Uint8Array(16))!.length, 8);
  assert.equal(decodeMissing(new Uint8Array(18)), undefined);
});

test("instances: the last 8 that were replaced are known, an older one counts as new", () => {
  const instances = new Instances();
  const id = (i: number) => Uint8Array.of(i);
  for (let i = 0; i <= 9; i++) instances.confirm(id(i));
  assert.deepEqual([0, 1, 8, 9].map((i) => instances.judge(id(i))), ["new", "returned", "returned", "same"]);
});

test("cloneAlarmMillis: an alarm is repeated after 60,000 ms and not before", () => {
  const rig = new Rig();
  const a = rig.add("a");
  const link = new Link("b" as PeerId, a.machine);
  for (const wait of [0, 59_999, 1]) {
    rig.now += wait;
    rig.call(a, (_, now) => link.alarmClone(a.endpoint, now));
  }
  assert.deepEqual(a.times("clone-detected"), [1_000, 61_000]);
});

test("rejectAfterMessages: a counter of 2^53 − 1 is refused", () => {
  const secret = () => new Uint8Array(32).fill(3);
  const keys = { send: secret(), receive: secret() };
  const start = { localIndex: 1, remoteIndex: 1, initiator: true, suite: chacha, keys, now: 0 };
  const session = new Session(start);
  const datagram = session.seal(MessageType.data, new Uint8Array(), 0)!;
  datagram.set([0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 8);
  assert.equal(session.open(datagram, 0), Drop.malformed);
  datagram[15] = 0xfe;
  assert.equal(session.open(datagram, 0), Drop.badTag);
});
