import assert from "node:assert/strict";
import type { FramedStream } from "../../core/contracts/transport.ts";
import type { StreamSocket, StreamSocketHandler } from "../../core/runtime/stream_socket.ts";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import { Connection } from "./connection.ts";
import { limits, protocol } from "./constants.ts";
import { type Fault, faults } from "./fault.ts";
import type { StreamMachine } from "./machine.ts";
import { brief, call, member, sealed, written } from "./machine_fixture.ts";

/** The kernel takes nothing by itself, and the test plays the other side. */
class FakeSocket implements StreamSocket {
  readonly remote = { host: "192.0.2.1", port: 4_000 };
  queued = 0;
  most = 0;
  isPaused = false;
  isReset = false;
  hasEnded = false;
  handler!: StreamSocketHandler;
  #written: Uint8Array[] = [];

  attach(handler: StreamSocketHandler): void {
    this.handler = handler;
  }

  write(bytes: Uint8Array): void {
    this.queued += bytes.length;
    this.most = Math.max(this.most, this.queued);
    this.#written.push(bytes);
  }

  /** Lets everything go, and gives it. */
  drain(): Uint8Array[] {
    const written = this.#written;
    this.#written = [];
    this.queued = 0;
    this.handler.drained();
    return written;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  end(): void {
    this.hasEnded = true;
  }

  reset(): void {
    this.isReset = true;
  }
}

interface Rig {
  readonly clock: SimClock;
  readonly socket: FakeSocket;
  readonly stream: FramedStream;
  /** The other side. */
  readonly dialler: StreamMachine;
  /** How it finished; `[]` while it has not. */
  readonly finished: (Fault | undefined)[];
}

function openConnection(): Rig {
  const { dialler, listener, initiation } = call(member("near"), member("far"));
  const [clock, socket] = [new SimClock(), new FakeSocket()];
  const streams: FramedStream[] = [];
  const finished: (Fault | undefined)[] = [];
  new Connection(socket, listener, clock, {
    opened: (stream) => streams.push(stream),
    finished: (fault) => finished.push(fault),
  });
  socket.handler.received(initiation);
  socket.handler.received(written(dialler.receive(socket.drain()[0]!)));
  return { clock, socket, stream: streams[0]!, dialler, finished };
}

test("of a sender that is never drained, no more waits than the limit and one record", async () => {
  const { clock, socket, stream, dialler } = openConnection();
  const frame = new Uint8Array(65_536);
  const sends = Promise.all(Array.from({ length: 100 }, () => stream.send(frame)));
  let arrived = 0;
  for (let round = 0; arrived < 100; round++) {
    await clock.advance(0);
    assert.ok(socket.queued > 0 || round > 100, "it stands still with room left");
    for (const bytes of socket.drain()) {
      arrived += dialler.receive(bytes).filter(({ type }) => type === "frame").length;
    }
  }
  await sends;
  assert.ok(socket.most > limits.sendQueue - protocol.recordData, "the limit is used");
  assert.ok(socket.most < limits.sendQueue + protocol.recordData + 32, `${socket.most} bytes waited`);
});

test("frames that nobody reads stop the socket, and reading lets it go on", async () => {
  const { clock, socket, stream, dialler } = openConnection();
  let fed = 0;
  for (; !socket.isPaused; fed++) socket.handler.received(sealed(dialler, new Uint8Array(65_536)));
  assert.equal(fed, Math.ceil(limits.receiveQueue / 65_536));
  const frames = stream.frames()[Symbol.asyncIterator]();
  await clock.complete(frames.next());
  assert.equal(socket.isPaused, false);
});

test("frames without a byte stop the socket as well", () => {
  const { socket, dialler } = openConnection();
  let fed = 0;
  for (; !socket.isPaused && fed < 10_000; fed++) socket.handler.received(sealed(dialler, new Uint8Array()));
  assert.ok(fed < 4_096);
});

test("a frame that does not become whole in time ends the stream, one that moves slowly too", async () => {
  const { clock, socket, stream, dialler, finished } = openConnection();
  const reading = Array.fromAsync(stream.frames());
  reading.catch(() => {});
  const frame = sealed(dialler, new Uint8Array(100));
  for (let at = 0; at < 60 && finished.length === 0; at++) {
    socket.handler.received(frame.subarray(at, at + 1));
    await clock.advance(1_000);
  }
  assert.deepEqual([clock.now(), finished, socket.isReset], [limits.frameMillis, [faults.slowFrame], true]);
  await assert.rejects(reading, { code: "TIMEOUT" });
});

test("a frame is not late while this side does not read, and has its time anew afterwards", async () => {
  const { clock, socket, stream, dialler, finished } = openConnection();
  const next = sealed(dialler, new Uint8Array(300_000).subarray(0, 100_000));
  socket.handler.received(next);
  while (!socket.isPaused) socket.handler.received(sealed(dialler, new Uint8Array(99_000)));
  const begun = sealed(dialler, new Uint8Array(10));
  socket.handler.received(begun.subarray(0, 5));
  await clock.advance(10 * limits.idleMillis);
  assert.deepEqual(finished, []);
  const frames = stream.frames()[Symbol.asyncIterator]();
  while (socket.isPaused) await clock.complete(frames.next());
  await clock.advance(limits.frameMillis - 1);
  assert.deepEqual(finished, []);
  await clock.advance(1);
  assert.deepEqual(finished, [faults.slowFrame]);
});

test("a stream on which nothing moves ends, and what moves in either direction keeps it", async () => {
  const { clock, socket, stream, dialler, finished } = openConnection();
  await clock.advance(limits.idleMillis - 1);
  socket.handler.received(sealed(dialler, Uint8Array.of(1)));
  await clock.advance(limits.idleMillis - 1);
  await clock.complete(stream.send(Uint8Array.of(1)));
  socket.drain();
  await clock.advance(limits.idleMillis - 1);
  assert.deepEqual(finished, []);
  await clock.advance(1);
  assert.deepEqual(finished, [faults.idle]);
  assert.equal(clock.pending, 0);
});

test("closing gives the other side five seconds after it last took something", async () => {
  const { clock, socket, stream, dialler, finished } = openConnection();
  const closing = stream.close();
  await clock.advance(limits.lingerMillis - 1);
  assert.deepEqual(brief(dialler.receive(socket.drain()[0]!)), ["ended"]);
  await clock.advance(limits.lingerMillis - 1);
  assert.deepEqual(finished, []);
  await clock.complete(closing);
  assert.deepEqual([finished, socket.hasEnded, socket.isReset], [[faults.lingered], true, true]);
});

test("a connection is whole when both sides have ended, and cut when it broke before", async () => {
  for (const broken of [undefined, new Error("ECONNRESET")]) {
    const { clock, socket, stream, dialler, finished } = openConnection();
    await clock.complete(stream.end());
    socket.handler.received(dialler.end());
    socket.handler.ended();
    socket.handler.closed(broken);
    assert.deepEqual(finished, [broken === undefined ? undefined : faults.cut]);
    assert.equal(clock.pending, 0);
  }
});

test("a handshake that takes too long ends the connection", async () => {
  const { listener, initiation } = call(member("near"), member("far"));
  const [clock, socket] = [new SimClock(), new FakeSocket()];
  const finished: (Fault | undefined)[] = [];
  new Connection(socket, listener, clock, { opened: () => {}, finished: (fault) => finished.push(fault) });
  for (let at = 0; at < 60; at++) {
    socket.handler.received(initiation.subarray(at, at + 1));
    await clock.advance(100);
  }
  assert.deepEqual([finished, socket.isReset], [[faults.slowHandshake], true]);
});
