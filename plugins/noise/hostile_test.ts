import assert from "node:assert/strict";
import fc from "fast-check";
import { Drop } from "../../core/contracts/drop.ts";
import type { Endpoint } from "../../core/contracts/values.ts";
import { test } from "../../tests/harness.ts";
import { limits } from "./constants.ts";
import { type Flight, networkKey, peerIdOf, Rig, type RigNode, token, tokenKey } from "./testing_rig.ts";
import { askWhoIs } from "./who_is.ts";
import { macLength, MessageType } from "./wire.ts";

const stranger: Endpoint = { host: "192.0.2.66", port: 6 };

interface Scene {
  readonly rig: Rig;
  readonly target: RigNode;
  readonly flight: Flight;
}

/** Stops the world when the first datagram of a type is sent, before it arrives. */
function before(type: number): Scene {
  const rig = new Rig();
  const [a, b] = [rig.add(peerIdOf("a")), rig.add(peerIdOf("b"))];
  if (type === MessageType.cookie) overload(b, rig.now);
  if (isOfPath(type)) { for (const node of [a, b]) node.machine.measurePaths(); }
  let caught: Flight | undefined;
  // The last of the answers to three probes ends the search, and the last of two parts makes a record.
  let skipped = type === MessageType.probed ? 2 : type === MessageType.part ? 1 : 0;
  rig.weather = (flight) => {
    if (flight.datagram[0] === type && skipped-- <= 0) caught ??= flight;
    return caught === undefined ? [10] : [];
  };
  if (isJoin(type)) {
    const request = {
      token,
      tokenKey,
      endpoints: [b.endpoint],
      application: Uint8Array.of(1),
      deadline: 1e6,
    };
    rig.call(a, (machine, now) => machine.join(request, now));
  } else if (isWhoIs(type)) {
    rig.call(a, (machine, now) => machine.connect({ endpoint: b.endpoint }, now));
  } else rig.connect(a, b);
  rig.run(50);
  rig.call(b, (machine, now) => machine.answerJoin(1, { welcome: new Uint8Array(100) }, now));
  rig.run(50);
  if (type === MessageType.relay) sendThrough(rig, a, b);
  if (type === MessageType.note) sendNote(rig, a, b);
  if (type === MessageType.part) rig.send(a, b, "x".repeat(2_000));
  rig.run(50);
  if (type === MessageType.close) rig.call(a, (machine, now) => machine.disconnect(b.id, now));
  assert.ok(caught !== undefined, `no datagram of type ${type}`);
  const target = rig.nodes.find(({ endpoint }) => endpoint.port === caught!.to.port)!;
  return { rig, target, flight: caught };
}

/** `a` sets out for a third node by way of `b`. */
function sendThrough(rig: Rig, a: RigNode, b: RigNode): void {
  const c = rig.add(peerIdOf("c"));
  rig.connect(c, b);
  rig.run(50);
  rig.connectVia(a, c, b);
}

function sendNote(rig: Rig, from: RigNode, to: RigNode): void {
  const [sender, receiver] = [from, to].map(({ id, name, keys, endpoint }) => ({
    id,
    name,
    noiseKey: keys.publicKey,
    endpoints: [endpoint],
  }));
  to.machine.takeNotes(() => sender);
  rig.call(from, (machine, now) => machine.sendNote(receiver!, to.endpoint, new Uint8Array(40), now));
}

/** Makes a node believe that it has more handshakes to answer than it can. */
function overload(node: RigNode, now: number): void {
  for (let i = 0; i <= limits.firstMessages.burst; i++) node.machine.local.gate.load.arrived(now);
}

function isJoin(type: number): boolean {
  return ([3, 4, 5, 12, 13] as number[]).includes(type);
}

function isOfPath(type: number): boolean {
  return type === MessageType.probe || type === MessageType.probed || type === MessageType.part;
}

function isWhoIs(type: number): boolean {
  return type === MessageType.whoIs || type === MessageType.iAm;
}

function isFirst(type: number): boolean {
  return type === MessageType.initiation || type === MessageType.knock;
}

/**
 * Bytes to flip: all, but of an initiation's long middle only some, each of which costs a Diffie-Hellman. mac2 of a first
 * message is not looked at by a node that is not under load.
 */
function tried(type: number, length: number): number[] {
  const all = Array.from({ length: isFirst(type) ? length - macLength : length }, (_, byte) => byte);
  return all.filter((byte) => byte < 120 || byte > length - 60 || byte % 16 === 0);
}

