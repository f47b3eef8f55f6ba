import assert from "node:assert/strict";
import type { Endpoint } from "../../core/contracts/values.ts";
import type { FramedStream } from "../../core/contracts/transport.ts";
import { MemberHost, type TransportHost } from "../../tests/conformance/member_host.ts";
import { testTransport } from "../../tests/conformance/transport.ts";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import { SimNetwork } from "../../tests/sim/network.ts";
import { SimRandom } from "../../tests/sim/random.ts";
import { memoryTransport } from "./mod.ts";

testTransport({
  name: "memory_transport",
  nobody: { host: "192.0.2.250", port: 6783 },
  bed: () => {
    const clock = new SimClock();
    const network = new SimNetwork({ clock, random: new SimRandom(1) });
    let made = 0;
    const createAt = (endpoint: Endpoint, host: TransportHost) =>
      memoryTransport({ network, endpoint }).create(host);
    return {
      clock,
      create: (host) => createAt({ host: `192.0.2.${++made}`, port: 6783 }, host),
      createAt,
      settle: (promise) => clock.complete(promise),
    };
  },
});

test("a network that is none, and an endpoint that is none, are configuration errors with a path", () => {
  const network = new SimNetwork({ clock: new SimClock(), random: new SimRandom(1) });
  assert.throws(
    () => memoryTransport({ network: {} as never, endpoint: { host: "192.0.2.1", port: 1 } }),
    { code: "CONFIG_INVALID", message: /^memory_transport\.network: expected a memory network/ },
  );
  assert.throws(
    () => memoryTransport({ network, endpoint: { host: "example.org", port: 0 } }),
    {
      code: "CONFIG_INVALID",
      message: /^memory_transport\.endpoint\.host: .*\nmemory_transport\.endpoint\.port: /,
    },
  );
});

interface StreamWorld {
  readonly clock: SimClock;
  readonly network: SimNetwork;
  readonly near: FramedStream;
  readonly far: FramedStream;
  readonly end: () => Promise<void>;
}

const [nearHost, farHost] = ["192.0.2.1", "192.0.2.2"] as const;

async function openStream(): Promise<StreamWorld> {
  const clock = new SimClock();
  const network = new SimNetwork({ clock, random: new SimRandom(1), faults: { delay: 10 } });
  const made = [nearHost, farHost].map((host) => {
    const member = new MemberHost(host, clock);
    const transport = memoryTransport({ network, endpoint: { host, port: 6783 } }).create(member);
    return { member, transport };
  });
  const [near, far] = [made[0]!, made[1]!];
  const accepted = Promise.withResolvers<FramedStream>();
  far.transport.streams!.accept(accepted.resolve);
  for (const { transport } of made) await transport.start!(new AbortController().signal);
  const to = { endpoint: { host: farHost, port: 6783 }, peer: far.member.peer };
  const dialled = await clock.complete(near.transport.streams!.dial(to, new AbortController().signal));
  const end = async () => {
    for (const { transport } of made) await transport[Symbol.asyncDispose]!();
  };
  return { clock, network, near: dialled, far: await clock.complete(accepted.promise), end };
}

test("a stream takes the time of the link: four ways to open it, one for a frame", async () => {
  const { clock, near, far, end } = await openStream();
  assert.equal(clock.now(), 50); // there and back to connect, there and back to introduce, and the last word
  const frame = far.frames()[Symbol.asyncIterator]().next();
  await near.send(Uint8Array.of(1));
  assert.deepEqual((await clock.complete(frame)).value, Uint8Array.of(1));
  assert.equal(clock.now(), 60);
  await end();
});

test("what is sent over a link that nothing passes arrives when it is mended, in order", async () => {
  const { clock, network, near, far, end } = await openStream();
  network.partition([nearHost]);
  for (let i = 0; i < 5; i++) await near.send(Uint8Array.of(i));
  await clock.advance(20_000);
  network.heal();
  const frames = far.frames()[Symbol.asyncIterator]();
  for (let i = 0; i < 5; i++) assert.deepEqual((await clock.complete(frames.next())).value, Uint8Array.of(i));
  await end();
});

test("a link that stays cut ends the stream at both sides", async () => {
  const { clock, network, near, far, end } = await openStream();
  network.cut(nearHost, farHost);
  await near.send(Uint8Array.of(1));
  await assert.rejects(clock.complete(Array.fromAsync(far.frames())), { code: "UNREACHABLE" });
  await assert.rejects(near.send(Uint8Array.of(2)), { code: "UNREACHABLE" });
  assert.ok(clock.now() >= 30_000 && clock.now() < 31_000);
  await end();
});

test("a side that closes while the other does not has done so after five seconds", async () => {
  const { clock, near, far, end } = await openStream();
  const began = clock.now();
  await clock.complete(near.close());
  assert.equal(clock.now() - began, 5_000);
  await clock.advance(10);
  await assert.rejects(far.send(Uint8Array.of(1)), { code: "UNREACHABLE" });
  await end();
  await clock.advance(60_000);
  assert.equal(clock.pending, 0);
});

test("closing waits for a reader that takes what was sent slowly, and closing twice does not wait longer", async () => {
  const { clock, near, far, end } = await openStream();
  for (let i = 0; i < 3; i++) await near.send(new Uint8Array(80_000));
  const began = clock.now();
  const closing = near.close();
  const frames = far.frames()[Symbol.asyncIterator]();
  for (let i = 0; i < 3; i++) {
    await clock.advance(3_000);
    assert.equal((await clock.complete(frames.next())).value?.length, 80_000);
    void near.close();
  }
  const taken = clock.now();
  await far.send(Uint8Array.of(1)); // it is not cut
  await clock.complete(closing);
  assert.ok(taken - began >= 9_000);
  assert.ok(clock.now() - taken <= 5_010);
  await end();
});

test("a member that is shut out before its last word gets no stream", async () => {
  const clock = new SimClock();
  const network = new SimNetwork({ clock, random: new SimRandom(1), faults: { delay: 10 } });
  const [near, far] = [new MemberHost(nearHost, clock), new MemberHost(farHost, clock)];
  const at = (host: string, member: MemberHost) =>
    memoryTransport({ network, endpoint: { host, port: 6783 } }).create(member);
  const [here, there] = [at(nearHost, near), at(farHost, far)];
  const streams: FramedStream[] = [];
  there.streams!.accept((stream) => streams.push(stream));
  for (const transport of [here, there]) await transport.start!(new AbortController().signal);
  const to = { endpoint: { host: farHost, port: 6783 }, peer: far.peer };
  const dialled = here.streams!.dial(to, new AbortController().signal);
  dialled.catch(() => {});
  await clock.advance(35); // the far side has introduced itself at 30, and hears the last word at 50
  there.streams!.disconnect(near.self.id);
  await clock.advance(100);
  assert.deepEqual(streams, []);
  for (const transport of [here, there]) await transport[Symbol.asyncDispose]!();
});

test("a network of datagrams alone makes a transport without streams", () => {
  const network = { bind: () => ({ send: () => 0 as const, close: () => {} }) };
  const member = new MemberHost("lone", new SimClock());
  const transport = memoryTransport({ network, endpoint: { host: nearHost, port: 1 } }).create(member);
  assert.equal(transport.streams, undefined);
});
