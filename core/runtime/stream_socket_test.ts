import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import type { Endpoint } from "../contracts/values.ts";
import { dialStream, listenStreams, type StreamListener, type StreamSocket } from "./stream_socket.ts";

const never = new AbortController().signal;

/** Keeps what a socket tells, and lets a test wait for it. */
class Recorder {
  readonly socket: StreamSocket;
  bytes = 0;
  last: number | undefined;
  ended = false;
  closed = false;
  error: unknown;
  throwOnData = false;
  #waiting: { done: () => boolean; resolve: () => void }[] = [];

  constructor(socket: StreamSocket) {
    this.socket = socket;
    socket.attach({
      received: (chunk) => {
        if (this.throwOnData) throw new Error("the handler is broken");
        this.bytes += chunk.length;
        this.last = chunk.at(-1);
        this.#look();
      },
      ended: () => {
        this.ended = true;
        this.#look();
      },
      drained: () => this.#look(),
      closed: (error) => {
        this.closed = true;
        this.error = error;
        this.#look();
      },
    });
  }

  until(done: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ done, resolve });
      this.#look();
    });
  }

  #look(): void {
    const ready = this.#waiting.filter(({ done }) => done());
    this.#waiting = this.#waiting.filter((waiter) => !ready.includes(waiter));
    for (const { resolve } of ready) resolve();
  }
}

interface Pair {
  readonly near: Recorder;
  readonly far: Recorder;
  readonly listener: StreamListener;
}

async function onPair(
  body: (pair: Pair) => Promise<void>,
  listen = "127.0.0.1",
  dial = listen,
): Promise<void> {
  const accepted = Promise.withResolvers<Recorder>();
  const observer = {
    accepted: (socket: StreamSocket) => accepted.resolve(new Recorder(socket)),
    failed: () => {},
  };
  const listener = await listenStreams({ host: listen, port: 0 }, observer);
  const near = new Recorder(await dialStream({ host: dial, port: listener.local.port }, never));
  const far = await accepted.promise;
  try {
    await body({ near, far, listener });
  } finally {
    near.socket.reset();
    far.socket.reset();
    await listener.close();
  }
}

test("bytes arrive both ways, each way ends by itself, and then both sockets are closed", () =>
  onPair(async ({ near, far }) => {
    near.socket.write(new Uint8Array(100_000).fill(7));
    near.socket.end();
    await far.until(() => far.ended);
    assert.deepEqual([far.bytes, far.last, far.closed], [100_000, 7, false]);
    far.socket.write(Uint8Array.of(1, 2, 3));
    far.socket.end();
    await near.until(() => near.closed);
    await far.until(() => far.closed);
    assert.deepEqual([near.bytes, near.ended, near.error, far.error], [3, true, undefined, undefined]);
  }));

test("a paused reader stops the writer, whose queue stays until the reader goes on", () =>
  onPair(async ({ near, far }) => {
    far.socket.pause();
    const piece = new Uint8Array(1 << 20);
    for (let i = 0; i < 32; i++) near.socket.write(piece);
    await near.until(() => near.socket.queued < 32 << 20);
    assert.ok(near.socket.queued > 0, "the kernel takes not everything");
    assert.equal(far.bytes, 0);
    far.socket.resume();
    await far.until(() => far.bytes === 32 << 20);
    await near.until(() => near.socket.queued === 0);
  }));

test("after a reset the other side is closed, its own side without an error", () =>
  onPair(async ({ near, far }) => {
    near.socket.reset();
    near.socket.reset();
    near.socket.write(Uint8Array.of(1));
    near.socket.end();
    await near.until(() => near.closed);
    await far.until(() => far.closed || far.ended);
    assert.deepEqual([near.error, far.bytes], [undefined, 0]);
  }));

test("a handler that throws resets its socket alone", () =>
  onPair(async ({ near, far }) => {
    far.throwOnData = true;
    near.socket.write(Uint8Array.of(1));
    await far.until(() => far.closed);
    assert.match(String(far.error), /the handler is broken/);
    await near.until(() => near.closed || near.ended);
  }));

test("a listener of both families shows an IPv4 peer as IPv4", async () => {
  await onPair(
    async ({ far, near }) => {
      await Promise.resolve();
      assert.equal(far.socket.remote.host, "127.0.0.1");
      assert.ok(far.socket.remote.port > 0);
      assert.equal(near.socket.remote.host, "127.0.0.1");
    },
    "::",
    "127.0.0.1",
  );
  await onPair(
    async ({ far }) => {
      await Promise.resolve();
      assert.equal(far.socket.remote.host, "::1");
    },
    "::",
    "::1",
  );
});

test("a closed listener frees its port while what it accepted lives on", () =>
  onPair(async ({ near, far, listener }) => {
    const closing = listener.close();
    near.socket.write(Uint8Array.of(5));
    await far.until(() => far.bytes === 1);
    const again = await listenStreams(listener.local, { accepted: () => {}, failed: () => {} });
    assert.equal(again.local.port, listener.local.port);
    await again.close();
    near.socket.reset();
    far.socket.reset();
    await closing;
  }));

test("a taken port is BIND_FAILED and says what to do", async () => {
  const observer = { accepted: () => {}, failed: () => {} };
  const listener = await listenStreams({ host: "127.0.0.1", port: 0 }, observer);
  await assert.rejects(listenStreams(listener.local, observer), {
    code: "BIND_FAILED",
    message: new RegExp(
      `^Cannot bind TCP 127.0.0.1:${listener.local.port}: address in use; .* --listen, or .*`,
    ),
    details: { reason: "EADDRINUSE" },
  });
  await listener.close();
  await listener.close();
  await assert.rejects(listenStreams({ host: "localhost", port: 0 }, observer), { code: "INVALID_ARGUMENT" });
});

test("dialling nobody is UNREACHABLE, a dial given up is TIMEOUT, and a name is no endpoint", async () => {
  const observer = { accepted: () => {}, failed: () => {} };
  const listener = await listenStreams({ host: "127.0.0.1", port: 0 }, observer);
  await listener.close();
  await assert.rejects(dialStream(listener.local, never), {
    code: "UNREACHABLE",
    details: { reason: "ECONNREFUSED" },
  });
  await assert.rejects(dialStream(listener.local, AbortSignal.abort()), { code: "TIMEOUT" });
  const giveUp = new AbortController();
  const dialled = dialStream({ host: "192.0.2.1", port: 9 }, giveUp.signal);
  giveUp.abort();
  await assert.rejects(dialled, { code: "TIMEOUT" });
  const wrong: Endpoint[] = [{ host: "example.org", port: 1 }, { host: "127.0.0.1", port: 0 }];
  for (const to of wrong) await assert.rejects(dialStream(to, never), { code: "INVALID_ARGUMENT" });
});
