/** What members may do to a relay and through it, when they mean harm. */
import assert from "node:assert/strict";
import type { AeadKey } from "../../core/contracts/aead.ts";
import { Drop } from "../../core/contracts/drop.ts";
import { relayEndpoint, relayTagOf } from "../../core/wire/relay_endpoint.ts";
import { test } from "../../tests/harness.ts";
import { limits } from "./constants.ts";
import type { LinkSession } from "./link_session.ts";
import { encodeRelayed } from "./relayed.ts";
import { RelayAllowance } from "./relay_allowance.ts";
import { type Chain, chain } from "./testing_relay.ts";
import { peerIdOf, type RigNode } from "./testing_rig.ts";
import { forwardedFlag, MessageType, readCounter, readReceiver, writeTransportHeader } from "./wire.ts";

interface Leg {
  readonly key: AeadKey;
  readonly receiver: number;
}

/** The key and the header with which `to` opens what `from` sends it, taken from the last message that it got. */
function legOf({ rig }: Chain, from: RigNode, to: RigNode): Leg {
  const last = rig.log.findLast((flight) =>
    flight.from.port === from.endpoint.port && flight.to.port === to.endpoint.port &&
    flight.datagram.length >= 32 && flight.datagram[0]! >= MessageType.data
  )!;
  return legAt(to, last.datagram);
}

function legAt(to: RigNode, datagram: Uint8Array): Leg {
  const receiver = readReceiver(datagram);
  const { session } = to.machine.local.indices.get(receiver) as LinkSession;
  return { key: session.suite.key(session.exportKeys().receive), receiver };
}

/** That of the session of the two ends. */
function legOfEnds(world: Chain): Leg {
  const { rig, a, r, b } = world;
  const from = rig.now;
  rig.send(a, b, "to show its index");
  rig.run(100);
  return legAt(
    b,
    innerOf(world, rig.log.find(({ at, to }) => at >= from && to.port === r.endpoint.port)!.datagram),
  );
}

function nonceOf(counter: number): Uint8Array {
  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setUint32(4, counter, true);
  return nonce;
}

/** Ahead of those in use, and not so far that the genuine ones would be too old. */
let counter = 2_000;

/** A message of type 18 with any plaintext, sealed as `from` would seal it for `to`. */
function sealed(
  world: Chain,
  [from, to]: readonly [RigNode, RigNode],
  plaintext: Uint8Array,
  flags = 0,
): Uint8Array {
  return sealedIn(legOf(world, from, to), plaintext, flags);
}

function sealedIn({ key, receiver }: Leg, plaintext: Uint8Array, flags = 0): Uint8Array {
  const header = new Uint8Array(16);
  writeTransportHeader(header, { type: MessageType.relay, flags, receiver, counter: ++counter });
  return new Uint8Array([...header, ...key.seal(nonceOf(counter), header, plaintext)]);
}

const message = (type: number, length = 64) => Uint8Array.of(type, 1, 0, 0, ...new Uint8Array(length - 4));

function countsOf(node: RigNode): Record<string, number> {
  return Object.fromEntries([...node.drops].filter(([name]) => name !== "none"));
}

test("a message is opened through three layers and no further, however many somebody has put around it", () => {
  const world = chain();
  const { rig, a, r, b } = world;
  let nested: Uint8Array = message(MessageType.data);
  const drops = Array.from({ length: 10 }, () => {
    nested = sealed(world, [r, b], encodeRelayed({ tag: relayTagOf(a.id)!, message: nested }), forwardedFlag);
    return rig.inject(b, nested.slice(), r.endpoint);
  });
  const { unknownSession, loop, replayed } = Drop;
  assert.deepEqual(drops.slice(0, 1), [unknownSession]);
  assert.ok(drops.slice(1).every((drop) => drop === replayed), "what was inside has been opened once");
  let fresh: Uint8Array = message(MessageType.data);
  for (let layer = 0; layer < 10; layer++) {
    fresh = sealed(world, [r, b], encodeRelayed({ tag: relayTagOf(a.id)!, message: fresh }), forwardedFlag);
  }
  assert.equal(rig.inject(b, fresh, r.endpoint), loop);
  assert.ok(!b.of("roamed").some(({ peer }) => peer === r.id), "a relay is not behind itself");
});

test("who nests a way back and forth between two relays gets it to the second one, at the cost of its own rate", () => {
  const world = chain();
  const { rig, a, r, b } = world;
  const ends = legOfEnds(world);
  let nested: Uint8Array = message(MessageType.data);
  for (let turn = 0; turn < 5; turn++) {
    nested = sealed(world, [a, r], encodeRelayed({ tag: relayTagOf(b.id)!, message: nested }));
    if (turn < 4) nested = sealedIn(ends, encodeRelayed({ tag: relayTagOf(r.id)!, message: nested }));
  }
  const before = r.machine.relayed(a.id).packets;
  rig.inject(r, nested, a.endpoint);
  rig.run(50);
  assert.equal(r.machine.relayed(a.id).packets, before + 1, "not once for each turn");
  assert.equal(b.drops.get("loop"), 1);
});

