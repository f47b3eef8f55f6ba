import assert from "node:assert/strict";
import { concatBytes } from "../../core/wire/bytes.ts";
import { test } from "../../tests/harness.ts";
import { memberMacKey } from "../noise/mac.ts";
import { protocol } from "./constants.ts";
import { faults } from "./fault.ts";
import { conclude, initiate, streamMacKey } from "./handshake.ts";
import { readResponse } from "./hello.ts";
import { answeringMachine, dialMachine, type StreamEvent, type StreamMachine } from "./machine.ts";
import { brief, call, maxFrame, member, networkKey, openCall, sealed, written } from "./machine_fixture.ts";
import { RecordKind, RecordWriter } from "./record.ts";

function byteByByte(machine: StreamMachine, bytes: Uint8Array): StreamEvent[] {
  return Array.from(bytes, (byte) => machine.receive(Uint8Array.of(byte))).flat();
}

test("a stream opens and carries frames both ways, however its bytes are cut", () => {
  const [near, far] = [member("near"), member("far")];
  const { dialler, listener, initiation } = call(near, far);
  const response = written(byteByByte(listener, initiation));
  const concluded = byteByByte(dialler, response);
  assert.deepEqual(brief(concluded), ["write", "opened"]);
  const opened = byteByByte(listener, written(concluded));
  assert.deepEqual(brief(opened), ["opened"]);
  assert.ok(opened[0]?.type === "opened");
  assert.deepEqual([opened[0].peer.id, opened[0].maxFrame], ["near", maxFrame]);
  for (const [sender, receiver] of [[dialler, listener], [listener, dialler]] as const) {
    const bytes = concatBytes(
      sealed(sender, new Uint8Array(20_000)),
      sealed(sender, Uint8Array.of(1)),
      sender.end(),
    );
    assert.deepEqual(brief(byteByByte(receiver, bytes)), [20_000, 1, "ended"]);
    assert.deepEqual(receiver.receiveEnd(), []);
  }
});

test("all that has been sent may arrive in one piece, a frame with the proof", () => {
  const { dialler, listener, initiation } = call(member("near"), member("far"));
  const proof = written(dialler.receive(written(listener.receive(initiation))));
  const all = concatBytes(proof, sealed(dialler, new Uint8Array(maxFrame)), dialler.end());
  assert.deepEqual(brief(listener.receive(all)), ["opened", maxFrame, "ended"]);
});

test("both sides replace their keys at the same record, and a side that does not is not understood", () => {
  const { dialler, listener } = openCall(member("near"), member("far"), 3);
  for (let i = 0; i < 20; i++) {
    assert.deepEqual(brief(listener.receive(sealed(dialler, Uint8Array.of(i)))), [1]);
    assert.deepEqual(brief(dialler.receive(sealed(listener, Uint8Array.of(i)))), [1]);
  }
  const [near, far] = [member("near"), member("far")];
  const never = dialMachine(near.local, far.peer, networkKey, 1_000);
  const often = answeringMachine(far.local, () => true, 3);
  assert.ok("machine" in never);
  const proof = written(never.machine.receive(written(often.receive(never.bytes))));
  const frames = Array.from({ length: 5 }, () => sealed(never.machine, new Uint8Array()));
  const got = brief(often.receive(concatBytes(proof, ...frames)));
  assert.deepEqual(got, ["opened", 0, 0, faults.badTag]);
});

test("no byte of a handshake can be changed", () => {
  const [near, far] = [member("near"), member("far")];
  const sample = call(near, far);
  const response = written(sample.listener.receive(sample.initiation));
  for (let at = 0; at < sample.initiation.length; at += 7) {
    const changed = sample.initiation.map((byte, i) => i === at ? byte ^ 1 : byte);
    const listener = answeringMachine(far.local, () => true);
    const events = [...listener.receive(changed), ...listener.receiveEnd()];
    assert.deepEqual(events.map(({ type }) => type), ["failed"], `byte ${at}`);
  }
  for (let at = 0; at < response.length; at += 7) {
    const again = call(near, far);
    const good = written(again.listener.receive(again.initiation));
    const changed = good.map((byte, i) => i === at ? byte ^ 1 : byte);
    const events = [...again.dialler.receive(changed), ...again.dialler.receiveEnd()];
    assert.deepEqual(events.map(({ type }) => type), ["failed"], `byte ${at}`);
  }
});

test("no byte of a record can be changed, and no record left out, repeated or moved", () => {
  for (let at = 0; at < 22; at++) {
    const { dialler, listener } = openCall();
    const record = sealed(dialler, Uint8Array.of(1, 2, 3));
    assert.equal(record.length, 22);
    record[at]! ^= 1;
    const events = [...listener.receive(record), ...listener.receiveEnd()];
    assert.deepEqual(events.map(({ type }) => type), ["failed"], `byte ${at}`);
  }
  const orders = [[1], [0, 0], [1, 0], [0, 2]];
  for (const order of orders) {
    const { dialler, listener } = openCall();
    const records = [1, 2, 3].map((length) => sealed(dialler, new Uint8Array(length)));
    const events = listener.receive(concatBytes(...order.map((i) => records[i]!)));
    assert.equal(brief(events).at(-1), faults.badTag, order.join());
  }
});