/** How many altered messages leave no trace: the gate knows the next copy of a first one, and a handshake counts replies. */
function triesOf(type: number): number {
  return isFirst(type) ? 1 : limits.spoiltReplies - 1;
}

/** What a datagram might have changed, as far as can be seen from outside. */
function state({ target }: Scene): string {
  const { machine } = target;
  return JSON.stringify([target.facts, machine.local.indices.size, machine.pollTimeout()]);
}

/** A transport message with an unknown index is answered: the one thing a stranger can cause. */
function mayBeAnswered(type: number, byte: number): boolean {
  const isSession = type === MessageType.data || type === MessageType.keepalive ||
    type === MessageType.part ||
    type === MessageType.relay;
  if (type === MessageType.note) return byte === 0; // with one other bit it is a relayed message of no session
  return isSession && byte >= 4 && byte < 8;
}

const types = Object.entries(MessageType).filter(([, type]) => type !== MessageType.unknownIndex);

for (const [name, type] of types) {
  test(`every byte flipped in ${name} is refused without a trace, and the right message still works`, () => {
    let scene = before(type);
    const untouched = state(scene);
    let left = triesOf(type);
    for (const byte of tried(type, scene.flight.datagram.length)) {
      if (left === 0) [scene, left] = [before(type), triesOf(type)]; // the same once more: a rig replays itself
      const { rig, target, flight } = scene;
      const flipped = flight.datagram.slice();
      flipped[byte]! ^= 1 << (byte % 8);
      const sent = rig.log.length;
      const drop = rig.inject(target, flipped, flight.from);
      assert.ok(drop !== Drop.none && drop !== Drop.replayed, `byte ${byte}`);
      if (drop === Drop.badTag) left -= 1;
      assert.equal(state(scene), untouched, `byte ${byte}`);
      if (!mayBeAnswered(type, byte)) assert.equal(rig.log.length, sent, `byte ${byte}`);
    }
    if (isFirst(type)) scene = before(type);
    const { rig, target, flight } = scene;
    assert.equal(rig.inject(target, flight.datagram, flight.from), Drop.none);
    assert.ok(
      state(scene) !== untouched || rig.log.at(-1)!.from === target.endpoint,
      "the right one has an effect",
    );
  });

  test(`every cut or lengthened ${name} is refused without a trace`, () => {
    const scene = before(type);
    const { rig, target, flight } = scene;
    const untouched = state(scene);
    const lengths = flight.datagram.map((_, i) => i);
    for (
      const length of [
        ...flight.datagram.keys(),
        ...[1, 16, 5_000].map((more) => lengths.length + more),
      ]
    ) {
      const other = new Uint8Array(length);
      other.set(flight.datagram.subarray(0, length));
      assert.notEqual(rig.inject(target, other, flight.from), Drop.none, `length ${length}`);
    }
    assert.equal(state(scene), untouched);
  });

  test(`a second ${name} after the first changes nothing`, () => {
    const scene = before(type);
    const { rig, target, flight } = scene;
    assert.equal(rig.inject(target, flight.datagram, flight.from), Drop.none);
    rig.run(200);
    const once = state(scene);
    const drop = rig.inject(target, flight.datagram, flight.from);
    if (type !== MessageType.knock) assert.equal(state(scene), once);
    if (!isRepeatable(type)) assert.notEqual(drop, Drop.none);
  });
}

/** Their copies may be let pass: a plea is answered again, knocks and questions are the gate's to know. */
function isRepeatable(type: number): boolean {
  return type === MessageType.knock || type === MessageType.plea || type === MessageType.whoIs;
}

test("random bytes behind a valid beginning never throw, never pass and never stay", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  const scene = { rig, target: a, flight: rig.log[0]! };
  const untouched = state(scene);
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 18 }),
      fc.uint8Array({ maxLength: 1_300 }),
      fc.boolean(),
      (type, rest, known) => {
        const datagram = Uint8Array.of(type, 1, 0, 0, ...rest);
        const index = b.of("session-up")[0] && rig.log[1]!.datagram.subarray(8, 12);
        if (known && datagram.length >= 12) datagram.set(index!, type === 2 ? 8 : 4);
        assert.notEqual(rig.inject(a, datagram, stranger), Drop.none);
      },
    ),
    { seed: 77, numRuns: 3_000 },
  );
  assert.equal(state(scene), untouched);
});

