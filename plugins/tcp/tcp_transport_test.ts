import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import type { Clock } from "../../core/contracts/host.ts";
import type { FramedStream, StreamTarget } from "../../core/contracts/transport.ts";
import { systemClock } from "../../core/runtime/clock.ts";
import { dialStream, listenStreams, type StreamSocket } from "../../core/runtime/stream_socket.ts";
import { fakeNetworkKey, MemberHost } from "../../tests/conformance/member_host.ts";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import type { Local } from "./handshake.ts";
import { dialMachine } from "./machine.ts";
import { tcp } from "./mod.ts";
import { Remembered } from "./remembered.ts";
import type { TcpTransport } from "./tcp_transport.ts";

type Options = Parameters<typeof tcp>[0];

const never = new AbortController().signal;

class Station {
  readonly host: MemberHost;
  readonly transport: TcpTransport;
  readonly streams: FramedStream[] = [];
  #waiting: (() => void)[] = [];

  constructor(name: string, clock: Clock, options: Options = {}) {
    this.host = new MemberHost(name, clock);
    this.transport = tcp({ listen: "127.0.0.1:0", ...options }).create(this.host) as TcpTransport;
  }

  takeStreams(): void {
    this.transport.accept((stream) => {
      this.streams.push(stream);
      for (const resolve of this.#waiting.splice(0)) resolve();
    });
  }

  async taken(count: number): Promise<void> {
    while (this.streams.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  get target(): StreamTarget {
    return { endpoint: this.transport.localEndpoints()[0]!, peer: this.host.peer };
  }
}

interface Rig {
  /** A started transport that takes streams. */
  station(name: string, options?: Options): Promise<Station>;
  /** A bare connection, which the rig resets in the end. */
  connect(to: Station): Promise<RawSocket>;
  readonly clock: Clock;
}

class RawSocket {
  readonly socket: StreamSocket;
  readonly closed: Promise<void>;

  constructor(socket: StreamSocket) {
    this.socket = socket;
    this.closed = new Promise((closed) => {
      const handler = { received: () => {}, drained: () => {}, ended: closed, closed: () => closed() };
      socket.attach(handler);
    });
  }
}

async function onRig(body: (rig: Rig) => Promise<void>, clock: Clock = systemClock()): Promise<void> {
  const stations: Station[] = [];
  const sockets: StreamSocket[] = [];
  const rig: Rig = {
    clock,
    async station(name, options) {
      const station = new Station(name, clock, options);
      stations.push(station);
      station.takeStreams();
      await station.transport.start();
      return station;
    },
    async connect(to) {
      const raw = new RawSocket(await dialStream(to.target.endpoint, never));
      sockets.push(raw.socket);
      return raw;
    },
  };
  try {
    await body(rig);
  } finally {
    for (const socket of sockets) socket.reset();
    for (const { transport } of stations) await transport[Symbol.asyncDispose]();
  }
}

test("of too many connections that say nothing the oldest is closed and counted, and a member gets through", () =>
  onRig(async (rig) => {
    const far = await rig.station("far", { maxUnproved: 8, maxUnprovedPerSource: 3 });
    const silent = [];
    for (let i = 0; i < 4; i++) silent.push(await rig.connect(far));
    await silent[0]!.closed;
    assert.deepEqual(far.host.counted, [Drop.underLoad]);
    const near = await rig.station("near");
    const stream = await near.transport.dial(far.target, never);
    await stream.send(Uint8Array.of(1));
    await silent[1]!.closed;
    assert.deepEqual(far.host.counted, [Drop.underLoad, Drop.underLoad]);
    await far.taken(1);
  }));

test("streams over the limit are refused and counted, in all and per peer, until one has ended", () =>
  onRig(async (rig) => {
    const far = await rig.station("far", { maxStreams: 3, maxStreamsPerPeer: 2 });
    const [one, two] = [await rig.station("one"), await rig.station("two")];
    const dial = (from: Station) => from.transport.dial(far.target, never);
    const first = await dial(one);
    await dial(one);
    await assert.rejects(dial(one), { code: "UNREACHABLE" });
    await dial(two);
    await assert.rejects(dial(two), { code: "UNREACHABLE" });
    assert.deepEqual(far.host.counted, [Drop.queueFull, Drop.queueFull]);
    await far.taken(3);
    const mine = far.streams.find(({ remote, peer }) => peer.id === "one" && remote.port > 0)!;
    await Promise.all([first.close(), mine.close()]);
    await dial(two);
  }));

test("a stranger that speaks something else is closed at once and counted", () =>
  onRig(async (rig) => {
    const far = await rig.station("far");
    const raw = await rig.connect(far);
    raw.socket.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
    await raw.closed;
    assert.deepEqual(far.host.counted, [Drop.unsupported]);
    assert.deepEqual(far.host.logged, ["warn: A stream was refused or ended"]);
  }));

test("what strangers cause is logged ever more rarely", () =>
  onRig(async (rig) => {
    const far = await rig.station("far");
    for (let i = 0; i < 20; i++) {
      const raw = await rig.connect(far);
      raw.socket.write(Uint8Array.of(0));
      await raw.closed;
    }
    assert.deepEqual([far.host.counted.length, far.host.logged.length], [20, 5]);
  }));

test("a listener that was away and has the older network key is reached with that", () =>
  onRig(async (rig) => {
    const [near, far] = [await rig.station("near"), await rig.station("far")];
    near.host.membership.keys = [fakeNetworkKey(2), fakeNetworkKey(1)];
    const stream = await near.transport.dial(far.target, never);
    assert.equal(stream.peer.id, "far");
    assert.deepEqual(far.host.counted, [Drop.badMac]);
  }));

test("a listener that answers nothing is TIMEOUT after five seconds, and an abort does not wait for them", () => {
  const clock = new SimClock();
  return onRig(async (rig) => {
    const near = await rig.station("near");
    const reached: (() => void)[] = [];
    const silent: StreamSocket[] = [];
    const accepted = (socket: StreamSocket) => {
      silent.push(socket);
      for (const resolve of reached.splice(0)) resolve();
    };
    const listener = await listenStreams({ host: "127.0.0.1", port: 0 }, { accepted, failed: () => {} });
    const to = { endpoint: listener.local, peer: new MemberHost("far", clock).peer };
    const arrival = () => new Promise<void>((resolve) => reached.push(resolve));
    const [first, dialled] = [arrival(), near.transport.dial(to, never)];
    await first;
    await assert.rejects(clock.complete(dialled), { code: "TIMEOUT" });
    assert.equal(clock.now(), 5_000);
    const giveUp = new AbortController();
    const [second, given] = [arrival(), near.transport.dial(to, giveUp.signal)];
    await second;
    giveUp.abort();
    await assert.rejects(given, { code: "TIMEOUT" });
    for (const socket of silent) socket.reset();
    await listener.close();
  }, clock);
});

test("without a handler of streams nobody is let in, and without a network nobody is dialled", () =>
  onRig(async (rig) => {
    const near = await rig.station("near");
    const far = new Station("far", rig.clock);
    await far.transport.start();
    await assert.rejects(near.transport.dial(far.target, never), { code: "UNREACHABLE" });
    assert.deepEqual(far.host.counted, [Drop.noListener]);
    near.host.membership.keys = [];
    await assert.rejects(near.transport.dial(far.target, never), { code: "NOT_ADMITTED" });
    await far.transport[Symbol.asyncDispose]();
  }));

test("a member that is shut out between its handshake and its proof gets no stream", () =>
  onRig(async (rig) => {
    const [far, near] = [await rig.station("far"), new MemberHost("near", rig.clock)];
    const local: Local = {
      self: near.self,
      membership: near.membership,
      random: near.random,
      maxFrame: 65_536,
      remembered: new Remembered(1),
    };
    const dialled = dialMachine(local, far.target.peer, fakeNetworkKey(1));
    assert.ok("machine" in dialled);
    const socket = await dialStream(far.target.endpoint, never);
    const [proof, closed] = [Promise.withResolvers<Uint8Array>(), Promise.withResolvers<void>()];
    socket.attach({
      received: (chunk) => {
        for (const event of dialled.machine.receive(chunk)) {
          if (event.type === "write") proof.resolve(event.bytes);
        }
      },
      ended: closed.resolve,
      drained: () => {},
      closed: () => closed.resolve(),
    });
    socket.write(dialled.bytes);
    const bytes = await proof.promise;
    far.transport.disconnect(near.self.id);
    socket.write(bytes);
    await Promise.race([closed.promise, far.taken(1)]);
    assert.deepEqual(far.streams, []);
    socket.reset();
  }));

test("a Noise key of low order is no target", () =>
  onRig(async (rig) => {
    const near = await rig.station("near");
    const { endpoint, peer } = (await rig.station("far")).target;
    const target = { endpoint, peer: { id: peer.id, noiseKey: new Uint8Array(32) } };
    await assert.rejects(near.transport.dial(target, never), { code: "INVALID_ARGUMENT" });
  }));

test("listen must be an address and a port, and limits are whole numbers above zero", () => {
  assert.throws(() => tcp({ listen: "6783" }), {
    code: "CONFIG_INVALID",
    message: 'tcp.listen: expected address:port or [IPv6]:port, got "6783"',
  });
  for (
    const option of ["maxFrame", "maxStreams", "maxStreamsPerPeer", "maxUnproved", "maxUnprovedPerSource"]
  ) {
    assert.throws(() => tcp({ [option]: 0 }), {
      code: "CONFIG_INVALID",
      message: RegExp(`^tcp.${option}: `),
    });
  }
  const schema = tcp.config["~standard"].jsonSchema?.input({ target: "draft-2020-12" });
  assert.ok(JSON.stringify(schema).includes('"default":"[::]:6783"'));
});
