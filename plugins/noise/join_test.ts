import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import type { JoinRequest } from "../../core/contracts/encapsulation.ts";
import { test } from "../../tests/harness.ts";
import { limits, protocol } from "./constants.ts";
import { knock as makeKnock } from "./join_handshake.ts";
import { joinKeys, signHandshake } from "./mac.ts";
import { areFirstAttempts, Rig, type RigNode, token, tokenKey } from "./testing_rig.ts";
import { MessageType } from "./wire.ts";

const { knock, admit, plea, joinAnswer, joinMissing } = MessageType;
const application = new TextEncoder().encode("I am new, my name is j");

function request(rig: Rig, to: readonly RigNode[], changes: Partial<JoinRequest> = {}): JoinRequest {
  const endpoints = to.map(({ endpoint }) => endpoint);
  return { token, tokenKey, endpoints, application, deadline: rig.now + 60_000, ...changes };
}

function join(rig: Rig, joiner: RigNode, to: readonly RigNode[], changes: Partial<JoinRequest> = {}): void {
  rig.call(joiner, (machine, now) => machine.join(request(rig, to, changes), now));
}

function welcome(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31) ^ (i >> 8));
}

/** The member answers whatever it has been asked. */
function answerAll(rig: Rig, member: RigNode, length: number): void {
  for (const { request } of member.of("join-requested")) {
    rig.call(member, (machine, now) => machine.answerJoin(request, { welcome: welcome(length) }, now));
  }
}

test("a stranger with a token is asked for, welcomed, and gets the welcome whole", () => {
  const rig = new Rig();
  const [j, m] = [rig.add("j"), rig.add("m")];
  j.membership.id = undefined;
  join(rig, j, [m]);
  rig.run(40);
  assert.deepEqual(m.of("join-requested"), [
    {
      type: "join-requested",
      request: 1,
      token,
      noiseKey: j.keys.publicKey,
      application,
      from: j.endpoint,
    },
  ]);
  answerAll(rig, m, 500);
  rig.run(40);
  assert.deepEqual(j.of("join-answered"), [
    { type: "join-answered", welcome: welcome(500), from: m.endpoint },
  ]);
  assert.deepEqual(rig.types(), [knock, admit, plea, joinAnswer, joinMissing]);
  rig.run(120_000);
  assert.equal(rig.types().length, 5, "nothing is sent afterwards");
  assert.equal(j.machine.pollTimeout(), undefined);
  assert.equal(m.machine.pollTimeout(), undefined);
});

test("a welcome of 30 kB arrives whole with 30 % loss", () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const rig = new Rig(seed);
    const [j, m] = [rig.add("j"), rig.add("m")];
    rig.weather = () => rig.random.next() < 0.3 ? [] : [10 + Math.floor(rig.random.next() * 40)];
    join(rig, j, [m]);
    for (let i = 0; i < 600 && j.of("join-answered").length === 0; i++) {
      answerAll(rig, m, 30_000);
      rig.run(100);
    }
    assert.deepEqual(
      j.of("join-answered").map((answered) => answered.welcome),
      [welcome(30_000)],
      `seed ${seed}`,
    );
    assert.ok(rig.log.every(({ datagram }) => datagram.length <= 1_232), "no datagram needs fragments");
  }
});

test("a welcome without loss takes one request per window of parts", () => {
  const rig = new Rig();
  const [j, m] = [rig.add("j"), rig.add("m")];
  join(rig, j, [m]);
  rig.run(40);
  answerAll(rig, m, 30_000);
  rig.run(1_000);
  const parts = rig.types().filter((type) => type === joinAnswer).length;
  const asked = rig.types().filter((type) => type === joinMissing).length;
  assert.deepEqual([parts, asked], [28, 4]);
  assert.deepEqual(j.times("join-answered"), [1_000 + 40 + 10 + 3 * 20]);
});

test("a repeated plea gets the same answer again and is no second request", () => {
  const rig = new Rig();
  const [j, m] = [rig.add("j"), rig.add("m")];
  let pleas = 0;
  rig.weather = ({ datagram }) => datagram[0] === joinAnswer && pleas < 3 ? [] : [10];
  join(rig, j, [m]);
  for (let i = 0; i < 30; i++) {
    rig.run(100);
    pleas = rig.types().filter((type) => type === plea).length;
    answerAll(rig, m, 100);
  }
  assert.ok(pleas >= 3);
  assert.equal(m.of("join-requested").length, 1);
  assert.equal(j.of("join-answered").length, 1);
});

test("a repeated plea is answered where the first one came from", () => {
  const rig = new Rig();
  const [j, m] = [rig.add("j"), rig.add("m")];
  const stranger = { host: "192.0.2.66", port: 6 };
  rig.weather = ({ datagram }) => datagram[0] === joinMissing ? [] : [10];
  join(rig, j, [m]);
  rig.run(40);
  answerAll(rig, m, 100);
  const recorded = rig.log.find(({ datagram }) => datagram[0] === plea)!.datagram;
  assert.equal(rig.inject(m, recorded, stranger), Drop.rateLimited);
  rig.run(limits.joinResendMillis);
  const from = rig.log.length;
  assert.equal(rig.inject(m, recorded, stranger), Drop.none);
  assert.deepEqual(rig.log.slice(from).map(({ to }) => to), [j.endpoint]);
});

