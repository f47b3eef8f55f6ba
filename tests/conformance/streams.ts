/** What every transport must do that moves framed streams. */
import assert from "node:assert/strict";
import type { Lifecycle } from "../../core/contracts/lifecycle.ts";
import type { FramedStream, Streams, StreamTarget, Transport } from "../../core/contracts/transport.ts";
import type { Endpoint, PeerId } from "../../core/contracts/values.ts";
import { systemClock } from "../../core/runtime/clock.ts";
import { test } from "../harness.ts";
import { MemberHost } from "./member_host.ts";
import type { TransportBed, TransportKit } from "./transport_bed.ts";

export function testStreams(kit: TransportKit): void {
  testFrames(kit);
  testEnds(kit);
  testBackPressure(kit);
  testDials(kit);
  testStreamLifecycle(kit);
}

function testFrames({ name, bed }: TransportKit): void {
  test(`${name}: frames arrive whole and in order, both ways, from none to the most bytes`, () =>
    onBed(bed(), async (rig) => {
      const [near, far] = await rig.pair();
      const lengths = [0, 1, 16_383, 16_384, 16_385, 100_000, near.maxFrame, 0, 3];
      for (const [sender, receiver] of [[near, far], [far, near]] as const) {
        const sent = sendAll(sender, lengths);
        const frames = receiver.frames()[Symbol.asyncIterator]();
        for (const length of lengths) {
          const { value } = await rig.settle(frames.next());
          assert.equal(value.length, length);
          assert.ok(value.every((byte: number, i: number) => byte === ((length + i) & 0xff)));
        }
        await rig.settle(sent);
      }
    }));

  test(`${name}: a frame is the reader's to keep, and sends that nobody awaits keep their order`, () =>
    onBed(bed(), async (rig) => {
      const [near, far] = await rig.pair();
      const sends = Array.from({ length: 50 }, (_, i) => near.send(Uint8Array.of(i)));
      const kept = await rig.settle(take(far, 50));
      assert.deepEqual(kept.map((frame) => frame[0]), Array.from({ length: 50 }, (_, i) => i));
      await rig.settle(Promise.all(sends));
    }));

  test(`${name}: a frame over the limit is refused and the stream goes on`, () =>
    onBed(bed(), async (rig) => {
      const [near, far] = await rig.pair();
      const tooLong = near.send(new Uint8Array(near.maxFrame + 1));
      await assert.rejects(tooLong, { code: "INVALID_ARGUMENT" });
      await rig.settle(near.send(Uint8Array.of(7)));
      assert.deepEqual(await rig.settle(take(far, 1)), [Uint8Array.of(7)]);
    }));

  test(`${name}: both sides know whom they talk to, and where`, () =>
    onBed(bed(), async (rig) => {
      const [caller, called] = [await rig.station("caller"), await rig.station("called")];
      const [near, far] = await rig.connect(caller, called);
      assert.deepEqual([near.peer.id, far.peer.id], ["called", "caller"]);
      assert.deepEqual(near.peer.noiseKey, called.host.self.noise.publicKey);
      assert.deepEqual(near.remote, called.endpoint);
      assert.equal(far.remote.host, caller.endpoint.host);
    }));

  test(`${name}: twenty streams at a time do not mix`, () =>
    onBed(bed(), async (rig) => {
      const called = await rig.station("called");
      const callers: StreamStation[] = [];
      for (let i = 0; i < 4; i++) callers.push(await rig.station(`caller ${i}`));
      const pairs = [];
      for (let i = 0; i < 20; i++) pairs.push(await rig.connect(callers[i % 4]!, called));
      const sends = pairs.map(([near], i) => sendAll(near, [1_000 + i, 40_000 + i, i]));
      for (const [i, [, far]] of pairs.entries()) {
        const frames = await rig.settle(take(far, 3));
        assert.deepEqual(frames.map(({ length }) => length), [1_000 + i, 40_000 + i, i]);
      }
      await rig.settle(Promise.all(sends));
    }));
}

