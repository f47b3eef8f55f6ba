/** Datagrams in connections: two transports on loopback, and bare sockets that behave badly. */
import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import type { StreamDatagrams } from "../../core/contracts/transport.ts";
import type { Endpoint } from "../../core/contracts/values.ts";
import { dialStream, listenStreams, type StreamSocket } from "../../core/runtime/stream_socket.ts";
import { concatBytes } from "../../core/wire/bytes.ts";
import { streamEndpoint } from "../../core/wire/stream_endpoint.ts";
import { MemberHost } from "../../tests/conformance/member_host.ts";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import { limits } from "./constants.ts";
import { datagramPreface, encodeFrame } from "./datagram_frames.ts";
import { tcp } from "./mod.ts";
import type { TcpTransport } from "./tcp_transport.ts";

const never = new AbortController().signal;
const hello = Uint8Array.of(1, 2, 3);

interface Heard {
  readonly bytes: readonly number[];
  readonly from: Endpoint;
}

class Station {
  readonly host: MemberHost;
  readonly transport: TcpTransport;
  readonly heard: Heard[] = [];
  /** Every datagram is answered with itself. */
  answers = false;
  #waiting: (() => void)[] = [];

  constructor(name: string, clock: SimClock, options: Parameters<typeof tcp>[0]) {
    this.host = new MemberHost(name, clock);
    this.transport = tcp({ listen: "127.0.0.1:0", ...options }).create(this.host) as TcpTransport;
    this.transport.accept((stream) => stream.reset());
    this.transport.streamDatagrams?.receive((datagram, from) => {
      this.heard.push({ bytes: [...datagram], from });
      if (this.answers) this.datagrams.send(datagram, from);
      for (const resolve of this.#waiting.splice(0)) resolve();
    });
  }

  get datagrams(): StreamDatagrams {
    return this.transport.streamDatagrams!;
  }

  get place(): Endpoint {
    return streamEndpoint(this.transport.localEndpoints()[0]!);
  }

  async heardAll(count: number): Promise<void> {
    while (this.heard.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}

/** A bare connection, and what came on it. */
class Raw {
  readonly socket: StreamSocket;
  readonly closed: Promise<void>;
  received = 0;
  #waiting: (() => void)[] = [];

  constructor(socket: StreamSocket) {
    this.socket = socket;
    this.closed = new Promise((closed) => {
      const received = (chunk: Uint8Array) => {
        this.received += chunk.length;
        for (const resolve of this.#waiting.splice(0)) resolve();
      };
      socket.attach({ received, drained: () => {}, ended: closed, closed: () => closed() });
    });
  }

  async has(bytes: number): Promise<void> {
    while (this.received < bytes) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}

class Rig implements AsyncDisposable {
  readonly clock = new SimClock();
  readonly #stack = new AsyncDisposableStack();

  async station(name: string, options: Parameters<typeof tcp>[0] = {}): Promise<Station> {
    const station = new Station(name, this.clock, options);
    this.#stack.defer(async () => await station.transport[Symbol.asyncDispose]());
    await station.transport.start();
    return station;
  }

  /** Writes these first. */
  async raw(to: Station, ...bytes: readonly Uint8Array[]): Promise<Raw> {
    const raw = new Raw(await dialStream(to.transport.localEndpoints()[0]!, never));
    this.#stack.defer(() => raw.socket.reset());
    if (bytes.length > 0) raw.socket.write(concatBytes(...bytes));
    return raw;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

test("datagrams cross a connection both ways, and come from the place at its other end", async () => {
  await using rig = new Rig();
  const [near, far] = [await rig.station("near"), await rig.station("far")];
  far.answers = true;
  await near.datagrams.open(far.place);
  await near.datagrams.open(far.place);
  assert.ok(near.datagrams.send(hello, far.place));
  assert.ok(near.datagrams.send(new Uint8Array(65_507), far.place));
  await near.heardAll(2);
  assert.deepEqual(near.heard[0], { bytes: [...hello], from: far.place });
  assert.equal(near.heard[1]!.bytes.length, 65_507);
  assert.match(far.heard[0]!.from.host, /^tcp\/127\.0\.0\.1$/);
  assert.ok(far.datagrams.send(hello, far.heard[0]!.from), "the listener may speak first later on");
  await near.heardAll(3);
  assert.deepEqual([near.host.counted, far.host.counted], [[], []]);
});

test("without a connection, and for what fits no frame, nothing is sent and it is counted", async () => {
  await using rig = new Rig();
  const [near, far] = [await rig.station("near"), await rig.station("far")];
  assert.ok(!near.datagrams.send(hello, far.place));
  await near.datagrams.open(far.place);
  assert.ok(!near.datagrams.send(new Uint8Array(65_508), far.place));
  assert.ok(!near.datagrams.send(new Uint8Array(), far.place));
  assert.deepEqual(near.host.counted, [Drop.underlay, Drop.tooBig, Drop.tooBig]);
});

test("a port where nobody listens is UNREACHABLE, and so is every place when the transport has stopped", async () => {
  await using rig = new Rig();
  const [near, far] = [await rig.station("near"), await rig.station("far")];
  const { place } = far;
  await far.transport[Symbol.asyncDispose]();
  await assert.rejects(near.datagrams.open(place), { code: "UNREACHABLE" });
  await near.transport[Symbol.asyncDispose]();
  await assert.rejects(near.datagrams.open(place));
});

test("a preface in single bytes is one, and what follows it at once is heard", async () => {
  await using rig = new Rig();
  const far = await rig.station("far");
  const raw = await rig.raw(far);
  for (const byte of datagramPreface) raw.socket.write(Uint8Array.of(byte));
  raw.socket.write(encodeFrame(hello));
  await rig.raw(far, datagramPreface, encodeFrame(hello));
  await far.heardAll(2);
  assert.deepEqual(far.heard.map(({ bytes }) => bytes), [[...hello], [...hello]]);
});

test("a preface of another version or type, and an absurd length, end the connection and are counted", async () => {
  await using rig = new Rig();
  const far = await rig.station("far");
  const newer = Uint8Array.from(datagramPreface);
  newer[4] = 2;
  await (await rig.raw(far, newer)).closed;
  await (await rig.raw(far, datagramPreface.subarray(0, 5), Uint8Array.of(4))).closed;
  await (await rig.raw(far, datagramPreface, Uint8Array.of(0xff, 0xff))).closed;
  await (await rig.raw(far, datagramPreface, Uint8Array.of(0, 0))).closed;
  assert.deepEqual(far.host.counted, [Drop.unsupported, Drop.unsupported, Drop.malformed, Drop.malformed]);
});

test("who says half a preface has five seconds, and who gets no answer ten; who gets one stays for five minutes", async () => {
  await using rig = new Rig();
  const far = await rig.station("far");
  const half = await rig.raw(far, datagramPreface.subarray(0, 3));
  const unanswered = await rig.raw(far, datagramPreface, encodeFrame(hello));
  await far.heardAll(1);
  far.answers = true;
  const answered = await rig.raw(far, datagramPreface, encodeFrame(hello));
  await answered.has(5);
  await rig.clock.advance(limits.handshakeMillis);
  await half.closed;
  await rig.clock.advance(limits.provingMillis - limits.handshakeMillis);
  await unanswered.closed;
  assert.deepEqual(far.host.counted, [Drop.rateLimited, Drop.rateLimited]);
  await rig.clock.advance(limits.idleMillis - limits.provingMillis - 1);
  answered.socket.write(encodeFrame(hello));
  await answered.has(10);
  await rig.clock.advance(limits.idleMillis - 1);
  assert.equal(far.host.counted.length, 2);
  await rig.clock.advance(1);
  await answered.closed;
});

test("who was answered once and only talks on is gone after five minutes", async () => {
  await using rig = new Rig();
  const far = await rig.station("far");
  far.answers = true;
  const raw = await rig.raw(far, datagramPreface, encodeFrame(hello));
  await raw.has(5);
  far.answers = false;
  for (let minute = 1; minute < 5; minute++) {
    await rig.clock.advance(60_000);
    raw.socket.write(encodeFrame(hello));
    await far.heardAll(minute + 1);
  }
  await rig.clock.advance(60_000);
  await raw.closed;
  assert.deepEqual(far.host.counted, [Drop.rateLimited]);
});

test("who is told what any stranger is told has been answered nothing, and goes after ten seconds", async () => {
  await using rig = new Rig();
  const far = await rig.station("far", { maxCarriers: 1 });
  const stranger = await rig.raw(far, datagramPreface, encodeFrame(hello));
  await far.heardAll(1);
  assert.ok(far.datagrams.refuse!(hello, far.heard[0]!.from));
  await stranger.has(5);
  far.answers = true;
  const member = await rig.raw(far, datagramPreface, encodeFrame(hello));
  await member.has(5);
  await rig.clock.advance(limits.provingMillis);
  await stranger.closed;
  assert.deepEqual(far.host.counted, [Drop.rateLimited]);
});

test("who is not answered may not go on talking", async () => {
  await using rig = new Rig();
  const far = await rig.station("far");
  const frame = encodeFrame(new Uint8Array(1_000));
  const raw = await rig.raw(far, datagramPreface, ...Array.from({ length: 17 }, () => frame));
  await raw.closed;
  assert.deepEqual(far.host.counted, [Drop.rateLimited]);
  assert.ok(far.heard.length <= 17);
});

test("of too many connections without an answer the oldest goes, and those with one have a limit of their own", async () => {
  await using rig = new Rig();
  const far = await rig.station("far", { maxUnproved: 2, maxCarriers: 2, maxCarriersPerSource: 2 });
  const first = await rig.raw(far, datagramPreface, encodeFrame(hello));
  await far.heardAll(1);
  for (let i = 2; i <= 3; i++) {
    await rig.raw(far, datagramPreface, encodeFrame(hello));
    await far.heardAll(i);
  }
  await first.closed;
  assert.deepEqual([...far.host.counted], [Drop.underLoad]);
  far.answers = true;
  for (let i = 4; i <= 5; i++) {
    const raw = await rig.raw(far, datagramPreface, encodeFrame(hello));
    await raw.has(5);
  }
  const over = await rig.raw(far, datagramPreface, encodeFrame(hello));
  await over.closed;
  assert.ok(far.host.counted.includes(Drop.queueFull));
  assert.equal(over.received, 0);
});

test("to one that does not read, the oldest datagrams are dropped and counted, and no more wait than the queue holds", async () => {
  await using rig = new Rig();
  const near = await rig.station("near");
  const accepted = Promise.withResolvers<StreamSocket>();
  const listener = await listenStreams({ host: "127.0.0.1", port: 0 }, {
    accepted: (socket) => {
      socket.attach({ received: () => {}, ended: () => {}, drained: () => {}, closed: () => {} });
      socket.pause();
      accepted.resolve(socket);
    },
    failed: () => {},
  });
  const place = streamEndpoint(listener.local);
  await near.datagrams.open(place);
  const socket = await accepted.promise;
  for (let i = 0; i < 400; i++) assert.ok(near.datagrams.send(new Uint8Array(60_000), place));
  const dropped = near.host.counted.length;
  assert.ok(near.host.counted.every((drop) => drop === Drop.queueFull));
  assert.ok(dropped > 400 - 10, `${dropped} of 400`);
  socket.reset();
  await listener.close();
});

test("a transport that is told never to carry datagrams has no such ability, and takes them as a stranger", async () => {
  await using rig = new Rig();
  const far = await rig.station("far", { overTcp: "never" });
  assert.equal(far.transport.streamDatagrams, undefined);
  await (await rig.raw(far, datagramPreface, encodeFrame(hello))).closed;
  assert.deepEqual(far.host.counted, [Drop.unsupported]);
});