test("a datagram of a stranger never brings forth more bytes than it has", () => {
  for (const type of [MessageType.initiation, MessageType.knock, MessageType.whoIs, MessageType.keepalive]) {
    const { rig, target, flight } = before(type);
    const node = type === MessageType.keepalive ? rig.add("restarted") : target;
    const sent = rig.log.length;
    rig.inject(node, flight.datagram, stranger);
    const bytes = rig.log.slice(sent).reduce((sum, { datagram }) => sum + datagram.length, 0);
    assert.ok(bytes > 0, `type ${type} is answered`);
    assert.ok(bytes <= flight.datagram.length, `type ${type}: ${bytes} for ${flight.datagram.length}`);
  }
});

/** These come from whoever knows an index and a key of an exchange under way: it has shown its address before. */
const exchanged: readonly number[] = [
  MessageType.response,
  MessageType.admit,
  MessageType.plea,
  MessageType.iAm,
  MessageType.cookie,
  MessageType.joinAnswer,
  MessageType.joinMissing,
];

for (const [name, type] of types) {
  test(`no answer to ${name} is longer than it, whoever sends it and whether the node is under load`, () => {
    for (const isLoaded of [false, true]) {
      for (const isInvolved of [false, true]) {
        if (isInvolved && exchanged.includes(type)) continue;
        const { rig, target, flight } = before(type);
        const node = isInvolved ? target : rig.add("uninvolved", { keys: target.keys });
        if (isLoaded) overload(node, rig.now);
        const sent = rig.log.length;
        rig.inject(node, flight.datagram, stranger);
        const answered = rig.log.slice(sent).reduce((sum, { datagram }) => sum + datagram.length, 0);
        assert.ok(answered <= flight.datagram.length, `${answered} bytes for ${flight.datagram.length}`);
      }
    }
  });
}

test("a recorded question is answered once, and new ones at the stated rates", () => {
  const { rig, target, flight } = before(MessageType.whoIs);
  const answersTo = (host: (i: number) => string, count: number) => {
    const sent = rig.log.length;
    for (let i = 0; i < count; i++) {
      const question = askWhoIs(networkKey(1), rig.random.fill(new Uint8Array(16)));
      rig.inject(target, question, { host: host(i), port: i });
    }
    return rig.log.length - sent;
  };
  const sent = rig.log.length;
  for (let i = 0; i < 100; i++) rig.inject(target, flight.datagram, { host: `192.0.2.${i}`, port: i });
  assert.equal(rig.log.length - sent, 1);
  assert.equal(answersTo(() => "192.0.2.66", 100), 10);
  assert.equal(answersTo((i) => `2001:db8:0:${i}::1`, 1_000), 189);
});

test("answers to unknown indices are limited by source and overall", () => {
  const { rig, flight } = before(MessageType.keepalive);
  const node = rig.add("restarted");
  const answersTo = (host: (i: number) => string, count: number) => {
    const sent = rig.log.length;
    for (let i = 0; i < count; i++) rig.inject(node, flight.datagram, { host: host(i), port: i });
    return rig.log.length - sent;
  };
  assert.equal(answersTo(() => "192.0.2.66", 100), 10);
  assert.equal(answersTo((i) => `192.0.3.${i}`, 250), 90);
  assert.equal(answersTo((i) => `192.0.3.${i}`, 250), 100, "those that come again");
  rig.run(1_000);
  assert.equal(answersTo((i) => `192.0.4.${i}`, 250), 100);
});

test("recorded traffic played back from the start opens nothing and ends nothing", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  for (let i = 0; i < 20; i++) rig.send(a, b, `once ${i}`);
  rig.run(1_000);
  const record = rig.log.slice();
  for (const { datagram, from, to } of record) {
    const node = to.port === a.endpoint.port ? a : b;
    assert.notEqual(rig.inject(node, datagram, from), Drop.none);
  }
  rig.run(1_000);
  assert.equal(b.received().length, 20);
  assert.deepEqual([a.edges(), b.edges()], [["+b"], ["+a"]]);
});

test("recorded traffic played to a node that has restarted makes no session", () => {
  const rig = new Rig();
  const { a, b } = rig.pair();
  rig.send(a, b, "secret");
  rig.run(100);
  const record = rig.log.filter(({ to }) => to === b.endpoint);
  rig.remove(a);
  const again = rig.restart(b, { wall: 5_000_000 });
  for (const { datagram, from } of record) rig.inject(again, datagram, from);
  rig.run(200_000);
  assert.deepEqual([again.edges(), again.received()], [[], []]);
  assert.equal(again.machine.local.indices.size, 0, "what the replay began has expired");
});