function testEnds({ name, bed }: TransportKit): void {
  test(`${name}: one side can end while the other still sends; closed is what both have ended`, () =>
    onBed(bed(), async (rig) => {
      const [near, far] = await rig.pair();
      await rig.settle(near.send(Uint8Array.of(1)));
      await rig.settle(near.end());
      assert.deepEqual(await rig.settle(readAll(far)), [Uint8Array.of(1)]);
      await rig.settle(far.send(Uint8Array.of(2)));
      const closing = far.close();
      assert.deepEqual(await rig.settle(readAll(near)), [Uint8Array.of(2)]);
      await rig.settle(closing);
      await rig.settle(near.close());
      await assert.rejects(rig.settle(near.send(Uint8Array.of(3))), { code: "INVALID_ARGUMENT" });
    }));

  test(`${name}: both sides may close at once, and twice`, () =>
    onBed(bed(), async (rig) => {
      const [near, far] = await rig.pair();
      await rig.settle(Promise.all([near.close(), far.close(), near.close(), near.end()]));
      assert.deepEqual([await rig.settle(readAll(near)), await rig.settle(readAll(far))], [[], []]);
    }));

  test(`${name}: after a reset the other side's reader learns that the stream was cut`, () =>
    onBed(bed(), async (rig) => {
      const [near, far] = await rig.pair();
      await rig.settle(near.send(Uint8Array.of(1)));
      assert.deepEqual(await rig.settle(take(far, 1)), [Uint8Array.of(1)]);
      const reading = readAll(far);
      near.reset();
      near.reset();
      await assert.rejects(rig.settle(reading), { code: "UNREACHABLE" });
      await assert.rejects(rig.settle(far.send(Uint8Array.of(2))), { code: "UNREACHABLE" });
      assert.deepEqual(await rig.settle(readAll(near)), []);
      await rig.settle(Promise.all([near.close(), far.close()]));
    }));

  test(`${name}: a peer that belongs no more loses its streams, others keep theirs`, () =>
    onBed(bed(), async (rig) => {
      const called = await rig.station("called");
      const [lost, lostFar] = await rig.connect(await rig.station("one"), called);
      const [kept, keptFar] = await rig.connect(await rig.station("two"), called);
      called.streams.disconnect("one" as PeerId);
      await assert.rejects(rig.settle(readAll(lost)), { code: "UNREACHABLE" });
      await assert.rejects(rig.settle(readAll(lostFar)), { code: "UNREACHABLE" });
      await rig.settle(kept.send(Uint8Array.of(1)));
      assert.equal((await rig.settle(take(keptFar, 1))).length, 1);
    }));
}

function testBackPressure({ name, bed }: TransportKit): void {
  test(`${name}: a reader that does not read stops the sender, and lets it go on when it reads`, () =>
    onBed(bed(), async (rig) => {
      const [near, far] = await rig.pair();
      const most = 400;
      let sent = 0;
      const flood = (async () => {
        for (; sent < most; sent++) await near.send(new Uint8Array(65_536));
        await near.end();
      })();
      const stalled = await rig.standstill(() => sent);
      assert.ok(stalled > 0 && stalled < most / 2, `${stalled} of ${most} frames went into the void`);
      assert.equal((await rig.settle(readAll(far))).length, most);
      await rig.settle(flood);
    }));
}

