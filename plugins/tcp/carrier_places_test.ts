/** Connections that meet at one place, over sockets that only note what is done to them. */
import assert from "node:assert/strict";
import type { Endpoint } from "../../core/contracts/values.ts";
import type { StreamSocket, StreamSocketHandler } from "../../core/runtime/stream_socket.ts";
import { streamEndpoint } from "../../core/wire/stream_endpoint.ts";
import { MemberHost } from "../../tests/conformance/member_host.ts";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import { Carriers } from "./carriers.ts";
import { limits } from "./constants.ts";
import { encodeFrame } from "./datagram_frames.ts";

const there: Endpoint = { host: "192.0.2.1", port: 6783 };
const place = streamEndpoint(there);

class Socket implements StreamSocket {
  readonly remote = there;
  queued = 0;
  written = 0;
  isReset = false;
  isEnded = false;
  handler: StreamSocketHandler | undefined;

  attach(handler: StreamSocketHandler): void {
    this.handler = handler;
  }

  write(bytes: Uint8Array): void {
    this.written += bytes.length;
  }

  pause(): void {}
  resume(): void {}

  end(): void {
    this.isEnded = true;
  }

  reset(): void {
    this.isReset = true;
  }
}

class Bed {
  readonly clock = new SimClock();
  readonly dialled: Socket[] = [];
  readonly heard: number[] = [];
  readonly carriers = new Carriers({
    host: new MemberHost("near", this.clock),
    limits: { all: 8, perSource: 8 },
    connect: () => {
      const socket = new Socket();
      this.dialled.push(socket);
      return Promise.resolve(socket);
    },
    leftRoom: () => {},
    failed: () => {},
  });

  constructor() {
    this.carriers.receive(([first]) => this.heard.push(first!));
  }

  accept(): Socket {
    const socket = new Socket();
    this.carriers.accept(socket);
    return socket;
  }
}

test("who calls from the very port that this node has dialled is heard, and answered nothing", async () => {
  const bed = new Bed();
  await bed.carriers.open(place);
  const [dialled] = bed.dialled;
  const neighbour = bed.accept();
  neighbour.handler!.received(encodeFrame(Uint8Array.of(7)));
  const before = dialled!.written;
  assert.ok(bed.carriers.send(Uint8Array.of(1), place));
  assert.deepEqual([bed.heard, dialled!.written - before, neighbour.written], [[7], 3, 0]);
  dialled!.handler!.received(encodeFrame(Uint8Array.of(8)));
  await bed.clock.advance(limits.provingMillis);
  assert.deepEqual([dialled!.isReset, neighbour.isReset], [false, true]);
  assert.ok(bed.carriers.send(Uint8Array.of(1), place));
});

test("who has called from there first is no reason not to dial", async () => {
  const bed = new Bed();
  const neighbour = bed.accept();
  await bed.carriers.open(place);
  assert.deepEqual([bed.dialled.length, neighbour.isReset], [1, true]);
  bed.carriers.send(Uint8Array.of(1), place);
  assert.equal(neighbour.written, 0);
});

test("when the other side ends nothing waits for it to read, and all end with the transport", async () => {
  const bed = new Bed();
  await bed.carriers.open(place);
  const [dialled] = bed.dialled;
  dialled!.queued = 100_000;
  dialled!.handler!.ended();
  assert.deepEqual([dialled!.isReset, dialled!.isEnded], [true, false]);
  await bed.carriers.open(place);
  const neighbour = bed.accept();
  bed.carriers.close();
  assert.deepEqual([bed.dialled[1]!.isReset, neighbour.isReset, bed.clock.pending], [true, true, 0]);
});
