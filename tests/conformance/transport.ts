/** What every transport must do; the part about datagrams. That about streams is `streams.ts`. */
import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import type { Lifecycle } from "../../core/contracts/lifecycle.ts";
import type { Transport } from "../../core/contracts/transport.ts";
import type { Endpoint } from "../../core/contracts/values.ts";
import { parseEndpoint } from "../../core/wire/endpoint.ts";
import { systemClock } from "../../core/runtime/clock.ts";
import { test } from "../harness.ts";
import { MemberHost } from "./member_host.ts";
import { testStreams } from "./streams.ts";
import type { TransportBed, TransportKit } from "./transport_bed.ts";

export type { TransportBed, TransportKit } from "./transport_bed.ts";

export function testTransport(kit: TransportKit): void {
  if (!kit.skip?.includes("datagrams")) testDatagrams(kit);
  if (!kit.skip?.includes("streams")) testStreams(kit);
}

function testDatagrams(kit: TransportKit): void {
  testDelivery(kit);
  testRefusals(kit);
  testLifecycle(kit);
}

function testDelivery({ name, bed, nobody }: TransportKit): void {
  test(`${name}: a datagram arrives whole with its sender's endpoint, and the answer finds its way back`, () =>
    onBed(bed(), async (rig) => {
      const [left, right] = [await rig.station(), await rig.station()];
      assert.equal(left.send(Uint8Array.of(1, 2, 3), right.endpoint), true);
      const question = await rig.bed.settle(right.next());
      assert.deepEqual(question, { bytes: Uint8Array.of(1, 2, 3), from: left.endpoint });
      assert.equal(right.send(Uint8Array.of(4), question.from), true);
      assert.deepEqual(await rig.bed.settle(left.next()), { bytes: Uint8Array.of(4), from: right.endpoint });
      assert.deepEqual([left.drops, right.drops], [[], []]);
    }));

  test(`${name}: datagrams of no, few and 60,000 bytes arrive in the order of the calls`, () =>
    onBed(bed(), async (rig) => {
      const [left, right] = [await rig.station(), await rig.station()];
      const lengths = [0, 1, 1280, 60_000, 17, 0];
      for (const length of lengths) left.send(new Uint8Array(length).fill(length & 0xff), right.endpoint);
      for (const length of lengths) {
        const { bytes } = await rig.bed.settle(right.next());
        assert.deepEqual(bytes, new Uint8Array(length).fill(length & 0xff));
      }
    }));

  test(`${name}: the sender's memory is free as soon as send returns`, () =>
    onBed(bed(), async (rig) => {
      const [left, right] = [await rig.station(), await rig.station()];
      const memory = new Uint8Array(64);
      for (let i = 0; i < 10; i++) left.send(memory.fill(i), right.endpoint);
      memory.fill(0xff);
      for (let i = 0; i < 10; i++) {
        assert.deepEqual((await rig.bed.settle(right.next())).bytes, new Uint8Array(64).fill(i));
      }
    }));

  test(`${name}: a datagram to nobody, and a handler that throws, cost nothing but themselves`, () =>
    onBed(bed(), async (rig) => {
      const [left, right] = [await rig.station(), await rig.station()];
      right.throwOn = 1;
      left.send(Uint8Array.of(9), nobody);
      left.send(Uint8Array.of(1), right.endpoint);
      left.send(Uint8Array.of(2), right.endpoint);
      assert.deepEqual((await rig.bed.settle(right.next())).bytes, Uint8Array.of(2));
      assert.equal(right.host.logged.length, 1);
    }));
}

function testRefusals({ name, bed, nobody }: TransportKit): void {
  test(`${name}: what cannot be sent gives false and is counted once`, () =>
    onBed(bed(), async (rig) => {
      const station = await rig.station();
      const wrong: Endpoint[] = [
        { host: "example.org", port: 6783 },
        { host: "", port: 6783 },
        { host: nobody.host, port: 0 },
        { host: nobody.host, port: 65_536 },
        { host: nobody.host, port: 1.5 },
      ];
      for (const [i, to] of wrong.entries()) {
        assert.equal(station.send(Uint8Array.of(1), to), false, `${to.host}:${to.port}`);
        assert.equal(station.drops.length, i + 1);
      }
      assert.equal(station.send(new Uint8Array(65_536), nobody), false);
      assert.equal(station.drops.at(-1), Drop.tooBig);
    }));

  test(`${name}: an endpoint that is taken is BIND_FAILED, and free again after the end`, () =>
    onBed(bed(), async (rig) => {
      const first = await rig.station();
      const { endpoint } = first;
      const second = rig.bed.createAt(endpoint, silentHost);
      await assert.rejects(rig.bed.settle(start(second)), { code: "BIND_FAILED" });
      await second[Symbol.asyncDispose]?.();
      await first.end();
      const third = rig.bed.createAt(endpoint, silentHost);
      await rig.bed.settle(start(third));
      assert.deepEqual(third.datagrams!.localEndpoints(), [endpoint]);
      await third[Symbol.asyncDispose]?.();
    }));
}