function testDials({ name, bed, nobody }: TransportKit): void {
  const target = (peer: StreamTarget["peer"], endpoint: Endpoint): StreamTarget => ({ endpoint, peer });

  test(`${name}: dialling where nobody listens is UNREACHABLE, and a name is no endpoint`, () =>
    onBed(bed(), async (rig) => {
      const [near, far] = [await rig.station("near"), await rig.station("far")];
      const dial = (endpoint: Endpoint) => rig.settle(near.dial(target(far.host.peer, endpoint)));
      await assert.rejects(dial(nobody), { code: "UNREACHABLE" });
      await assert.rejects(dial({ host: "example.org", port: 6783 }), { code: "INVALID_ARGUMENT" });
      await assert.rejects(dial({ host: nobody.host, port: 0 }), { code: "INVALID_ARGUMENT" });
      await assert.rejects(rig.settle(near.dial(target(near.host.peer, far.endpoint))), {
        code: "INVALID_ARGUMENT",
      });
    }));

  test(`${name}: a dial that is given up is TIMEOUT, before and while it is under way`, () =>
    onBed(bed(), async (rig) => {
      const [near, far] = [await rig.station("near"), await rig.station("far")];
      const to = target(far.host.peer, far.endpoint);
      await assert.rejects(rig.settle(near.streams.dial(to, AbortSignal.abort())), { code: "TIMEOUT" });
      const giveUp = new AbortController();
      const dialled = near.streams.dial(to, giveUp.signal);
      giveUp.abort();
      await assert.rejects(rig.settle(dialled), { code: "TIMEOUT" });
    }));

  test(`${name}: whom the dialler refuses it does not talk to, and whom the listener refuses it does not hand over`, () =>
    onBed(bed(), async (rig) => {
      const [near, far] = [await rig.station("near"), await rig.station("far")];
      near.host.membership.revoked.add("far");
      const dial = () => rig.settle(near.dial(target(far.host.peer, far.endpoint)));
      await assert.rejects(dial(), { code: "REVOKED" });
      near.host.membership.revoked.clear();
      far.host.membership.revoked.add("near");
      await assert.rejects(dial(), { code: "UNREACHABLE" });
      assert.equal(far.accepted, 0);
    }));

  test(`${name}: another member at the endpoint is not taken for the one that was dialled`, () =>
    onBed(bed(), async (rig) => {
      const [near, far] = [await rig.station("near"), await rig.station("far")];
      const other = new MemberHost("other", rig.clock);
      await assert.rejects(rig.settle(near.dial(target(other.peer, far.endpoint))));
      const wrongName = { id: other.self.id, noiseKey: far.host.self.noise.publicKey };
      await assert.rejects(rig.settle(near.dial(target(wrongName, far.endpoint))), { code: "NOT_ADMITTED" });
    }));
}

function testStreamLifecycle({ name, bed }: TransportKit): void {
  test(`${name}: a handler of streams that throws costs that stream alone`, () =>
    onBed(bed(), async (rig) => {
      const [near, far] = [await rig.station("near"), await rig.station("far")];
      far.throws = true;
      const stream = await rig.settle(near.dial(far.target));
      await assert.rejects(rig.settle(readAll(stream)), { code: "UNREACHABLE" });
      far.throws = false;
      const [again] = await rig.connect(near, far);
      await rig.settle(again.send(Uint8Array.of(1)));
      assert.equal(far.host.logged.filter((line) => line.startsWith("error: ")).length, 1);
    }));

  test(`${name}: the end of a transport cuts its streams and frees its endpoint`, () =>
    onBed(bed(), async (rig) => {
      const [near, far] = [await rig.station("near"), await rig.station("far")];
      const { endpoint } = far;
      const [stream] = await rig.connect(near, far);
      const ended = far.end();
      await assert.rejects(rig.settle(readAll(stream)), { code: "UNREACHABLE" });
      await rig.settle(ended);
      await far.end();
      assert.deepEqual(far.streams.localEndpoints(), []);
      await assert.rejects(rig.settle(far.dial(near.target)), { code: "UNREACHABLE" });
      const next = await rig.stationAt("next", endpoint);
      assert.deepEqual(next.streams.localEndpoints(), [endpoint]);
      await rig.connect(near, next);
    }));

  test(`${name}: an endpoint that is taken for streams is BIND_FAILED`, () =>
    onBed(bed(), async (rig) => {
      const first = await rig.station("first");
      await assert.rejects(rig.stationAt("second", first.endpoint), { code: "BIND_FAILED" });
    }));
}

/** A started transport and the streams that it was dialled. */
class StreamStation {
  readonly host: MemberHost;
  readonly transport: Transport & Lifecycle;
  readonly #waiting: ((stream: FramedStream) => void)[] = [];
  readonly #streams: FramedStream[] = [];
  accepted = 0;
  throws = false;

