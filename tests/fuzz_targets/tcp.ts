/** Fuzz targets of TCP streams: what a stranger, a false listener or a member in the middle of a stream may send. */
import assert from "node:assert/strict";
import { seededRandom } from "../../core/identity/fake_members.ts";
import type { PeerId } from "../../core/contracts/values.ts";
import { generateKeyPair } from "../../core/noise/dh.ts";
import { concatBytes } from "../../core/wire/bytes.ts";
import type { StreamSocket, StreamSocketHandler } from "../../core/runtime/stream_socket.ts";
import { Carrier } from "../../plugins/tcp/carrier.ts";
import { limits, protocol } from "../../plugins/tcp/constants.ts";
import { datagramPreface, DatagramReader, encodeFrame } from "../../plugins/tcp/datagram_frames.ts";
import { Doorway } from "../../plugins/tcp/doorway.ts";
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

const sampleDatagrams = [Uint8Array.of(1, 2, 3), new Uint8Array(500).fill(6), new Uint8Array(1)];
const sampleFrames = concatBytes(...sampleDatagrams.map(encodeFrame));

/** What is handed over is what came, in order; what is held is less than one datagram. */
const datagramTarget: FuzzTarget = {
  name: "tcp-datagrams",
  seeds: [sampleFrames, sampleFrames.subarray(0, 40)],
  words: [Uint8Array.of(0, 0), Uint8Array.of(0xff, 0xe3), Uint8Array.of(0xff, 0xe4)],
  run(input) {
    const reader = new DatagramReader();
    let at = 0;
    for (const chunk of chunksOf(input)) {
      const fault = reader.receive(chunk, (datagram) => {
        const frame = encodeFrame(datagram);
        assert.deepEqual(frame, input.slice(at, at + frame.length));
        at += frame.length;
        return true;
      });
      if (fault !== undefined) return at > 0;
      assert.ok(reader.buffered <= protocol.datagramLength + 1, `${reader.buffered} bytes are held`);
    }
    assert.equal(at + reader.buffered, input.length);
    return at > 0;
  },
};

/** A connection whose bytes a target makes up. */
class FakeSocket implements StreamSocket {
  readonly remote = { host: "192.0.2.1", port: 50_000 };
  readonly queued = 0;
  handler!: StreamSocketHandler;
  isOver = false;

  attach(handler: StreamSocketHandler): void {
    this.handler = handler;
  }

  reset(): void {
    this.isOver = true;
  }

  write(): void {}
  pause(): void {}
  resume(): void {}
  end(): void {}
}

/** A connection that nobody answers: it carries what begins as datagrams and no more than its share, and ends once. */
const doorTarget: FuzzTarget = {
  name: "tcp-door",
  seeds: [
    concatBytes(datagramPreface, sampleFrames),
    initiation.subarray(0, 40),
    datagramPreface.slice(0, 5),
  ],
  words: [datagramPreface, datagramPreface.subarray(0, 5)],
  run(input) {
    const socket = new FakeSocket();
    const clock = { now: () => 0, wall: () => 0, timer: () => ({ cancel: () => {} }) };
    let [arrived, ends, streamed] = [0, 0, 0];
    const carrier = () =>
      new Carrier(socket, clock, {
        hasDialled: false,
        arrived: (datagram) => void (arrived += datagram.length),
        proved: () => undefined,
        dropped: () => {},
        finished: () => void ends++,
      });
    const stream: StreamSocketHandler = {
      received: (chunk) => void (streamed += chunk.length),
      ended: () => {},
      drained: () => {},
      closed: () => void ends++,
    };
    const enter = (kind: "stream" | "datagrams") => {
      if (kind === "datagrams") return carrier();
      socket.attach(stream);
      return stream;
    };
    new Doorway(socket, clock, { entered: enter, left: () => void ends++ });
    for (const chunk of chunksOf(input)) if (!socket.isOver) socket.handler.received(chunk);
    socket.handler.closed();
    assert.equal(ends, 1);
    assert.ok(arrived <= limits.unprovedBytes + longestChunk);
    assert.ok(streamed === 0 || (streamed === input.length && arrived === 0), "a stream gets all of it");
    return arrived > 0 || streamed > 0;
  },
};

export const tcpTargets: readonly FuzzTarget[] = [
  listenerTarget,
  diallerTarget,
  recordTarget,
  datagramTarget,
  doorTarget,
];
