import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import type { Endpoint } from "../../core/contracts/values.ts";
import type { MemoryBinding } from "../../plugins/memory_transport/memory_network.ts";
import { test } from "../harness.ts";
import { SimClock } from "./clock.ts";
import { type LinkFaults, SimNetwork } from "./network.ts";
import { SimRandom } from "./random.ts";

const [a, b, c] = ["192.0.2.1", "192.0.2.2", "2001:db8::3"].map((host) => ({ host, port: 6783 })) as [
  Endpoint,
  Endpoint,
  Endpoint,
];

interface Arrival {
  readonly at: number;
  readonly bytes: readonly number[];
  readonly from: string;
}

/** Three hosts, and all that arrived at each. */
class World {
  readonly clock = new SimClock();
  readonly network: SimNetwork;
  readonly arrivals = new Map<Endpoint, Arrival[]>();
  readonly bindings = new Map<Endpoint, MemoryBinding>();

  constructor(faults: Partial<LinkFaults> = {}, seed = 1) {
    this.network = new SimNetwork({ clock: this.clock, random: new SimRandom(seed), faults });
    for (const endpoint of [a, b, c]) {
      const arrived: Arrival[] = [];
      this.arrivals.set(endpoint, arrived);
      const receive = (datagram: Uint8Array, from: Endpoint) =>
        void arrived.push({ at: this.clock.now(), bytes: [...datagram], from: from.host });
      this.bindings.set(endpoint, this.network.bind(endpoint, receive));
    }
  }

  send(from: Endpoint, to: Endpoint, ...bytes: number[]): Drop {
    return this.bindings.get(from)!.send(Uint8Array.from(bytes), to);
  }

  async numbered(from: Endpoint, to: Endpoint, count: number): Promise<number[]> {
    for (let i = 0; i < count; i++) {
      this.send(from, to, i >> 8, i & 0xff);
      await this.clock.advance(1);
    }
    await this.clock.advance(10_000);
    return this.arrivals.get(to)!.map(({ bytes }) => bytes[0]! * 256 + bytes[1]!);
  }

  seen(endpoint: Endpoint): readonly Arrival[] {
    return this.arrivals.get(endpoint)!;
  }
}

test("a perfect link brings every datagram once, in order, after its delay", async () => {
  const world = new World({ delay: 25 });
  assert.equal(world.send(a, b, 1, 2), Drop.none);
  assert.deepEqual(world.seen(b), []);
  await world.clock.advance(24);
  assert.deepEqual(world.seen(b), []);
  await world.clock.advance(1);
  assert.deepEqual(world.seen(b), [{ at: 25, bytes: [1, 2], from: a.host }]);
  const all = await world.numbered(a, c, 300);
  assert.deepEqual(all, Array.from({ length: 300 }, (_, i) => i));
});

test("loss, duplicates, reordering and flipped bits come about as often as asked", async () => {
  const lossy = await new World({ loss: 0.1 }).numbered(a, b, 1_000);
  assert.ok(lossy.length > 860 && lossy.length < 940, `arrived: ${lossy.length}`);

  const doubled = await new World({ duplicate: 0.2 }).numbered(a, b, 1_000);
  assert.ok(doubled.length > 1_150 && doubled.length < 1_250, `arrived: ${doubled.length}`);
  assert.equal(new Set(doubled).size, 1_000);

  const reordered = await new World({ reorder: 0.1 }).numbered(a, b, 1_000);
  const overtaken = reordered.filter((value, i) => i > 0 && value < reordered[i - 1]!).length;
  assert.ok(overtaken > 60 && overtaken < 140, `overtaken: ${overtaken}`);
  assert.deepEqual([...reordered].sort((x, y) => x - y), Array.from({ length: 1_000 }, (_, i) => i));

  const flipped = await new World({ flip: 0.1 }).numbered(a, b, 1_000);
  const wrong = flipped.filter((value, i) => value !== i);
  assert.ok(wrong.length > 60 && wrong.length < 140, `wrong: ${wrong.length}`);
  flipped.forEach((value, i) => assert.ok(bitsOf(value ^ i) <= 1));
});

function bitsOf(value: number): number {
  return value.toString(2).replaceAll("0", "").length;
}

test("jitter spreads arrivals between the delay and the delay plus jitter", async () => {
  const world = new World({ delay: 10, jitter: 40 });
  for (let i = 0; i < 200; i++) world.send(a, b, i);
  await world.clock.advance(100);
  const times = world.seen(b).map(({ at }) => at);
  assert.ok(times.every((at) => at >= 10 && at <= 50));
  assert.ok(Math.min(...times) < 12 && Math.max(...times) > 48);
});