  constructor(host: MemberHost, transport: Transport & Lifecycle) {
    this.host = host;
    this.transport = transport;
    this.streams.accept((stream) => this.#take(stream));
  }

  get streams(): Streams {
    return this.transport.streams!;
  }

  get endpoint(): Endpoint {
    return this.streams.localEndpoints()[0]!;
  }

  get target(): StreamTarget {
    return { endpoint: this.endpoint, peer: this.host.peer };
  }

  dial(to: StreamTarget): Promise<FramedStream> {
    return this.streams.dial(to, new AbortController().signal);
  }

  next(): Promise<FramedStream> {
    const stream = this.#streams.shift();
    return stream ? Promise.resolve(stream) : new Promise((resolve) => this.#waiting.push(resolve));
  }

  async end(): Promise<void> {
    await this.transport[Symbol.asyncDispose]?.();
  }

  #take(stream: FramedStream): void {
    if (this.throws) throw new Error("the handler is broken");
    this.accepted++;
    const waiter = this.#waiting.shift();
    if (waiter) waiter(stream);
    else this.#streams.push(stream);
  }
}

class StreamRig {
  readonly #bed: TransportBed;
  readonly #stations: StreamStation[] = [];

  constructor(bed: TransportBed) {
    this.#bed = bed;
  }

  get clock() {
    return this.#bed.clock ?? systemClock();
  }

  settle<T>(promise: Promise<T>): Promise<T> {
    return this.#bed.settle(promise);
  }

  station(name: string): Promise<StreamStation> {
    const host = new MemberHost(name, this.clock);
    return this.#begin(new StreamStation(host, this.#bed.create(host)));
  }

  stationAt(name: string, endpoint: Endpoint): Promise<StreamStation> {
    const host = new MemberHost(name, this.clock);
    return this.#begin(new StreamStation(host, this.#bed.createAt(endpoint, host)));
  }

  async #begin(station: StreamStation): Promise<StreamStation> {
    this.#stations.push(station);
    await this.settle(station.transport.start?.(new AbortController().signal) ?? Promise.resolve());
    return station;
  }

  async connect(from: StreamStation, to: StreamStation): Promise<[FramedStream, FramedStream]> {
    const accepted = to.next();
    const dialled = await this.settle(from.dial(to.target));
    return [dialled, await this.settle(accepted)];
  }

  /** Both ends of one stream; the first has dialled. */
  async pair(): Promise<[FramedStream, FramedStream]> {
    return await this.connect(await this.station("near"), await this.station("far"));
  }

  /** The value of `count` when it has not changed for a while. */
  async standstill(count: () => number): Promise<number> {
    for (let still = 0, before = -1; still < 10; still++) {
      if (count() !== before) still = 0;
      before = count();
      const { promise, resolve } = Promise.withResolvers<void>();
      this.clock.timer(this.clock.now() + 20, resolve);
      await this.settle(promise);
    }
    return count();
  }

  async end(): Promise<void> {
    for (const station of this.#stations) await this.settle(station.end());
  }
}

async function onBed(bed: TransportBed, body: (rig: StreamRig) => Promise<void>): Promise<void> {
  const rig = new StreamRig(bed);
  try {
    await body(rig);
  } finally {
    await rig.end();
  }
}

async function sendAll(stream: FramedStream, lengths: readonly number[]): Promise<void> {
  for (const length of lengths) {
    await stream.send(Uint8Array.from({ length }, (_, i) => length + i));
  }
}

async function readAll(stream: FramedStream): Promise<Uint8Array[]> {
  return await Array.fromAsync(stream.frames());
}

/** The next frames; what follows is left for a later reader. */
async function take(stream: FramedStream, count: number): Promise<Uint8Array[]> {
  const taken: Uint8Array[] = [];
  for await (const frame of stream.frames()) {
    taken.push(frame);
    if (taken.length === count) break;
  }
  return taken;
}
