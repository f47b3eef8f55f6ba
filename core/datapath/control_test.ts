import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import type { Address } from "../contracts/values.ts";
import { parseAddress } from "../wire/address.ts";
import {
  type Command,
  commandLength,
  decodeCommand,
  encodeCommand,
  type OpenSession,
  receiveCommands,
  sendCommand,
  slotLimit,
} from "./control.ts";
import { RingConsumer, ringMemory, RingProducer } from "./ring.ts";

const session: OpenSession = {
  kind: "open-session",
  slot: 3,
  peer: slotLimit - 1,
  localIndex: -5,
  remoteIndex: 0x7fff_fff0,
  cipher: "aes-256-gcm",
  sendKey: new Uint8Array(32).fill(0xaa),
  receiveKey: new Uint8Array(32).fill(0xbb),
  partialChecksum: true,
};

function record<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true });
}

const words = (max: number) =>
  fc.uint8Array({ minLength: 0, maxLength: max }).map((b) => Uint32Array.from(b));
const slots = fc.nat(slotLimit - 1);
const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
const address: fc.Arbitrary<Address> = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => ({ family: 4 as const, bytes })),
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => ({ family: 6 as const, bytes })),
);
const host = record({
  address,
  mac: fc.uint8Array({ minLength: 6, maxLength: 6 }),
});

const port = fc.nat(65_535);
const flow = fc.constantFrom(4, 16).chain((length) => {
  const end = fc.uint8Array({ minLength: length, maxLength: length })
    .map((bytes) => ({ family: length === 4 ? 4 as const : 6 as const, bytes }));
  const direction = fc.constantFrom("ingress" as const, "egress" as const);
  return record({
    direction,
    protocol: fc.nat(255),
    source: end,
    destination: end,
    sourcePort: port,
    destinationPort: port,
  });
});

const commands: fc.Arbitrary<Command> = fc.oneof(
  record({
    kind: fc.constantFrom("detach" as const),
    descriptor: fc.nat(),
  }),
  record({ kind: fc.constant("confirm" as const), slot: slots }),
  record({
    kind: fc.constant("attach-socket" as const),
    descriptor: fc.nat(),
    family: fc.constantFrom(4 as const, 6 as const),
  }),
  record({ kind: fc.constant("attach-tap" as const), descriptor: fc.nat() }),
  record({ kind: fc.constant("stop" as const) }),
  record({ kind: fc.constant("end-session" as const), slot: slots }),
  record({
    kind: fc.constant("open-session" as const),
    slot: slots,
    peer: slots,
    localIndex: fc.integer(),
    remoteIndex: fc.integer(),
    cipher: fc.constantFrom("aes-256-gcm" as const, "chacha20-poly1305" as const),
    sendKey: key,
    receiveKey: key,
    partialChecksum: fc.boolean(),
  }),
  record({
    kind: fc.constant("peer" as const),
    slot: slots,
    session: fc.integer({ min: -1, max: slotLimit - 1 }),
    longest: fc.nat(65_535),
    isUp: fc.boolean(),
    isPlain: fc.boolean(),
    sockaddr: fc.constantFrom(0, 16, 28).chain((length) =>
      fc.uint8Array({ minLength: length, maxLength: length })
    ),
    source: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  }),
  record({
    kind: fc.constant("relay" as const),
    slot: fc.constant(slotLimit - 1),
    via: fc.integer({ min: -1, max: slotLimit - 2 }),
    takes: fc.boolean(),
    tag: fc.uint8Array({ minLength: 8, maxLength: 8 }),
  }),
  record({
    kind: fc.constant("relaying" as const),
    bytesPerSecond: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    packetsPerSecond: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  }),
  record({ kind: fc.constant("routes" as const), version: fc.maxSafeNat(), v4: words(9), v6: words(18) }),
  record({ kind: fc.constant("judge" as const), seed: fc.integer() }),
  record({ kind: fc.constant("verdict" as const), epoch: fc.integer(), flow, allow: fc.boolean() }),
  record({ kind: fc.constant("locals" as const), hosts: fc.array(host, { maxLength: 5 }) }),
);

test("every command is read as it was written, at any offset, and writes no byte beside it", () => {
  fc.assert(
    fc.property(commands, fc.nat(9), (command, offset) => {
      const length = commandLength(command);
      const bytes = new Uint8Array(offset + length + 5).fill(0xee);
      encodeCommand(command, bytes, offset);
      assert.deepEqual(decodeCommand(bytes, offset, length), command);
      const around = [...bytes.subarray(0, offset), ...bytes.subarray(offset + length)];
      assert.ok(around.every((byte) => byte === 0xee));
    }),
    { seed: 4, numRuns: 1500 },
  );
});

test("a receiver index of 32 bits is read back as a signed number", () => {
  const bytes = new Uint8Array(commandLength(session));
  encodeCommand({ ...session, localIndex: 0xffff_ffff, remoteIndex: 0x8000_0000 }, bytes, 0);
  const read = decodeCommand(bytes, 0, bytes.length);
  assert.ok(read?.kind === "open-session");
  assert.deepEqual([read.localIndex, read.remoteIndex], [-1, -(2 ** 31)]);
});

