import assert from "node:assert/strict";
import { test } from "../harness.ts";
import type { GossipFact, GossipShape, MachineKind, MachineSeat } from "./gossip_shape.ts";
import { Mesh } from "./mesh.ts";
import { datagramOverhead } from "./traffic.ts";

/** Sends one datagram a second to the next node and keeps what it was told, and when by its own clock. */
class Ticker implements GossipShape {
  readonly heardAt: number[] = [];
  readonly tickedAt: number[] = [];
  readonly #next: number;
  readonly #facts: GossipFact[] = [];
  #due = 0;

  constructor({ self, members }: MachineSeat) {
    this.#next = (self + 1) % members;
  }

  start(now: number): void {
    this.#due = now + 1_000;
  }

  admit(): void {}
  expel(): void {}
  spread(): void {}
  leave(): void {}
  heard(): void {}

  handle(_from: number, _message: Uint8Array, now: number): void {
    this.heardAt.push(now);
  }

  handleTimeout(now: number): void {
    assert.ok(now >= this.#due);
    this.tickedAt.push(now);
    this.#due = now + 1_000;
    this.#facts.push({ type: "datagram", to: this.#next, message: new Uint8Array(36) });
  }

  pollTimeout(): number {
    return this.#due;
  }

  poll(): GossipFact | undefined {
    return this.#facts.shift();
  }
}

const ticker: MachineKind = { name: "ticker", roundMillis: 1_000, create: (seat) => new Ticker(seat) };

function mesh(options: { readonly clockDrift?: number; readonly loss?: number } = {}): Mesh {
  const { clockDrift = 0, loss = 0 } = options;
  return new Mesh({ kind: ticker, nodes: 3, seed: 4, clockDrift, underlay: { loss } });
}

function machine(of: Mesh, node: number): Ticker {
  return of.machine(node) as Ticker;
}

test("bytes of a datagram are counted with its headers, sent even when lost, received when it arrives", () => {
  const whole = mesh();
  whole.traffic.begin(0);
  whole.run(100_500);
  const each = 36 + datagramOverhead;
  assert.ok(Math.abs(whole.traffic.rates(whole.now).mean - 2 * each * 100 / 100.5) < 1);
  const lossy = mesh({ loss: 1 });
  lossy.run(100_500);
  assert.ok(Math.abs(lossy.traffic.rates(lossy.now).mean - each * 100 / 100.5) < 1);
});

test("a paused node does nothing until it goes on, and then finds what came in the meantime", () => {
  const paused = mesh();
  paused.run(1_500);
  paused.pause(0, 5_000);
  paused.run(4_900);
  assert.equal(machine(paused, 0).tickedAt.length, 1);
  assert.equal(machine(paused, 0).heardAt.length, 1);
  paused.run(200);
  assert.equal(machine(paused, 0).tickedAt.length, 2);
  assert.equal(machine(paused, 0).heardAt.length, 6);
});

test("a node that is woken goes on at once", () => {
  const paused = mesh();
  paused.pause(0, 60_000);
  paused.run(10_000);
  paused.wake(0);
  paused.run(10);
  assert.equal(machine(paused, 0).tickedAt.length, 1);
});

test("what waits for a paused node is bounded as a socket's buffer is", () => {
  const paused = mesh();
  paused.pause(0, 600_000);
  paused.run(600_000);
  assert.equal(machine(paused, 0).heardAt.length, 256);
});

test("a slow node takes one datagram after the other, each when it is done with the one before", () => {
  const slow = mesh();
  slow.slow(0, 400);
  slow.run(20_000);
  const calls = [...machine(slow, 0).heardAt, ...machine(slow, 0).tickedAt].sort((a, b) => a - b);
  for (let i = 2; i < calls.length; i++) assert.ok(calls[i]! - calls[i - 1]! > 399, `${calls}`);
});

test("clocks drift apart, and no timer fires before its time", () => {
  const drifting = mesh({ clockDrift: 0.1 });
  drifting.run(1_000_000);
  const ticks = [0, 1, 2].map((node) => machine(drifting, node).tickedAt.length);
  assert.ok(new Set(ticks).size > 1, `${ticks}`);
  for (const count of ticks) assert.ok(count > 880 && count < 1_120, `${ticks}`);
});

test("a crashed node is called no more, and starts again as a new machine", () => {
  const crashed = mesh();
  crashed.run(2_500);
  const before = machine(crashed, 1);
  crashed.crash(1);
  crashed.run(5_000);
  assert.equal(before.tickedAt.length, 2);
  assert.equal(crashed.running, 2);
  crashed.restart(1, false);
  crashed.run(3_500);
  assert.equal(machine(crashed, 1).tickedAt.length, 3);
});

test("the trace follows from the seed: alike with the same, different with another", () => {
  const trace = (seed: number) => {
    const run = new Mesh({ kind: ticker, nodes: 3, seed, underlay: { loss: 0.2 } });
    run.run(60_000);
    return run.trace.digest();
  };
  assert.equal(trace(1), trace(1));
  assert.notEqual(trace(1), trace(2));
});
