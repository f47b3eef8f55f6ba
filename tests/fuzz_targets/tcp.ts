/** Fuzz targets of TCP streams: what a stranger, a false listener or a member in the middle of a stream may send. */
import assert from "node:assert/strict";
import { seededRandom } from "../../core/identity/fake_members.ts";
import type { PeerId } from "../../core/contracts/values.ts";
import { generateKeyPair } from "../../core/noise/dh.ts";
import { concatBytes } from "../../core/wire/bytes.ts";
import { protocol } from "../../plugins/tcp/constants.ts";
import type { Local } from "../../plugins/tcp/handshake.ts";
import { Inbox } from "../../plugins/tcp/inbox.ts";
import { answeringMachine, dialMachine, type StreamMachine } from "../../plugins/tcp/machine.ts";
import { RecordKind, RecordReader, RecordWriter } from "../../plugins/tcp/record.ts";
import { Remembered } from "../../plugins/tcp/remembered.ts";
import { FakeMembership, fakeNetworkKey } from "../conformance/member_host.ts";
import { nativeX25519 } from "../noise/native_x25519.ts";
import type { FuzzTarget } from "../proofs/fuzz/target.ts";

const maxFrame = 50_000;
const networkKey = fakeNetworkKey(1);
const longestChunk = 64;
/** A handshake message with its framing, or a record: what a machine may hold of something that is not whole. */
const mostHeld = Math.max(protocol.handshakeLength + 32, maxFrame + 2 * protocol.recordData);

const keys = { near: generateKeyPair(seededRandom("near")), far: generateKeyPair(seededRandom("far")) };

/** The same in every run, ephemeral keys too: an input that was found once is found again. */
function local(name: "near" | "far"): Local {
  return {
    self: { id: name as PeerId, noise: keys[name] },
    membership: new FakeMembership(name),
    random: seededRandom(`${name} ephemeral`),
    curve: nativeX25519,
    maxFrame,
    remembered: new Remembered(16),
  };
}

function dial() {
  const dialled = dialMachine(
    local("near"),
    { id: "far" as PeerId, noiseKey: keys.far.publicKey },
    networkKey,
  );
  assert.ok("machine" in dialled);
  return dialled;
}

const initiation = dial().bytes;
const response = writtenBy(answeringMachine(local("far"), () => true), initiation);
const proof = writtenBy(dial().machine, response);

function writtenBy(machine: StreamMachine, bytes: Uint8Array): Uint8Array {
  const events = machine.receive(bytes);
  return concatBytes(...events.flatMap((event) => event.type === "write" ? [event.bytes] : []));
}

/** True when the machine got somewhere: it answered, opened or delivered. */
function feed(machine: StreamMachine, input: Uint8Array): boolean {
  const events = [];
  for (const chunk of chunksOf(input)) {
    events.push(...machine.receive(chunk));
    assert.ok(machine.buffered <= mostHeld, `${machine.buffered} bytes are held`);
  }
  events.push(...machine.receiveEnd());
  const failed = events.filter(({ type }) => type === "failed");
  assert.ok(
    failed.length <= 1 && (failed.length === 0 || events.at(-1) === failed[0]),
    "it fails once and last",
  );
  assert.ok(events.some(({ type }) => type === "ended") || failed.length === 1, "a cut is never an end");
  if (failed.length === 1) assert.equal(machine.buffered, 0);
  for (const event of events) if (event.type === "frame") assert.ok(event.frame.length <= maxFrame);
  return events.length > failed.length;
}

/** Pieces of 1 to 64 bytes that follow from the input. */
function* chunksOf(input: Uint8Array): Iterable<Uint8Array> {
  for (let at = 0; at < input.length;) {
    const length = 1 + ((input[at]! * 31 + at) % longestChunk);
    yield input.subarray(at, at += length);
  }
}

const listenerTarget: FuzzTarget = {
  name: "tcp-listener",
  seeds: [initiation, concatBytes(initiation, proof), initiation.subarray(0, 60)],
  words: [initiation.subarray(0, 8), initiation.subarray(8, 16), proof],
  run: (input) => feed(answeringMachine(local("far"), () => true), input),
};

const diallerTarget: FuzzTarget = {
  name: "tcp-dialler",
  seeds: [response, response.subarray(0, 40)],
  words: [response.subarray(0, 8)],
  run: (input) => feed(dial().machine, input),
};

const recordKey = () => new Uint8Array(32).fill(5);

function sampleRecords(): readonly Uint8Array[] {
  const writer = new RecordWriter(recordKey());
  const records = [
    writer.record(RecordKind.ready),
    writer.record(RecordKind.last, Uint8Array.of(1, 2, 3)),
    writer.record(RecordKind.part, new Uint8Array(400)),
    writer.record(RecordKind.end),
  ];
  return [concatBytes(...records), concatBytes(...records.slice(0, 2)), records[0]!];
}

/** Whatever is opened was sealed, in its order: the samples and their beginnings are all that can be. */
const recordTarget: FuzzTarget = {
  name: "tcp-record",
  seeds: sampleRecords(),
  words: [Uint8Array.of(0, 17), Uint8Array.of(0x40, 0x11), Uint8Array.of(0xff, 0xff)],
  run(input) {
    const [reader, inbox] = [new RecordReader(recordKey()), new Inbox()];
    let opened = 0;
    for (const chunk of chunksOf(input)) {
      inbox.append(chunk);
      for (let read = reader.read(inbox.bytes); read !== "more"; read = reader.read(inbox.bytes)) {
        if (typeof read === "string") return opened > 0;
        assert.ok(read.data.length <= protocol.recordData && read.length <= inbox.length);
        inbox.take(read.length);
        opened++;
      }
      assert.ok(inbox.length <= protocol.recordData + 19 + longestChunk, `${inbox.length} bytes are held`);
    }
    return opened > 0;
  },
};

export const tcpTargets: readonly FuzzTarget[] = [listenerTarget, diallerTarget, recordTarget];
