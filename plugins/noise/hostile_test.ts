import assert from "node:assert/strict";
import fc from "fast-check";
import { Drop } from "../../core/contracts/drop.ts";
import type { Endpoint } from "../../core/contracts/values.ts";
import { test } from "../../tests/harness.ts";
import { type Flight, Rig, type RigNode, token, tokenKey } from "./testing_rig.ts";
import { MessageType } from "./wire.ts";

const stranger: Endpoint = { host: "192.0.2.66", port: 6 };

interface Scene {
  readonly rig: Rig;
  readonly target: RigNode;
  readonly flight: Flight;
}

/** Stops the world when the first datagram of a type is sent, before it arrives. */
function before(type: number): Scene {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  let caught: Flight | undefined;
  rig.weather = (flight) => {
    if (flight.datagram[0] === type) caught ??= flight;
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
  if (type === MessageType.close) rig.call(a, (machine, now) => machine.disconnect(b.id, now));
  assert.ok(caught !== undefined, `no datagram of type ${type}`);
  const target = rig.nodes.find(({ endpoint }) => endpoint.port === caught!.to.port)!;
  return { rig, target, flight: caught };
}

function isJoin(type: number): boolean {
  return ([3, 4, 5, 12, 13] as number[]).includes(type);
}

function isWhoIs(type: number): boolean {
  return type === MessageType.whoIs || type === MessageType.iAm;
}

/** What a datagram might have changed, as far as can be seen from outside. */
function state({ target }: Scene): string {
  const { machine } = target;
  return JSON.stringify([target.facts, machine.local.indices.size, machine.pollTimeout()]);
}

/** A transport message with an unknown index is answered: the one thing a stranger can cause. */
function mayBeAnswered(type: number, byte: number): boolean {
  return (type === MessageType.data || type === MessageType.keepalive) && byte >= 4 && byte < 8;
}

const types = Object.entries(MessageType).filter(([, type]) => type !== MessageType.unknownIndex);

for (const [name, type] of types) {
  test(`every byte flipped in ${name} is refused without a trace, and the right message still works`, () => {
    const scene = before(type);
    const { rig, target, flight } = scene;
    const untouched = state(scene);
    flight.datagram.forEach((value, byte) => {
      const flipped = flight.datagram.slice();
      flipped[byte] = value ^ (1 << (byte % 8));
      const sent = rig.log.length;
      assert.notEqual(rig.inject(target, flipped, flight.from), Drop.none, `byte ${byte}`);
      assert.equal(state(scene), untouched, `byte ${byte}`);
      if (!mayBeAnswered(type, byte)) assert.equal(rig.log.length, sent, `byte ${byte}`);
    });
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

/** A knock replaces the one before, a plea is answered again, a question is answered without memory. */
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
      fc.integer({ min: 0, max: 14 }),
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

for (const type of [MessageType.keepalive, MessageType.whoIs]) {
  test(`answers to strangers are limited by source and overall: type ${type}`, () => limitedAnswers(type));
}

function limitedAnswers(type: number): void {
  const { rig, flight } = before(type);
  const node = rig.add("restarted");
  const answersTo = (host: (i: number) => string, count: number) => {
    const sent = rig.log.length;
    for (let i = 0; i < count; i++) rig.inject(node, flight.datagram, { host: host(i), port: i });
    return rig.log.length - sent;
  };
  assert.equal(answersTo(() => "192.0.2.66", 100), 10);
  assert.equal(answersTo((i) => `192.0.3.${i % 250}`, 1_000), 90);
  rig.run(1_000);
  assert.equal(answersTo((i) => `192.0.4.${i % 250}`, 1_000), 100);
}

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
