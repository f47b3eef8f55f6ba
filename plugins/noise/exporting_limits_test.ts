/** What a session that is shared refuses, and packets whose checksum is still missing. */
import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import { tcp4, udp6 } from "../../core/wire/captured_packets.ts";
import { writeU16 } from "../../core/wire/field.ts";
import { encodeGre, GreProtocol } from "../../core/wire/gre.ts";
import { test } from "../../tests/harness.ts";
import { directOverhead, limits } from "./constants.ts";
import { decodeRecord } from "./gre_record.ts";
import { empty, Session } from "./session.ts";
import { aes, Rig, type RigNode } from "./testing_rig.ts";
import { ModelCells, ModelWorker } from "./testing_worker.ts";
import { encodeUnknownIndex, MessageType, readCounter, writeTransportHeader } from "./wire.ts";

function session(): Session {
  const keys = { send: new Uint8Array(32).fill(1), receive: new Uint8Array(32).fill(1) };
  return new Session({ localIndex: 7, remoteIndex: 7, initiator: true, suite: aes, keys, now: 0 });
}

test("a shared session takes each counter from its cells, before the seal", () => {
  const each = session();
  const cells = Object.assign(new ModelCells(), { sent: 40 });
  each.share(cells);
  assert.equal(readCounter(each.seal(MessageType.keepalive, empty, 0)!), 40);
  cells.takeCounter();
  assert.equal(readCounter(each.seal(MessageType.keepalive, empty, 0)!), 42);
  assert.deepEqual([each.sent, each.sentByWorker, each.isShared], [43, 41, true]);
});

test("a session in which something was sealed is not shared any more", () => {
  const each = session();
  each.seal(MessageType.keepalive, empty, 0);
  assert.throws(() => each.share(new ModelCells()), /Cannot share a session in use/);
});

test("a shared session is renewed from 2^30 messages on, sent or received, and over at 2^31", () => {
  const each = session();
  const cells = new ModelCells();
  each.share(cells);
  cells.sent = 2 ** 30 - 1;
  cells.newest = 2 ** 30 - 1;
  assert.equal(each.wantsRekey(0), false);
  cells.sent = 2 ** 30;
  assert.equal(each.wantsRekey(0), true);
  Object.assign(cells, { sent: 0, newest: 2 ** 30 });
  assert.equal(each.wantsRekey(0), true);
  cells.sent = 2 ** 31 - 1;
  assert.equal(readCounter(each.seal(MessageType.data, empty, 0)!), 2 ** 31 - 1);
  assert.equal(each.seal(MessageType.data, empty, 0), undefined);
  cells.sent = -(2 ** 31); // a cell that has wrapped
  assert.equal(each.seal(MessageType.data, empty, 0), undefined);
});

test("a counter that the worker takes first is not used, however many are left when it is looked at", () => {
  const each = session();
  const raced = Object.assign(new ModelCells(), { takeCounter: () => 2 ** 31 });
  each.share(raced);
  assert.equal(each.seal(MessageType.data, empty, 0), undefined);
});

test("counters of 2^31 and above are malformed in a shared session", () => {
  const sender = session();
  const each = session();
  each.share(new ModelCells());
  const datagram = sender.seal(MessageType.keepalive, empty, 0)!;
  writeTransportHeader(datagram, { type: MessageType.keepalive, flags: 0, receiver: 7, counter: 2 ** 31 });
  assert.equal(each.open(datagram, 0), Drop.malformed);
  assert.equal(sender.open(datagram, 0), Drop.badTag);
});

test("a restarted peer is found out by a packet of the worker, also when a million have followed it", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  const worker = ModelWorker.of(rig, a);
  rig.connect(a, b);
  rig.run(100);
  const { cells } = worker.currentOf(b)!;
  const packet = worker.send(b, "are you there?")!;
  const tooLate = encodeUnknownIndex(packet);
  cells.sent += limits.sharedSentLately;
  assert.equal(rig.inject(a, tooLate, b.endpoint), Drop.unknownSession);
  cells.sent--;
  assert.equal(rig.inject(a, tooLate, b.endpoint), Drop.none);
});

test("what is said to be opened in a session that is not there, or not shared, is dropped", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  const worker = ModelWorker.of(rig, a, { isRoomy: false });
  rig.connect(a, b);
  rig.run(100);
  const message = {
    plaintext: empty,
    relayed: false,
    forwarded: false,
    counter: 9,
    newest: true,
    from: { host: "::1", port: 1 },
  };
  const { localIndex } = worker.keys[0]!;
  for (const index of [localIndex, localIndex ^ 1, 0]) {
    const drop = rig.call(a, (machine, now) => machine.handleOpened({ ...message, localIndex: index }, now));
    assert.equal(drop, Drop.unknownSession);
  }
  assert.deepEqual(a.of("roamed"), []);
});