test("nor does it go back and forth between two relays that the sender reaches itself", () => {
  const world = chain({ isApart: true });
  const { rig, a, r, b } = world;
  world.direct = true;
  rig.connect(a, b);
  rig.run(200);
  for (const relay of [r, b]) rig.send(a, relay, "to show its index");
  rig.run(100);
  let nested: Uint8Array = message(MessageType.data);
  for (let turn = 0; turn < 15; turn++) {
    nested = sealed(world, [a, b], encodeRelayed({ tag: relayTagOf(r.id)!, message: nested }));
    nested = sealed(world, [a, r], encodeRelayed({ tag: relayTagOf(b.id)!, message: nested }));
  }
  rig.inject(r, nested, a.endpoint);
  rig.run(50);
  assert.deepEqual([r, b].map(({ machine }) => machine.relayed(a.id).packets), [1, 0]);
  assert.equal(b.drops.get("loop"), 1);
});

test("nothing in plain goes through a relay, nor anything that is no message", () => {
  const world = chain();
  const { rig, a, r, b } = world;
  for (const first of [0x00, 0x20, 20, 0xff]) {
    const plaintext = encodeRelayed({ tag: relayTagOf(b.id)!, message: message(first) });
    assert.equal(rig.inject(r, sealed(world, [a, r], plaintext), a.endpoint), Drop.malformed, `${first}`);
    assert.equal(rig.inject(b, sealed(world, [r, b], plaintext, forwardedFlag), r.endpoint), Drop.malformed);
  }
  for (const length of [0, 1, 7]) {
    assert.equal(rig.inject(r, sealed(world, [a, r], new Uint8Array(length)), a.endpoint), Drop.malformed);
  }
});

test("tags of nobody, of the relay and of the sender lead nowhere, and are answered at the stated rate", () => {
  const world = chain();
  const { rig, a, r } = world;
  const from = rig.now;
  for (let i = 0; i < 200; i++) {
    const tag = i % 3 === 0 ? relayTagOf(a.id)! : i % 3 === 1 ? relayTagOf(r.id)! : new Uint8Array(8).fill(i);
    const drop = rig.inject(
      r,
      sealed(world, [a, r], encodeRelayed({ tag, message: message(6) })),
      a.endpoint,
    );
    assert.equal(drop, i % 3 === 0 ? Drop.loop : Drop.noSession);
  }
  const answers = rig.log.filter(({ at, from: by, datagram }) =>
    at >= from && by.port === r.endpoint.port && datagram[0] === MessageType.relay
  );
  assert.equal(answers.length, limits.noWayAnswers.sourceBurst);
});

test("a message that the relay has not passed on, but made up, opens nothing", () => {
  const world = chain();
  const { rig, a, r, b } = world;
  const before = [a.edges(), b.edges()];
  for (let type = 1; type < 18; type++) {
    for (const length of [4, 16, 32, 64, 1_240]) {
      const plaintext = encodeRelayed({ tag: relayTagOf(a.id)!, message: message(type, length) });
      const drop = rig.inject(b, sealed(world, [r, b], plaintext, forwardedFlag), r.endpoint);
      assert.notEqual(drop, Drop.none, `${type}, ${length}`);
    }
  }
  assert.deepEqual([a.edges(), b.edges()], before);
  assert.equal(b.received().length, 0);
});

test("what a relay plays back or turns around is dropped", () => {
  const world = chain();
  const { rig, a, r, b } = world;
  const from = rig.now;
  rig.send(a, b, "once");
  rig.run(100);
  const leg = (port: number) => rig.log.find(({ at, to }) => at >= from && to.port === port)!.datagram;
  const [first, second] = [leg(r.endpoint.port), leg(b.endpoint.port)];
  assert.equal(rig.inject(r, first, a.endpoint), Drop.replayed);
  assert.equal(rig.inject(b, second, r.endpoint), Drop.replayed);
  assert.notEqual(rig.inject(a, second, r.endpoint), Drop.none);
  // The relay knows the inner message, and can seal it anew: the ends have a window of their own.
  const held = rig.log.filter(({ at, to }) => at >= from && to.port === b.endpoint.port).length;
  assert.equal(held, 1);
  const inner = innerOf(world, first);
  const again = encodeRelayed({ tag: relayTagOf(a.id)!, message: inner });
  assert.equal(rig.inject(b, sealed(world, [r, b], again, forwardedFlag), r.endpoint), Drop.replayed);
  const back = encodeRelayed({ tag: relayTagOf(b.id)!, message: inner });
  assert.notEqual(rig.inject(a, sealed(world, [r, a], back, forwardedFlag), r.endpoint), Drop.none);
  inner[20]! ^= 1;
  assert.notEqual(rig.inject(b, sealed(world, [r, b], again, forwardedFlag), r.endpoint), Drop.none);
  assert.deepEqual(b.received(), ["once"]);
});

/** The message in a relayed one, as the relay reads it. */
function innerOf(world: Chain, datagram: Uint8Array): Uint8Array {
  const { key } = legOf(world, world.a, world.r);
  const nonce = nonceOf(readCounter(datagram));
  return key.open(nonce, datagram.subarray(0, 16), datagram.subarray(16))!.slice(8);
}

