/** Whole nodes whose transport has streams, in the simulator: frames between members, and what becomes of them. */
import assert from "node:assert/strict";
import type { FramedStream } from "../../core/contracts/transport.ts";
import { test } from "../harness.ts";
import { type SimNode, SimWorld } from "./world.ts";

const never = new AbortController().signal;

/** Two nodes with a session, and what each reads from streams that were dialled to it. */
class Pair implements AsyncDisposable {
  readonly world: SimWorld;
  /** Frames as text, then how the stream ended: `end`, or the code of the error. */
  readonly heard: string[] = [];
  a!: SimNode;
  b!: SimNode;

  constructor(seed: number) {
    this.world = new SimWorld(seed, { delay: 20 }, { accept: (_, stream) => void this.#read(stream) });
  }

  async start(): Promise<this> {
    [this.a, this.b] = await this.world.mesh("a", "b") as [SimNode, SimNode];
    await this.world.settle();
    return this;
  }

  /** Resolves when the other side has it too. */
  async dial(): Promise<FramedStream> {
    const { a, b, world } = this;
    const target = { endpoint: { host: b.host, port: 6783 }, peer: { id: b.node.id, noiseKey: b.noiseKey } };
    const stream = await world.run(a.streams!.dial(target, never));
    await world.clock.advance(50);
    return stream;
  }

  async #read(stream: FramedStream): Promise<void> {
    try {
      for await (const frame of stream.frames()) this.heard.push(new TextDecoder().decode(frame));
      this.heard.push("end");
      await stream.close();
    } catch (error) {
      this.heard.push((error as { code: string }).code);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.world[Symbol.asyncDispose]();
  }
}

/** Frames that count up; none is waited for. */
function count(stream: FramedStream, from: number, to: number): string[] {
  const frames = Array.from({ length: to - from }, (_, i) => `${from + i}`);
  for (const frame of frames) stream.send(new TextEncoder().encode(frame)).catch(() => {});
  return frames;
}

test("a node in the simulator dials a stream to another, and its frames arrive in order after the link's delay", async () => {
  await using pair = await new Pair(301).start();
  const stream = await pair.dial();
  assert.equal(stream.peer.id, pair.b.node.id);
  const frames = count(stream, 0, 10);
  await pair.world.clock.advance(15);
  assert.deepEqual(pair.heard, []);
  await pair.world.clock.advance(50);
  assert.deepEqual(pair.heard, frames);
  await pair.world.run(stream.close());
  assert.deepEqual(pair.heard, [...frames, "end"]);
});

test("a cut delays a stream's frames, and loses and doubles none", async () => {
  await using pair = await new Pair(302).start();
  const stream = await pair.dial();
  const before = count(stream, 0, 3);
  pair.world.network.cut(pair.a.host, pair.b.host);
  const during = count(stream, 3, 6);
  await pair.world.clock.advance(5_000);
  assert.deepEqual(pair.heard, []);
  pair.world.network.heal();
  await pair.world.clock.advance(1_000);
  assert.deepEqual(pair.heard, [...before, ...during]);
});

test("a stream that is reset on its way ends on both sides as cut off, and the nodes keep their session", async () => {
  await using pair = await new Pair(303).start();
  const stream = await pair.dial();
  const frames = count(stream, 0, 2);
  await pair.world.clock.advance(50);
  pair.world.resetStreams(pair.a, pair.b);
  await assert.rejects(pair.world.run(stream.send(Uint8Array.of(1))), { code: "UNREACHABLE" });
  await pair.world.clock.advance(50);
  assert.deepEqual(pair.heard, [...frames, "UNREACHABLE"]);
  await pair.world.ping(pair.a, pair.b);
  const again = await pair.dial();
  assert.equal(again.peer.id, pair.b.node.id);
  again.reset();
});

test("a node that stands still reads its streams when it goes on, in order, and what comes in that moment after them", async () => {
  await using pair = await new Pair(304).start();
  const stream = await pair.dial();
  pair.world.pause(pair.b, 2_000);
  const frames = count(stream, 0, 5);
  await pair.world.clock.advance(1_980);
  frames.push(...count(stream, 5, 8)); // arrives as the process goes on
  assert.deepEqual(pair.heard, []);
  await pair.world.clock.advance(100);
  assert.deepEqual(pair.heard, frames);
});

test("a node that stands still does not take without end: a sender waits after a window of frames", async () => {
  await using pair = await new Pair(305).start();
  const stream = await pair.dial();
  pair.b.process.stop();
  let sent = 0;
  void (async () => {
    for (; sent < 100; sent++) await stream.send(new Uint8Array(65_536));
  })().catch(() => {});
  await pair.world.clock.advance(3_000);
  assert.ok(sent >= 2 && sent <= 8, `${sent} frames of 64 KiB`);
  pair.b.process.resume();
  await pair.world.clock.advance(3_000);
  assert.equal(sent, 100);
});

test("the streams of a killed node are reset, and a new start under its name can be dialled", async () => {
  await using pair = await new Pair(306).start();
  const stream = await pair.dial();
  pair.world.crash(pair.b);
  await assert.rejects(pair.world.run(stream.frames()[Symbol.asyncIterator]().next()), {
    code: "UNREACHABLE",
  });
  await assert.rejects(pair.dial(), { code: "UNREACHABLE" });
  pair.b = await pair.world.start("b");
  const again = await pair.dial();
  const frames = count(again, 0, 2);
  await pair.world.clock.advance(100);
  assert.deepEqual(pair.heard, frames, "nothing was heard by the dead");
  again.reset();
});