test("what the worker has opened may hold anything", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  const worker = ModelWorker.of(rig, a, { partialChecksum: true });
  ModelWorker.of(rig, b, { partialChecksum: true });
  rig.connect(a, b);
  rig.run(100);
  const { localIndex } = worker.currentOf(b)!.keys;
  for (let length = 5; length < 200; length++) {
    const plaintext = rig.random.fill(new Uint8Array(length));
    plaintext.set([length % 2 === 0 ? 0x20 : 0, 0, 0x08, 0]);
    const message = {
      localIndex,
      plaintext,
      relayed: false,
      forwarded: false,
      counter: length,
      newest: false,
      from: b.endpoint,
    };
    const drop = rig.call(a, (machine, now) => machine.handleOpened(message, now));
    assert.equal(drop === Drop.none, length % 2 === 1);
  }
  assert.deepEqual([a.edges(), a.of("packet").length], [["+b"], 98]);
});

/** A TCP packet without its checksum, and a GRE key that says where it goes. */
function unfinished(): { payload: Uint8Array; key: number } {
  const payload = tcp4.slice();
  writeU16(payload, 36, 0xabcd);
  return { payload, key: (20 << 16) | 16 };
}

function arrived(node: RigNode): Uint8Array[] {
  return node.of("packet").map(({ packet }) => packet.payload);
}

for (const [left, right] of [[true, true], [true, false], [false, true]] as const) {
  const both = left && right;
  const how = both ? "both sides" : left ? "the caller alone" : "the one who is called alone";
  test(`checksums are finished for a peer when ${how} offered to: ${both ? "yes" : "no"}`, () => {
    const rig = new Rig();
    const [a, b] = [rig.add("a"), rig.add("b")];
    const ofA = ModelWorker.of(rig, a, { partialChecksum: left });
    const ofB = ModelWorker.of(rig, b, { partialChecksum: right });
    rig.connect(a, b);
    rig.run(100);
    assert.deepEqual([ofA, ofB].map((worker) => worker.currentOf(worker === ofA ? b : a)!.partialChecksum), [
      both,
      both,
    ]);
    const { payload, key } = unfinished();
    ofA.sendGre(b, encodeGre({ protocol: GreProtocol.ipv4, key }, payload));
    rig.run(20);
    assert.deepEqual(arrived(b), [both ? tcp4 : payload]);
  });
}

test("a packet as long as the path is said to carry is one message, with a key and without", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  const ofA = ModelWorker.of(rig, a, { partialChecksum: true });
  ModelWorker.of(rig, b, { partialChecksum: true });
  for (const { machine } of [a, b]) machine.measurePaths();
  rig.connect(a, b);
  rig.run(2_000);
  const { mtu } = a.of("path-mtu").at(-1)!;
  const payload = new Uint8Array(mtu!);
  const records = [{ key: unfinished().key }, {}].map((fields) =>
    encodeGre({ protocol: GreProtocol.ipv4, ...fields }, payload)
  );
  const { longest } = ofA.ways.get(b.id)!;
  assert.deepEqual(records.map(({ length }) => longest - length), [0, 4]);
  const datagrams = records.map((gre) => ofA.sendGre(b, gre).length);
  assert.deepEqual(datagrams.map((length) => length + 20 + 8), [1_500, 1_496]);
  assert.equal(mtu! + directOverhead[4], 1_500, "the whole overhead is what a packet with a key grows by");
});

test("a peer that offers nothing, without a worker, gets whole packets and gives them", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  const worker = ModelWorker.of(rig, a, { partialChecksum: true });
  rig.connect(b, a);
  rig.run(100);
  assert.equal(worker.currentOf(b)!.partialChecksum, false);
  worker.send(b, "to b");
  rig.send(b, a, "to a");
  rig.run(20);
  assert.deepEqual([b.received(), worker.received], [["to b"], ["to a"]]);
});

test("a key that names no checksum is malformed, and without an agreement no key is looked at", () => {
  const { payload, key } = unfinished();
  const wrong = [0, -1, key + 1, key + (1 << 16), (20 << 16) | 6, (payload.length << 16) | 16];
  for (const each of wrong) {
    const gre = encodeGre({ protocol: GreProtocol.ipv4, key: each >>> 0 }, payload);
    assert.equal(decodeRecord(gre, false, true), Drop.malformed);
    assert.deepEqual(decodeRecord(gre, true, false), {
      protocol: GreProtocol.ipv4,
      payload,
      forwarded: true,
    });
  }
  const frame = encodeGre({ protocol: GreProtocol.ethernet, key }, payload);
  assert.equal(decodeRecord(frame, false, true), Drop.malformed);
  const whole = encodeGre({ protocol: GreProtocol.ipv6 }, udp6);
  assert.deepEqual(decodeRecord(whole, false, true), {
    protocol: GreProtocol.ipv6,
    payload: udp6,
    forwarded: false,
  });
});