function testLifecycle({ name, bed }: TransportKit): void {
  test(`${name}: local endpoints are IP literals with a port, known from the start to the end`, () =>
    onBed(bed(), async (rig) => {
      const station = await rig.station();
      for (const { host, port } of station.transport.datagrams!.localEndpoints()) {
        const text = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
        assert.deepEqual(parseEndpoint(text), { host, port });
      }
      await station.end();
      assert.deepEqual(station.transport.datagrams!.localEndpoints(), []);
    }));

  test(`${name}: before the start and after the end nothing is sent`, () =>
    onBed(bed(), async (rig) => {
      const station = new Station(rig.bed);
      assert.deepEqual(station.transport.datagrams!.localEndpoints(), []);
      assert.equal(station.send(Uint8Array.of(1), { host: "127.0.0.1", port: 9 }), false);
      await station.begin();
      await station.end();
      await station.end();
      assert.equal(station.send(Uint8Array.of(1), { host: "127.0.0.1", port: 9 }), false);
      assert.equal(station.drops.length, 2);
    }));

  test(`${name}: it can be disposed without a start`, () =>
    onBed(bed(), async (rig) => {
      await rig.bed.create(silentHost)[Symbol.asyncDispose]?.();
    }));
}

const silentHost = new MemberHost("silent", systemClock());

interface Letter {
  readonly bytes: Uint8Array;
  readonly from: Endpoint;
}

/** A started transport with what it received, dropped and logged. */
class Station {
  readonly transport: Transport & Lifecycle;
  readonly host: MemberHost;
  /** The handler throws for a datagram that begins with this byte. */
  throwOn: number | undefined;
  readonly #bed: TransportBed;
  readonly #letters: Letter[] = [];
  readonly #waiting: ((letter: Letter) => void)[] = [];

  constructor(bed: TransportBed) {
    this.#bed = bed;
    this.host = new MemberHost("station", bed.clock ?? systemClock());
    this.transport = bed.create(this.host);
    this.transport.datagrams!.receive((datagram, from) => this.#hear(datagram, from));
  }

  get drops(): readonly Drop[] {
    return this.host.counted;
  }

  get endpoint(): Endpoint {
    return this.transport.datagrams!.localEndpoints()[0]!;
  }

  async begin(): Promise<void> {
    await this.#bed.settle(start(this.transport));
  }

  async end(): Promise<void> {
    await this.transport[Symbol.asyncDispose]?.();
  }

  send(datagram: Uint8Array, to: Endpoint): boolean {
    return this.transport.datagrams!.send(datagram, to);
  }

  next(): Promise<Letter> {
    const letter = this.#letters.shift();
    return letter ? Promise.resolve(letter) : new Promise((resolve) => this.#waiting.push(resolve));
  }

  #hear(datagram: Uint8Array, from: Endpoint): void {
    if (datagram[0] === this.throwOn && this.throwOn !== undefined) throw new Error("the handler is broken");
    const letter = { bytes: new Uint8Array(datagram), from };
    const waiter = this.#waiting.shift();
    if (waiter) waiter(letter);
    else this.#letters.push(letter);
  }
}

interface Rig {
  readonly bed: TransportBed;
  station(): Promise<Station>;
}

/** Runs the body and ends every station that it made. */
async function onBed(bed: TransportBed, body: (rig: Rig) => Promise<void>): Promise<void> {
  const stations: Station[] = [];
  const station = async () => {
    const made = new Station(bed);
    stations.push(made);
    await made.begin();
    return made;
  };
  try {
    await body({ bed, station });
  } finally {
    for (const made of stations) await made.end();
  }
}

async function start(transport: Lifecycle): Promise<void> {
  await transport.start?.(new AbortController().signal);
}