test("in the name of another member nothing can be sent through a relay: the session says whose it is", () => {
  const world = chain();
  const { rig, a, r, b } = world;
  // The sender names only the destination; what it writes elsewhere stays inside.
  const plaintext = encodeRelayed({ tag: relayTagOf(a.id)!, message: message(6) });
  rig.inject(r, sealed(world, [b, r], plaintext), b.endpoint);
  rig.run(50);
  const last = rig.log.findLast(({ from, to }) =>
    from.port === r.endpoint.port && to.port === a.endpoint.port
  )!;
  assert.equal(last.datagram[0], MessageType.relay);
  assert.equal(a.drops.get("unknownSession"), 1);
  assert.deepEqual(a.of("roamed"), []);
});

test("a peer has no more passed on than its rate, in packets and in bytes, and others are not held back by it", () => {
  const relay = { relayBytesPerSecond: 600_000, relayPacketsPerSecond: 400 };
  const { rig, a, r, b } = chain({ relay });
  rig.run(2_000);
  const before = r.machine.relayed(a.id).packets;
  for (let i = 0; i < 400; i++) rig.send(a, b, "x");
  rig.run(50);
  const burst = r.machine.relayed(a.id).packets - before;
  assert.ok(burst >= 100 && burst <= 130, `${burst}`);
  assert.equal(r.drops.get("rateLimited"), 400 - burst);
  for (let i = 0; i < 20; i++) rig.send(b, a, "y");
  rig.run(50);
  assert.equal(a.received().length, 20);
  rig.run(2_000);
  const bytes = r.machine.relayed(a.id).bytes;
  for (let i = 0; i < 98; i++) rig.send(a, b, "z".repeat(4_000));
  rig.run(1);
  rig.run(49);
  assert.ok(r.machine.relayed(a.id).bytes - bytes <= 150_000 + 31_000);
  assert.deepEqual(Object.keys(countsOf(r)), ["rateLimited"]);
});

test("an allowance takes a message whole or not, and fills again with time", () => {
  const allowance = new RelayAllowance({ bytesPerSecond: 1_000_000, packetsPerSecond: 1_000 }, 0);
  let taken = 0;
  while (allowance.take(1_000, 0)) taken++;
  assert.equal(taken, 250);
  assert.equal(allowance.take(1, 0), false);
  assert.equal(allowance.take(1_000, 10), true);
  const narrow = new RelayAllowance({ bytesPerSecond: 10_000, packetsPerSecond: 10 }, 0);
  assert.equal(narrow.take(65_507, 0), true, "the longest datagram passes, however low the rate");
});

test("a relay that says all the time that there is no way does not keep the word of another one from acting", () => {
  const world = chain();
  const { rig, a, r, b } = world;
  const other = rig.add(peerIdOf("s"));
  rig.connect(other, a);
  rig.run(100);
  const words = (tag: Uint8Array) => encodeRelayed({ tag, message: new Uint8Array(0) });
  rig.call(a, (machine, now) => {
    const peer = { id: b.id, noiseKey: b.keys.publicKey };
    machine.connect({ endpoint: { host: "192.0.2.9", port: 9 }, peer }, now);
  });
  rig.run(10_000);
  const from = rig.now;
  for (let i = 0; i < 200; i++) {
    const word = words(new Uint8Array(8).fill(i));
    rig.inject(a, sealed(world, [other, a], word, forwardedFlag), other.endpoint);
  }
  rig.inject(a, sealed(world, [r, a], words(relayTagOf(b.id)!), forwardedFlag), r.endpoint);
  assert.equal(rig.log.filter(({ at, to }) => at >= from && to.port === 9).length, 1);
});

test("words that there is no way are believed of the relay's own places only, and act once a second", () => {
  const world = chain();
  const { rig, a, r, b } = world;
  const nothing = encodeRelayed({ tag: relayTagOf(b.id)!, message: new Uint8Array(0) });
  rig.call(a, (machine, now) => {
    const peer = { id: b.id, noiseKey: b.keys.publicKey };
    machine.connect({ endpoint: { host: "192.0.2.9", port: 9 }, peer }, now);
  });
  rig.run(10_000);
  const from = rig.now;
  for (let i = 0; i < 100; i++) rig.inject(a, sealed(world, [r, a], nothing, forwardedFlag), r.endpoint);
  const asked = rig.log.filter(({ at, to }) => at >= from && to.port === 9);
  assert.equal(asked.length, 1);
  assert.deepEqual(Object.keys(countsOf(a)), ["rateLimited"]);
  // The other end's word about a place behind the relay is a message to the relay, which leads nowhere.
  assert.notEqual(rig.inject(r, sealed(world, [a, r], nothing), a.endpoint), Drop.none);
  rig.send(a, b, "still");
  rig.run(100);
  assert.deepEqual(b.received(), ["still"]);
  assert.ok(relayEndpoint(r.id, relayTagOf(b.id)!).port === 0);
});
