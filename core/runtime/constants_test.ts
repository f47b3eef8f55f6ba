/** The times and limits of this folder, once more in plain figures: a change of one of them must be meant. */
import assert from "node:assert/strict";
import { Socket } from "node:net";
import { test } from "../../tests/harness.ts";
import { systemClock } from "./clock.ts";
import { denoDatagrams } from "./deno_datagrams.ts";
import { defaultHttpLimits } from "./http_limits.ts";
import { dialStream, listenStreams, type StreamSocket } from "./stream_socket.ts";

/** Replaces a property for the length of `body`, which is synchronous. */
function replaced<T>(holder: object, name: string, value: unknown, body: () => T): T {
  const before = Object.getOwnPropertyDescriptor(holder, name);
  Object.defineProperty(holder, name, { value, configurable: true, writable: true });
  try {
    return body();
  } finally {
    if (before === undefined) Reflect.deleteProperty(holder, name);
    else Object.defineProperty(holder, name, before);
  }
}

test("what callers of an HTTP server may cost is what the documentation says", () => {
  assert.deepEqual(defaultHttpLimits, {
    connections: 64,
    graceMillis: 50,
    burst: 960,
    headerBytes: 16_384,
    headerMillis: 10_000,
    requestMillis: 30_000,
    idleMillis: 90_000,
    drainBytes: 4_194_304,
    drainMillis: 1_000,
    strangerDrainMillis: 50,
    strangerRequests: 50,
    closeMillis: 1_000,
  });
});

test("the platform is asked for a delay of 2^31 − 1 ms at most, for all of a shorter one, and for none below 0", () => {
  const delays: unknown[] = [];
  const clock = systemClock();
  replaced(globalThis, "setTimeout", (_run: unknown, delay: unknown) => delays.push(delay), () => {
    for (const left of [2 ** 40, 2 ** 31 + 60_000, 2 ** 31 - 60_000, -5]) {
      clock.timer(Math.floor(clock.now()) + left, () => {});
    }
  });
  assert.deepEqual([delays[0], delays[1], delays[3]], [2 ** 31 - 1, 2 ** 31 - 1, 0]);
  assert.ok(Number(delays[2]) <= 2 ** 31 - 60_000 && Number(delays[2]) > 2 ** 31 - 61_000);
});

test("a UDP socket of Deno that fails 64 times in a row is read no more, and what arrives between starts the count anew", async () => {
  const address = { transport: "udp", hostname: "127.0.0.1", port: 9 };
  let reads = 0;
  const receive = (buffer: Uint8Array) =>
    ++reads === 64 ? Promise.resolve([buffer.subarray(0, 1), address]) : Promise.reject(new Error("broken"));
  const listenDatagram = () => ({ addr: address, receive, send: () => {}, close: () => {} });
  const bind = replaced(globalThis, "Deno", { listenDatagram }, denoDatagrams);
  let [failures, datagrams] = [0, 0];
  const socket = await bind!({ host: "127.0.0.1", port: 0 }, () => failures++);
  socket.receive(() => datagrams++);
  for (let turn = 0; turn < 1_000; turn++) await Promise.resolve();
  assert.deepEqual([failures, datagrams, reads], [63 + 64, 1, 128]);
  await socket.close();
});

test("both ends of a TCP connection ask for a sign of life after a minute of silence", async () => {
  const asked: unknown[][] = [];
  const before = Socket.prototype.setKeepAlive;
  const accepted = Promise.withResolvers<StreamSocket>();
  const observer = { accepted: accepted.resolve, failed: accepted.reject };
  const listener = await listenStreams({ host: "127.0.0.1", port: 0 }, observer);
  try {
    Socket.prototype.setKeepAlive = function (this: Socket, ...what: unknown[]) {
      asked.push(what);
      return this;
    };
    const dialled = await dialStream(listener.local, AbortSignal.timeout(10_000));
    (await accepted.promise).reset();
    dialled.reset();
  } finally {
    Socket.prototype.setKeepAlive = before;
    await listener.close();
  }
  assert.deepEqual(asked, [[true, 60_000], [true, 60_000]]);
});