test("a stream that stops anywhere before its end was cut", () => {
  const whole = (machine: StreamMachine) => concatBytes(sealed(machine, new Uint8Array(40)), machine.end());
  const length = whole(openCall().dialler).length;
  for (let at = 0; at < length; at++) {
    const { dialler, listener } = openCall();
    const events = [...listener.receive(whole(dialler).subarray(0, at)), ...listener.receiveEnd()];
    assert.equal(brief(events).at(-1), faults.cut, `after ${at} bytes`);
  }
});

test("a frame over the limit ends the stream before it is whole", () => {
  const { dialler, listener } = openCall();
  const events = brief(listener.receive(sealed(dialler, new Uint8Array(maxFrame + 1))));
  assert.deepEqual(events, [faults.tooBig]);
  assert.equal(listener.buffered, 0);
});

test("records that nobody sends end the stream: of no kind, parts that are not full, an end within a frame", () => {
  const bad: [number, number][][] = [
    [[9, 0]],
    [[RecordKind.ready, 0]],
    [[RecordKind.part, 0]],
    [[RecordKind.part, protocol.recordData - 1]],
    [[RecordKind.end, 1]],
    [[RecordKind.part, protocol.recordData], [RecordKind.end, 0]],
    [[RecordKind.end, 0], [RecordKind.last, 0]],
  ];
  for (const records of bad) {
    const { writer, listener } = callWithWriter();
    listener.receive(writer.record(RecordKind.ready));
    const bytes = records.map(([kind, length]) => writer.record(kind as RecordKind, new Uint8Array(length)));
    assert.equal(brief(listener.receive(concatBytes(...bytes))).at(-1), faults.badRecord, String(records));
  }
});

/** A listener, and a dialler that writes whatever it likes. */
function callWithWriter() {
  const [near, far] = [member("near"), member("far")];
  const initiated = initiate(near.local, far.peer, networkKey);
  assert.ok("message" in initiated);
  const listener = answeringMachine(far.local, () => true);
  const response = readResponse(written(listener.receive(initiated.message)));
  assert.ok(typeof response === "object");
  const agreed = conclude(near.local, initiated.handshake, response.message, far.peer);
  assert.ok("keys" in agreed);
  const writer = new RecordWriter(agreed.keys.send);
  return { listener, writer };
}

test("the first record must be the proof", () => {
  for (const kind of [RecordKind.last, RecordKind.end, RecordKind.part]) {
    const { writer, listener } = callWithWriter();
    assert.deepEqual(brief(listener.receive(writer.record(kind))), [faults.badRecord]);
  }
});

test("an initiation that is played again is refused before any Diffie-Hellman", () => {
  const [near, far] = [member("near"), member("far")];
  const { listener, initiation } = call(near, far);
  written(listener.receive(initiation));
  const computed = countSecretUses(far.local.self.noise);
  const again = answeringMachine(far.local, () => true);
  assert.deepEqual(brief(again.receive(initiation)), [faults.replayed]);
  assert.equal(computed(), 0);
});

test("a stranger costs no Diffie-Hellman and is found out at its first wrong byte", () => {
  const [near, far, other] = [member("near"), member("far"), member("other")];
  const computed = countSecretUses(far.local.self.noise);
  const forOther = call(near, other).initiation;
  assert.deepEqual(brief(answeringMachine(far.local, () => true).receive(forOther)), [faults.badMac]);
  const wrongKey = { id: new Uint8Array(8).fill(7), secret: new Uint8Array(32).fill(7) };
  const stranger = dialMachine(near.local, far.peer, wrongKey);
  assert.ok("machine" in stranger);
  const early = answeringMachine(far.local, () => true);
  assert.deepEqual(brief(early.receive(stranger.bytes.subarray(0, 16))), [faults.badMac]);
  const http = answeringMachine(far.local, () => true);
  assert.deepEqual(brief(http.receive(new TextEncoder().encode("G"))), [faults.alien]);
  const future = stranger.bytes.map((byte, i) => i === 4 ? 2 : byte);
  assert.deepEqual(brief(answeringMachine(far.local, () => true).receive(future)), [faults.alien]);
  assert.equal(computed(), 0);
});

/** Every Diffie-Hellman with the static key reads the secret. */
function countSecretUses(noise: { readonly secretKey: Uint8Array }): () => number {
  let uses = 0;
  const { secretKey } = noise;
  Object.defineProperty(noise, "secretKey", { get: () => (uses++, secretKey) });
  return () => uses;
}

test("streams and datagrams share no key", () => {
  const [key, receiver] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  assert.notDeepEqual(streamMacKey(key, receiver), memberMacKey(key, receiver));
});

test("a failed machine takes everything and says nothing", () => {
  const { listener, initiation } = call(member("near"), member("far"));
  listener.receive(Uint8Array.of(0));
  assert.deepEqual([listener.receive(initiation), listener.receiveEnd(), listener.buffered], [[], [], 0]);
});

test("a node without a network, and a handshake with a longer message than there can be, have no stream", () => {
  const [near, far] = [member("near", false), member("far")];
  assert.equal(dialMachine(near.local, far.peer, networkKey), faults.noNetwork);
  const tooLong = Uint8Array.of(0x53, 0x4c, 0x56, 0x47, 1, 1, 0xff, 0xff);
  assert.deepEqual(brief(answeringMachine(far.local, () => true).receive(tooLong)), [faults.badHello]);
});