test("a joiner whose address changes is answered at the new one", () => {
  const rig = new Rig();
  const [j, m] = [rig.add("j"), rig.add("m")];
  join(rig, j, [m]);
  rig.weather = ({ datagram }) => datagram[0] === plea ? [] : [10];
  rig.run(30);
  j.endpoint = { host: "192.0.2.77", port: 7 };
  const moved = j.endpoint;
  assert.equal(rig.inject(m, rig.log.at(-1)!.datagram, moved), Drop.none);
  assert.deepEqual(m.of("join-requested").map(({ from }) => from), [moved]);
  rig.weather = () => [10];
  answerAll(rig, m, 100);
  rig.run(100);
  assert.equal(j.of("join-answered").length, 1);
});

test("a refusal reaches the joiner with its code and reason", () => {
  const rig = new Rig();
  const [j, m] = [rig.add("j"), rig.add("m")];
  join(rig, j, [m]);
  rig.run(40);
  const refusal = { refused: "NAME_TAKEN", reason: 'The name "j" is taken; choose another' } as const;
  rig.call(m, (machine, now) => machine.answerJoin(1, refusal, now));
  rig.run(40);
  assert.deepEqual(j.of("join-failed"), [
    { type: "join-failed", code: "NAME_TAKEN", reason: refusal.reason },
  ]);
});

test("endpoints are knocked at in turn until one welcomes", () => {
  const rig = new Rig();
  const [j, dead, refusing, m] = [rig.add("j"), rig.add("dead"), rig.add("refusing"), rig.add("m")];
  rig.remove(dead);
  join(rig, j, [dead, refusing, m]);
  rig.run(400);
  rig.call(refusing, (machine, now) => machine.answerJoin(1, { refused: "REVOKED", reason: "no" }, now));
  rig.run(1_000);
  answerAll(rig, m, 100);
  rig.run(100);
  assert.equal(j.of("join-answered").length, 1);
  assert.deepEqual(j.of("join-failed"), []);
});

test("with every endpoint refusing, the first refusal is reported", () => {
  const rig = new Rig();
  const [j, m, n] = [rig.add("j"), rig.add("m"), rig.add("n")];
  join(rig, j, [m, n]);
  rig.run(40);
  rig.call(m, (machine, now) => machine.answerJoin(1, { refused: "NAME_TAKEN", reason: "taken" }, now));
  rig.run(100);
  rig.call(n, (machine, now) => machine.answerJoin(1, { refused: "INTERNAL", reason: "later" }, now));
  rig.run(100);
  assert.deepEqual(j.of("join-failed").map(({ code }) => code), ["NAME_TAKEN"]);
  rig.run(60_000);
  assert.equal(j.of("join-failed").length, 1);
});

test("without an answer the join ends at its deadline and says what to look at", () => {
  const rig = new Rig();
  const [j, m] = [rig.add("j"), rig.add("m")];
  rig.remove(m);
  join(rig, j, [m], { deadline: rig.now + 4_000 });
  rig.run(20_000);
  const knocks = rig.log.map(({ at }) => at - 1_000);
  assert.ok(knocks.length === 5 && knocks[0] === 0 && areFirstAttempts(knocks), `${knocks}`);
  assert.deepEqual(j.times("join-failed"), [5_000]);
  assert.equal(j.of("join-failed")[0]!.code, "UNREACHABLE");
});

test("a token that names no member fails at once", () => {
  const rig = new Rig();
  const j = rig.add("j");
  join(rig, j, []);
  rig.run(1);
  assert.deepEqual(j.of("join-failed").map(({ code }) => code), ["INVALID_ARGUMENT"]);
});

test("an application too large for a message fails at once, and the largest one passes", () => {
  const rig = new Rig();
  const [j, m] = [rig.add("j"), rig.add("m")];
  join(rig, j, [m], { application: new Uint8Array(limits.applicationLength + 1) });
  rig.run(1);
  assert.deepEqual(j.of("join-failed").map(({ code }) => code), ["INVALID_ARGUMENT"]);
  join(rig, j, [m], { application: new Uint8Array(limits.applicationLength) });
  rig.run(40);
  assert.equal(m.of("join-requested")[0]!.application.length, limits.applicationLength);
});

test("a member that dies after the admission is left for the next one", () => {
  const rig = new Rig();
  const [j, m, n] = [rig.add("j"), rig.add("m"), rig.add("n")];
  join(rig, j, [m, n]);
  rig.run(40);
  rig.remove(m);
  rig.run(11_000);
  answerAll(rig, n, 100);
  rig.run(1_000);
  assert.deepEqual(j.of("join-answered").map(({ from }) => from), [n.endpoint]);
});