test("one seed gives one trace", async () => {
  const faults = { loss: 0.1, jitter: 30, reorder: 0.1, duplicate: 0.1, flip: 0.1 };
  const run = async (seed: number) => {
    const world = new World(faults, seed);
    const trace: string[] = [];
    world.network.watch(({ at, what, datagram }) => trace.push(`${at} ${what} ${datagram}`));
    await world.numbered(a, b, 200);
    return trace;
  };
  assert.deepEqual(await run(4), await run(4));
  assert.notDeepEqual(await run(4), await run(5));
});

test("a link is one way: its faults and its cut leave the way back alone", async () => {
  const world = new World();
  world.network.setLink(a.host, b.host, { delay: 100 });
  world.send(a, b, 1);
  world.send(b, a, 2);
  await world.clock.advance(50);
  assert.deepEqual([world.seen(b).length, world.seen(a).length], [0, 1]);
  world.network.cut(a.host, b.host);
  world.send(a, b, 3);
  world.send(b, a, 4);
  await world.clock.advance(200);
  assert.deepEqual([world.seen(b).length, world.seen(a).length], [0, 2]);
  assert.equal(world.network.counts.cut, 2); // the one that was on its way, too
  world.network.mend(a.host, b.host);
  world.send(a, b, 5);
  await world.clock.advance(200);
  assert.deepEqual(world.seen(b).map(({ bytes }) => bytes), [[5]]);
});

test("a partition separates groups, hosts in none are together, and heal joins all", async () => {
  const world = new World();
  const reaches = async (from: Endpoint, to: Endpoint) => {
    const before = world.seen(to).length;
    world.send(from, to, 1);
    await world.clock.advance(5);
    return world.seen(to).length > before;
  };
  world.network.partition([a.host]);
  assert.deepEqual([await reaches(a, b), await reaches(b, a), await reaches(b, c)], [false, false, true]);
  world.network.partition([a.host, b.host], [c.host]);
  assert.deepEqual([await reaches(a, b), await reaches(b, c)], [true, false]);
  world.network.heal();
  assert.deepEqual([await reaches(a, c), await reaches(c, b)], [true, true]);
});

test("a moved host sends from its new endpoint and is deaf at the old one", async () => {
  const world = new World();
  const elsewhere = { host: "198.51.100.9", port: 40_000 };
  world.network.move(a, elsewhere);
  world.send(a, b, 1);
  world.send(b, a, 2);
  world.send(b, elsewhere, 3);
  await world.clock.advance(5);
  assert.equal(world.seen(b)[0]!.from, elsewhere.host);
  assert.deepEqual(world.seen(a).map(({ bytes }) => bytes), [[3]]);
  assert.equal(world.network.counts.unheard, 1);
  assert.throws(() => world.network.move(a, b), /nothing is bound/);
});

test("an endpoint is bound once at a time, under every spelling of its host", () => {
  const { network, bindings } = new World();
  const again = () => network.bind({ host: "2001:DB8:0::3", port: 6783 }, () => {});
  assert.throws(again, { code: "BIND_FAILED" });
  bindings.get(c)!.close();
  const second = again();
  bindings.get(c)!.close(); // the first holder's second close must not free it
  assert.throws(again, { code: "BIND_FAILED" });
  second.close();
});

test("what cannot be sent says why, and a closed binding neither sends nor hears", async () => {
  const world = new World();
  assert.equal(world.bindings.get(a)!.send(new Uint8Array(65_508), b), Drop.tooBig);
  assert.equal(world.send(a, { host: "example.org", port: 1 }, 1), Drop.underlay);
  assert.equal(world.send(a, { host: b.host, port: 0 }, 1), Drop.malformed);
  assert.throws(() => world.network.bind({ host: "nowhere", port: 1 }, () => {}), {
    code: "INVALID_ARGUMENT",
  });
  world.bindings.get(b)!.close();
  assert.equal(world.send(b, a, 1), Drop.underlay);
  world.send(a, b, 1);
  await world.clock.advance(5);
  assert.deepEqual(world.seen(b), []);
});

test("the memory of a datagram is free on return, and each receiver gets its own", async () => {
  const world = new World({ duplicate: 1 });
  const memory = Uint8Array.of(1, 2, 3);
  const seen: number[][] = [];
  const binding = world.network.bind({ host: "192.0.2.9", port: 1 }, (datagram) => {
    seen.push([...datagram]);
    datagram.fill(0);
  });
  world.bindings.get(a)!.send(memory, { host: "192.0.2.9", port: 1 });
  memory.fill(9);
  await world.clock.advance(5);
  assert.deepEqual(seen, [[1, 2, 3], [1, 2, 3]]);
  binding.close();
});
