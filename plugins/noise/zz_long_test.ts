import assert from "node:assert/strict";
import fc from "fast-check";
import { Drop } from "../../core/contracts/drop.ts";
import { test } from "../../tests/harness.ts";
import { Rig, type RigNode } from "./testing_rig.ts";

interface Climate {
  readonly seed: number;
  /** Shares of datagrams that are lost and doubled. */
  readonly loss: number;
  readonly doubling: number;
  /** Most delay in ms: with more than one packet on the way, this is also reordering. */
  readonly delay: number;
}

const climate = fc.record({
  seed: fc.integer({ min: 1, max: 2 ** 31 }),
  loss: fc.double({ min: 0, max: 0.4, noNaN: true }),
  doubling: fc.double({ min: 0, max: 0.3, noNaN: true }),
  delay: fc.integer({ min: 1, max: 400 }),
}, { limit: 900_000 });

const event = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ type: fc.constant("send" as const), count: fc.integer({ min: 1, max: 20 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 30_000 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant("outage" as const), ms: fc.integer({ min: 1, max: 60_000 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant("move" as const), side: fc.integer({ min: 0, max: 1 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant("restart" as const), side: fc.integer({ min: 0, max: 1 }) }),
  },
);
type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;

class World {
  readonly rig: Rig;
  readonly #climate: Climate;
  nodes: [RigNode, RigNode];
  readonly sent = new Set<string>();
  readonly #gone: RigNode[] = [];
  #restarts = 0;
  #port = 5_000;

  constructor(climate: Climate) {
    this.#climate = climate;
    this.rig = new Rig(climate.seed);
    this.nodes = [this.rig.add("a", { wall: 1_000_000 }), this.rig.add("b", { wall: 1_000_000 })];
    this.storm();
    this.rig.connect(...this.nodes);
    if (climate.seed % 2 === 0) this.rig.connect(this.nodes[1], this.nodes[0]);
  }

  storm(): void {
    const { loss, doubling, delay } = this.#climate;
    const { random } = this.rig;
    const late = () => 1 + Math.floor(random.next() * delay);
    this.rig.weather = () =>
      random.next() < loss ? [] : random.next() < doubling ? [late(), late()] : [late()];
  }

  apply(event: Event): void {
    if (event.type === "send") this.#send(event.count);
    if (event.type === "wait") this.rig.run(event.ms);
    if (event.type === "outage") {
      this.rig.weather = () => [];
      this.rig.run(event.ms);
      this.storm();
    }
    if (event.type === "move") {
      this.nodes[event.side as 0 | 1].endpoint = { host: "192.0.2.2", port: this.#port++ };
    }
    if (event.type === "restart") this.#restart(event.side as 0 | 1);
  }

  /** Discovery tells each where the other is. */
  introduce(): void {
    const [a, b] = this.nodes;
    this.rig.connect(a, b);
    this.rig.connect(b, a);
  }

  #move(side: 0 | 1): void {
    this.nodes[side].endpoint = { host: "192.0.2.2", port: this.#port++ };
    this.rig.connect(this.nodes[side], this.nodes[1 - side]!);
  }

  #send(count: number): void {
    for (let i = 0; i < count; i++) {
      for (const [from, to] of [this.nodes, this.nodes.toReversed() as [RigNode, RigNode]]) {
        const text = `${from.name} ${this.sent.size}`;
        if (this.rig.send(from, to, text) === Drop.none) this.sent.add(text);
      }
      this.rig.run(7);
    }
  }

  /** The restarted node calls the other one where it is now, as a node does from its list of known peers. */
  #restart(side: 0 | 1): void {
    this.#gone.push(this.nodes[side]);
    this.nodes[side] = this.rig.restart(this.nodes[side], {
      wall: 1_000_000 + ++this.#restarts * 10_000_000,
    });
    this.rig.connect(this.nodes[side], this.nodes[1 - side]!);
  }

  /** What both nodes and their earlier lives have received. */
  received(): string[] {
    return [...this.nodes, ...this.#gone].flatMap((node) => node.received());
  }
}

/** `+` and `-` of one peer take turns, beginning with `+`. */
function alternates(edges: readonly string[]): boolean {
  return edges.every((edge, i) => edge.startsWith(i % 2 === 0 ? "+" : "-"));
}

test("whatever the network does, packets arrive at most once and unaltered, and peace brings a session", () => {
  fc.assert(
    fc.property(climate, fc.array(event, { maxLength: 25 }), (weather, events) => {
      const world = new World(weather);
      for (const each of events) world.apply(each);
      world.rig.weather = () => [10];
      world.introduce();
      world.rig.run(60_000);
      const [a, b] = world.nodes;
      assert.deepEqual([a.edges().at(-1), b.edges().at(-1)], ["+b", "+a"]);
      assert.ok(alternates(a.edges()) && alternates(b.edges()), `${a.edges()} ${b.edges()}`);
      const received = world.received();
      assert.equal(new Set(received).size, received.length, "nothing twice");
      assert.ok(received.every((text) => world.sent.has(text)), "nothing else");
      assert.deepEqual([a.of("clone-detected"), b.of("clone-detected")], [[], []]);
      assert.equal(world.rig.send(a, b, "at last"), Drop.none);
      world.rig.run(20);
      assert.equal(b.received().at(-1), "at last");
    }),
    { seed: 4711, numRuns: 2500 },
  );
});

if (false) test("the same seed makes the same datagrams", () => {
  const trace = () => {
    const world = new World({ seed: 42, loss: 0.2, doubling: 0.1, delay: 80 });
    world.apply({ type: "send", count: 20 });
    world.apply({ type: "wait", ms: 200_000 });
    return world.rig.log.map(({ at, datagram }) => `${at} ${datagram}`);
  };
  assert.deepEqual(trace(), trace());
});