test("wrong keys, expired tokens, other networks and token ids get no answer", () => {
  const silent = (changes: Partial<JoinRequest>, prepare: (m: RigNode) => void = () => {}) => {
    const rig = new Rig();
    const [j, m] = [rig.add("j"), rig.add("m")];
    prepare(m);
    join(rig, j, [m], changes);
    rig.run(1_000);
    assert.ok(rig.log.every(({ from }) => from === j.endpoint), "no answer");
    return [...m.drops.keys()].join();
  };
  assert.equal(silent({ tokenKey: new Uint8Array(32).fill(7) }), "badMac");
  assert.equal(silent({}, (m) => m.membership.tokens = []), "badMac");
  assert.equal(silent({}, (m) => m.membership.id = undefined), "badMac");
});

test("token id and expiry are bound, though the token key is right", () => {
  const rig = new Rig();
  const [j, m] = [rig.add("j"), rig.add("m")];
  join(rig, j, [m]);
  rig.run(1);
  const honest = rig.log.at(-1)!.datagram;
  for (const byte of [8, 23, 24 + 7]) {
    const altered = honest.slice();
    altered[byte]! ^= 1;
    signHandshake(altered, joinKeys(tokenKey).mac1);
    assert.equal(rig.inject(m, altered, j.endpoint), Drop.badTag, `byte ${byte}`);
  }
  assert.equal(rig.inject(m, honest, j.endpoint), Drop.none);
});

test("a knock recorded on its way to another member does not end the join that is under way", () => {
  const rig = new Rig();
  const [j, other, m] = [rig.add("j"), rig.add("other"), rig.add("m")];
  join(rig, j, [other]);
  rig.run(1);
  const recorded = rig.log[0]!.datagram;
  join(rig, j, [m]);
  rig.run(15);
  assert.deepEqual(rig.types(), [knock, knock, admit, admit]);
  assert.equal(rig.inject(m, recorded, j.endpoint), Drop.none);
  rig.run(20);
  assert.equal(m.of("join-requested").length, 1);
});

test("whoever knocks most makes room for its own knocks", () => {
  const rig = new Rig();
  const [j, m] = [rig.add("j"), rig.add("m")];
  join(rig, j, [m]);
  rig.run(15);
  const request = { token, tokenKey, endpoints: [], application: new Uint8Array(), deadline: 1e6 };
  for (let i = 0; i < 2 * limits.pendingJoins; i++) {
    const { message } = makeKnock(j.machine.local, request, i);
    m.machine.handleDatagram(message, { host: "192.0.2.66", port: 1 }, rig.now + 10 * i);
  }
  assert.equal(m.machine.local.indices.size, limits.pendingJoins);
  rig.run(20);
  assert.equal(m.of("join-requested").length, 1);
});

test("late, unknown and repeated answers are ignored", () => {
  const rig = new Rig();
  const [j, m] = [rig.add("j"), rig.add("m")];
  join(rig, j, [m]);
  rig.run(40);
  rig.call(m, (machine, now) => machine.answerJoin(99, { refused: "INTERNAL", reason: "who" }, now));
  answerAll(rig, m, 100);
  answerAll(rig, m, 200);
  rig.run(100);
  assert.equal(j.of("join-answered")[0]!.welcome.length, 100);
  answerAll(rig, m, 300);
  assert.equal(rig.types().filter((type) => type === joinAnswer).length, 1);
});

test("a welcome too large for a join is told as a refusal", () => {
  const rig = new Rig();
  const [j, m] = [rig.add("j"), rig.add("m")];
  join(rig, j, [m]);
  rig.run(40);
  answerAll(rig, m, protocol.joinPartLength * protocol.joinPartLimit);
  rig.run(100);
  assert.deepEqual(j.of("join-failed").map(({ code }) => code), ["INTERNAL"]);
});

test("pending joins are bounded: mere knocks make room, joins under way do not", () => {
  const rig = new Rig();
  const [j, m] = [rig.add("j"), rig.add("m")];
  join(rig, j, [m]);
  rig.run(40);
  const request = { token, tokenKey, endpoints: [], application: new Uint8Array(), deadline: 1e6 };
  for (let port = 1; port <= 200; port++) {
    rig.now += 10;
    const { message } = makeKnock(j.machine.local, request, port);
    assert.equal(rig.inject(m, message, { host: "192.0.2.66", port }), Drop.none);
  }
  answerAll(rig, m, 100);
  rig.run(100);
  assert.equal(j.of("join-answered").length, 1);
  rig.run(limits.joinMillis);
  assert.equal(m.machine.local.indices.size, 0);
});

test("a knock beyond the joins that wait for the node's answer is dropped", () => {
  const rig = new Rig();
  const m = rig.add("m");
  for (let i = 0; i < limits.pendingJoins; i++) join(rig, rig.add(`j${i}`), [m]);
  rig.run(100);
  join(rig, rig.add("late"), [m]);
  rig.run(100);
  assert.equal(m.of("join-requested").length, limits.pendingJoins);
  assert.equal(m.drops.get("queueFull"), 1);
});