test("a record that is cut, longer, of another kind, or says what cannot be is no command", () => {
  const peer = {
    kind: "peer",
    slot: 1,
    session: -1,
    longest: 1400,
    isUp: true,
    isPlain: false,
    sockaddr: new Uint8Array(28),
    source: new Uint8Array(16).fill(9),
  } as const;
  const locals: Command = {
    kind: "locals",
    hosts: [{ address: parseAddress("10.0.0.1")!, mac: new Uint8Array(6) }],
  };
  const end = parseAddress("10.0.0.1")!;
  const ends = { source: end, destination: end, sourcePort: 1, destinationPort: 2 };
  const told = { direction: "egress", protocol: 6, ...ends } as const;
  const verdict: Command = { kind: "verdict", epoch: 1, flow: told, allow: true };
  const routes: Command = { kind: "routes", version: 5, v4: Uint32Array.of(1, 2, 3), v6: new Uint32Array(0) };
  /** Of each command a word, and what must not stand there. */
  const lies: [Command, [number, number][]][] = [
    [session, [[0, 0], [0, 10], [1, slotLimit], [2, slotLimit], [5, 0], [5, 3]]],
    [peer, [[1, -1], [2, -2], [2, slotLimit], [3, 65_536], [5, 15], [5, 29]]],
    [locals, [[1, 0], [1, 2], [1, 0x0800_0001], [2, 5]]],
    [routes, [[3, 2], [3, 4], [4, 1], [3, 0x4000_0003], [2, 0x7ff0_0000]]],
    [{ kind: "attach-socket", descriptor: 5, family: 4 }, [[1, -1], [2, 5]]],
    [{ kind: "end-session", slot: 5 }, [[1, slotLimit]]],
    [verdict, [[2, 0x0001_0605], [2, 0x0002_0604], [2, 0x0201_0604], [2, 0x0101_0600]]],
    [{ kind: "relay", slot: 5, via: 4, takes: true, tag: new Uint8Array(8) }, [[1, slotLimit], [2, 5]]],
  ];
  for (const [command, changes] of lies) {
    const bytes = new Uint8Array(commandLength(command) + 4);
    encodeCommand(command, bytes, 0);
    const length = bytes.length - 4;
    assert.deepEqual(decodeCommand(bytes, 0, length), command);
    for (let cut = 0; cut < length; cut++) assert.equal(decodeCommand(bytes, 0, cut), undefined);
    assert.equal(decodeCommand(bytes, 0, length + 4), undefined);
    assert.equal(decodeCommand(bytes, 8, length), undefined);
    for (const [word, value] of changes) {
      const changed = bytes.slice(0, length);
      new DataView(changed.buffer).setInt32(4 * word, value, true);
      assert.equal(decodeCommand(changed, 0, length), undefined, `${command.kind}: ${value} as word ${word}`);
    }
  }
});

test("a command or nothing comes of any bytes", () => {
  fc.assert(
    fc.property(commands, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), (command, changes) => {
      const bytes = new Uint8Array(commandLength(command));
      encodeCommand(command, bytes, 0);
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      const read = decodeCommand(bytes, 0, bytes.length);
      if (read !== undefined) assert.ok(commandLength(read) === bytes.length);
    }),
    { seed: 5, numRuns: 3000 },
  );
});

test("commands cross a ring in order, keys are gone from it afterwards, and what is unknown is counted", () => {
  const memory = ringMemory(1024);
  const [producer, consumer] = [new RingProducer(memory), new RingConsumer(memory)];
  assert.equal(sendCommand(producer, session), true);
  const unknown = producer.reserve(40);
  producer.bytes.fill(0x77, unknown, unknown + 40);
  producer.commit();
  assert.equal(sendCommand(producer, { kind: "stop" }), true);
  const seen: string[] = [];
  const refused = receiveCommands(consumer, 10, (command) => {
    seen.push(command.kind);
    if (command.kind === "open-session") {
      assert.deepEqual([...command.sendKey, ...command.receiveKey], [
        ...session.sendKey,
        ...session.receiveKey,
      ]);
    }
  });
  assert.deepEqual([seen, refused], [["open-session", "stop"], 1]);
  for (const byte of [0xaa, 0xbb, 0x77]) assert.equal(consumer.bytes.includes(byte), false);
});

test("keys are wiped from the ring also when the handler fails, and no more than `most` are handled at once", () => {
  const memory = ringMemory(1024);
  const [producer, consumer] = [new RingProducer(memory), new RingConsumer(memory)];
  for (let i = 0; i < 3; i++) sendCommand(producer, session);
  assert.throws(() =>
    receiveCommands(consumer, 1, () => {
      throw new Error("the library refuses the key");
    }), /refuses/);
  let handled = 0;
  receiveCommands(consumer, 1, () => handled++);
  assert.equal(handled, 1);
  receiveCommands(consumer, 9, () => handled++);
  assert.equal(handled, 2);
  assert.equal(consumer.bytes.includes(0xaa), false);
});

test("a command for which there is no room is refused as a whole", () => {
  const memory = ringMemory(256);
  const [producer, consumer] = [new RingProducer(memory), new RingConsumer(memory)];
  const routes: Command = { kind: "routes", version: 1, v4: new Uint32Array(30), v6: new Uint32Array(0) };
  assert.equal(sendCommand(producer, routes), false);
  assert.equal(sendCommand(producer, session), true);
  assert.equal(sendCommand(producer, session), true);
  assert.equal(sendCommand(producer, session), false);
  let handled = 0;
  assert.equal(receiveCommands(consumer, 9, () => handled++), 0);
  assert.equal(handled, 2);
});
