import assert from "node:assert/strict";
import { SimClock } from "../../tests/sim/clock.ts";
import { test } from "../../tests/harness.ts";
import { MeshError } from "../contracts/errors.ts";
import type { Datagrams, StreamDatagrams } from "../contracts/transport.ts";
import type { Endpoint } from "../contracts/values.ts";
import { formatEndpoint } from "../wire/endpoint.ts";
import { streamEndpoint } from "../wire/stream_endpoint.ts";
import { FallbackDatagrams, fallbackLimits } from "./fallback_datagrams.ts";
import { silentLogger } from "./silent_logger.ts";

const there = { host: "192.0.2.1", port: 6783 };
const { silentMillis, againMillis } = fallbackLimits;

/** Both ways as lists of what was sent, `1 > 192.0.2.1:6783`. */
class Ways {
  readonly clock = new SimClock();
  readonly direct: string[] = [];
  readonly inStream: string[] = [];
  readonly refused: string[] = [];
  /** Places that were dialled, and when. */
  readonly dials: string[] = [];
  readonly heard: string[] = [];
  /** Whether there is somebody who takes connections. */
  listens = true;
  /** What a dial takes before that is known. */
  dialling: Promise<void> = Promise.resolve();
  readonly open = new Set<string>();
  readonly datagrams: FallbackDatagrams;
  hearDirect: (datagram: Uint8Array, from: Endpoint) => void = () => {};
  hearInStream: (datagram: Uint8Array, from: Endpoint) => void = () => {};

  constructor() {
    const direct: Datagrams = {
      localEndpoints: () => [there],
      send: ([first], to) => this.direct.push(`${first} > ${formatEndpoint(to)}`) > 0,
      receive: (handler) => this.hearDirect = handler,
    };
    const streams: StreamDatagrams = {
      open: (place) => this.#dial(place),
      send: ([first], to) =>
        this.open.has(formatEndpoint(to)) && this.inStream.push(`${first} > ${formatEndpoint(to)}`) > 0,
      refuse: ([first], to) => this.refused.push(`${first} > ${formatEndpoint(to)}`) > 0,
      receive: (handler) => this.hearInStream = handler,
    };
    this.datagrams = new FallbackDatagrams({ direct, streams, clock: this.clock, log: silentLogger });
    this.datagrams.receive(([first], from) => this.heard.push(`${first} < ${formatEndpoint(from)}`));
  }

  seek(first: number, to: Endpoint = there): boolean {
    return this.datagrams.seek(Uint8Array.of(first), to);
  }

  async #dial(place: Endpoint): Promise<void> {
    this.dials.push(`${this.clock.now()} ${formatEndpoint(place)}`);
    await this.dialling;
    if (!this.listens) throw new MeshError("UNREACHABLE", "nobody");
    this.open.add(formatEndpoint(place));
  }
}

test("what gets no answer for half a second is dialled, and the last of it crosses there", async () => {
  const ways = new Ways();
  ways.seek(1);
  await ways.clock.advance(200);
  ways.seek(2);
  assert.deepEqual(ways.dials, []);
  await ways.clock.advance(silentMillis - 200);
  assert.deepEqual(ways.dials, ["500 tcp/192.0.2.1:6783"]);
  assert.deepEqual(ways.inStream, ["2 > tcp/192.0.2.1:6783"]);
  ways.seek(3);
  assert.deepEqual(ways.inStream.slice(1), ["3 > tcp/192.0.2.1:6783"], "and so does all that follows");
  assert.equal(ways.direct.length, 3, "datagrams are tried on");
});

test("an answer in time, and one that comes late, ends it", async () => {
  const ways = new Ways();
  ways.seek(1);
  ways.hearDirect(Uint8Array.of(9), there);
  await ways.clock.advance(60_000);
  ways.seek(2);
  await ways.clock.advance(silentMillis);
  ways.hearDirect(Uint8Array.of(9), there);
  ways.seek(3);
  assert.deepEqual(ways.dials, ["60500 tcp/192.0.2.1:6783"]);
  assert.deepEqual([ways.inStream.length, ways.direct.length], [1, 3]);
});

test("what is sent without asking for an answer is never dialled for", async () => {
  const ways = new Ways();
  ways.datagrams.send(Uint8Array.of(1), there);
  await ways.clock.advance(60_000);
  assert.deepEqual([ways.dials, ways.direct.length], [[], 1]);
});

test("where nobody listens, and where somebody does but says nothing, it is dialled ever more rarely", async () => {
  for (const listens of [false, true]) {
    const ways = new Ways();
    ways.listens = listens;
    for (let second = 0; second < 60; second++) {
      ways.seek(second);
      await ways.clock.advance(1_000);
      ways.open.clear();
    }
    assert.deepEqual(ways.dials.map((text) => Number(text.split(" ")[0])), [500, 6_000, 16_000, 36_000]);
  }
  assert.equal(againMillis.first, 5_000);
});

test("whoever speaks in a stream is at a place of its own, and is dialled at once when the connection is over", async () => {
  const ways = new Ways();
  const place = streamEndpoint(there);
  ways.seek(1);
  await ways.clock.advance(silentMillis);
  ways.hearInStream(Uint8Array.of(9), place);
  assert.deepEqual(ways.heard, ["9 < tcp/192.0.2.1:6783"]);
  assert.ok(ways.datagrams.send(Uint8Array.of(2), place));
  await ways.clock.advance(5_000);
  ways.open.clear();
  assert.ok(!ways.datagrams.send(Uint8Array.of(3), place));
  await ways.clock.advance(0);
  assert.deepEqual(ways.inStream.at(-1), "3 > tcp/192.0.2.1:6783");
  assert.equal(ways.dials.length, 2);
});

