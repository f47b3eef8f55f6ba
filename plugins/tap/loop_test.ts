import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { decodeEthernet } from "../../core/wire/ethernet.ts";
import { joinRules } from "./bridge_scripts.ts";
import { decodeProbe, encodeProbe, type LoopProbe, yielding } from "./loop_probe.ts";
import { LoopWatch, mostReturns } from "./loop_watch.ts";

const network = new Uint8Array(8).fill(1);
const node = new Uint8Array(8).fill(2);
const probe = (join: number, more: Partial<LoopProbe> = {}): LoopProbe => ({
  network,
  join,
  since: 1_764_000_000_000 + join,
  node,
  ...more,
});

test("a probe is read as it was written, by its join's own MAC, and nothing else is one", () => {
  const frame = encodeProbe(probe(3));
  assert.deepEqual(decodeProbe(frame), probe(3));
  const ethernet = decodeEthernet(frame);
  assert.ok(typeof ethernet === "object");
  assert.deepEqual([...ethernet.destination], [0x0a, 0x5e, 0, 1, 0, 3]);
  for (let length = 0; length < frame.length; length++) {
    assert.equal(decodeProbe(frame.subarray(0, length)), undefined);
  }
  const newer = frame.slice();
  newer[14] = 2;
  assert.equal(decodeProbe(newer), undefined);
});

test("the later join yields, one that hears itself does too, and another network's is nobody's concern", () => {
  assert.equal(yielding(probe(1), probe(2)), "arrival");
  assert.equal(yielding(probe(2), probe(1)), "origin");
  assert.equal(yielding(probe(1), probe(1)), "arrival");
  const other = new Uint8Array(8).fill(3);
  assert.equal(yielding(probe(1, { node: other }), probe(2)), "arrival");
  assert.equal(yielding(probe(2, { node: other }), probe(1)), "none");
  assert.equal(yielding(probe(1, { network: other }), probe(2)), "none");
});

test("of two joins of two nodes exactly one yields, whatever their times and ids are", () => {
  const anyProbe = fc.record({
    network: fc.constant(network),
    join: fc.integer({ min: 1, max: 3 }),
    since: fc.integer({ min: 0, max: 2 }),
    node: fc.constantFrom(...[4, 5, 6].map((byte) => new Uint8Array(8).fill(byte))),
  });
  const property = fc.property(anyProbe, anyProbe, (one, two) => {
    fc.pre(one.node[0] !== two.node[0]);
    const yields = [yielding(one, two), yielding(two, one)];
    assert.deepEqual(yields.sort(), ["arrival", "none"]);
  });
  fc.assert(property, { seed: 1, numRuns: 500 });
});

test("ten frames in one second are too many, and ten in more are not", () => {
  const watch = new LoopWatch();
  for (let i = 1; i < mostReturns; i++) assert.equal(watch.returned("br0", i), false);
  assert.equal(watch.returned("br0", 999), true);
  const slow = new LoopWatch();
  for (let i = 0; i < 100; i++) assert.equal(slow.returned("br0", i * 112), false);
});

test("a join stays down for a minute, twice as long each time up to an hour, and is forgiven after ten good minutes", () => {
  const watch = new LoopWatch();
  let now = 0;
  const pauses: number[] = [];
  for (let i = 0; i < 8; i++) {
    const pause = watch.blocked("br0", now);
    pauses.push(pause / 60_000);
    now += pause + 1_000;
  }
  assert.deepEqual(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
  assert.equal(watch.blocked("br0", now + 600_000), 60_000);
  watch.forget("br0");
  assert.equal(watch.blocked("br0", now), 60_000);
});

test("the rules of a join name every endpoint of the host once, and only MACs that are made of no address", () => {
  const text = joinRules({
    number: 2,
    signal: Uint8Array.of(2, 1, 2, 3, 4, 2),
    signalSource: Uint8Array.of(2, 1, 2, 3, 4, 0),
    macs: [Uint8Array.of(0x0a, 0x5e, 10, 32, 0, 1), Uint8Array.of(0x52, 0x54, 0, 0, 0, 1)],
    addresses: [4, 4].map(() => ({ family: 4, bytes: Uint8Array.of(10, 32, 0, 1) })),
  });
  assert.match(text, /ether saddr \{ 52:54:00:00:00:01 \}/);
  assert.match(text, /arp saddr ip \{ 10\.32\.0\.1 \}/);
  assert.doesNotMatch(text, /icmpv6 type nd-neighbor-advert/);
});