test("a place that this node has not dialled is not dialled when its connection is over", async () => {
  const ways = new Ways();
  const caller = streamEndpoint({ host: "192.0.2.9", port: 50_000 });
  ways.hearInStream(Uint8Array.of(1), caller);
  assert.ok(!ways.datagrams.send(Uint8Array.of(2), caller) && !ways.datagrams.seek(Uint8Array.of(2), caller));
  await ways.clock.advance(10_000);
  assert.deepEqual(ways.dials, []);
});

test("what has waited too long for a connection is not sent any more", async () => {
  const ways = new Ways();
  ways.seek(1);
  ways.listens = false;
  await ways.clock.advance(silentMillis);
  ways.listens = true;
  await ways.clock.advance(againMillis.first + fallbackLimits.freshMillis);
  ways.seek(2);
  await ways.clock.advance(0);
  assert.deepEqual(ways.inStream, ["2 > tcp/192.0.2.1:6783"]);
});

test("of too many addresses the one that was sought first is forgotten, and no more than sixteen are dialled at a time", async () => {
  const ways = new Ways();
  const answer = Promise.withResolvers<void>();
  ways.dialling = answer.promise;
  const at = (n: number) => ({ host: `10.0.${n >> 8}.${n & 255}`, port: 6783 });
  for (let n = 0; n <= fallbackLimits.sought; n++) ways.seek(1, at(n));
  await ways.clock.advance(silentMillis);
  assert.equal(ways.dials.length, fallbackLimits.dials);
  assert.ok(!ways.dials.some((text) => text.endsWith("tcp/10.0.0.0:6783")));
  answer.resolve();
  await ways.clock.advance(1_000);
  for (let n = 1; n <= fallbackLimits.sought; n++) ways.seek(2, at(n));
  assert.ok(ways.dials.length > fallbackLimits.dials, "others have their turn when those are done");
});

test("an address that a connection leads to is kept when others are forgotten, and dialled again when it is cut", async () => {
  const ways = new Ways();
  ways.seek(1);
  await ways.clock.advance(silentMillis);
  ways.hearInStream(Uint8Array.of(9), streamEndpoint(there));
  ways.listens = false;
  for (let n = 0; n < 2 * fallbackLimits.sought; n++) {
    ways.datagrams.seek(Uint8Array.of(1), { host: `10.0.${n >> 8}.${n & 255}`, port: 6783 });
  }
  await ways.clock.advance(againMillis.first);
  ways.listens = true;
  ways.open.clear();
  ways.datagrams.send(Uint8Array.of(3), streamEndpoint(there));
  await ways.clock.advance(0);
  assert.equal(ways.inStream.at(-1), "3 > tcp/192.0.2.1:6783");
});

test("however many addresses connections lead to, further ones are dialled, several at a time", async () => {
  const ways = new Ways();
  const at = (n: number) => ({ host: `10.0.${n >> 8}.${n & 255}`, port: 6783 });
  for (let n = 0; n < fallbackLimits.sought; n++) {
    ways.seek(1, at(n));
    await ways.clock.advance(silentMillis);
  }
  assert.equal(ways.dials.length, fallbackLimits.sought);
  ways.dials.length = 0;
  const further = Array.from({ length: 20 }, (_, n) => at(1_000 + n));
  for (const address of further) ways.seek(2, address);
  await ways.clock.advance(silentMillis);
  assert.equal(ways.dials.length, further.length);
});

test("who is told of a connection may send anew there, and what was waiting is not sent then", async () => {
  for (const sendsAnew of [false, true]) {
    const ways = new Ways();
    const opened: string[] = [];
    ways.datagrams.opened((to) => {
      opened.push(formatEndpoint(to));
      if (sendsAnew) ways.seek(2);
    });
    ways.seek(1);
    await ways.clock.advance(silentMillis);
    assert.deepEqual(opened, ["192.0.2.1:6783"]);
    assert.deepEqual(ways.inStream, [`${sendsAnew ? 2 : 1} > tcp/192.0.2.1:6783`]);
  }
});

test("an address that found no room has its turn when a dial is over, without being sought again", async () => {
  const ways = new Ways();
  ways.listens = false;
  const answer = Promise.withResolvers<void>();
  ways.dialling = answer.promise;
  const addresses = Array.from({ length: 40 }, (_, n) => ({ host: `10.0.0.${n}`, port: 6783 }));
  for (const address of addresses) ways.seek(1, address);
  await ways.clock.advance(silentMillis);
  assert.equal(ways.dials.length, fallbackLimits.dials);
  answer.resolve();
  await ways.clock.advance(0);
  assert.equal(new Set(ways.dials).size, addresses.length);
  assert.equal(ways.dials.length, addresses.length);
});

test("a refusal crosses the connection as one, and the network as any datagram", () => {
  const ways = new Ways();
  const place = streamEndpoint(there);
  ways.open.add(formatEndpoint(place));
  assert.ok(ways.datagrams.refuse(Uint8Array.of(1), place));
  assert.ok(ways.datagrams.refuse(Uint8Array.of(2), there));
  assert.deepEqual([ways.refused, ways.inStream, ways.direct], [["1 > tcp/192.0.2.1:6783"], [], [
    "2 > 192.0.2.1:6783",
  ]]);
});

test("when it is closed nothing is dialled any more", async () => {
  const ways = new Ways();
  ways.seek(1);
  ways.datagrams.close();
  await ways.clock.advance(silentMillis);
  ways.seek(2);
  await ways.clock.advance(60_000);
  assert.deepEqual(ways.dials, []);
});
