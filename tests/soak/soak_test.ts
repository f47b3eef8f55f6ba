/** A soak of some seconds, so that the long one works when it is wanted: `npm run prove -- soak`. */
import assert from "node:assert/strict";
import { lacksForLab } from "../../examples/lab/lab.ts";
import { test } from "../harness.ts";
import { limit } from "../hosts/lab_fixture.ts";
import { findingsOf } from "./findings.ts";
import { kinds } from "./load_order.ts";
import { runSoak, type Sample } from "./soak.ts";

test("both nodes carry every kind of traffic of a soak, and are seen to", async () => {
  const seen: Sample[] = [];
  const samples = await runSoak({ seconds: 5, everySeconds: 1, seed: 1 }, (sample) => seen.push(sample));
  assert.deepEqual(samples, seen);
  assert.equal(samples.length, 5);
  for (const { load, carried, resident, descriptors } of samples.at(-1)!.nodes) {
    for (const kind of kinds) assert.ok(load[kind] > 0, kind);
    assert.ok(
      carried > load.streamBytes,
      `${carried} bytes carried, ${load.streamBytes} of them of the stream`,
    );
    assert.ok(resident > 0 && descriptors > 0);
  }
  assert.deepEqual(findingsOf(samples).faults.filter((fault) => !fault.includes("its memory")), []);
}, { skip: lacksForLab(), limit });

/** Samples of half an hour. */
function halfHour(change: (index: number) => Partial<Sample["nodes"][0]>): readonly Sample[] {
  return Array.from({ length: 180 }, (_, index) => {
    const moved = 1_000 * (index + 1);
    const node: Sample["nodes"][0] = {
      ...{ resident: 150 + index % 3, anonymous: 100, shared: 10, threads: 12, descriptors: 40 + index % 5 },
      inner: { heap: 20, heapTotal: 30, external: 5, timers: 9 },
      load: { streamBytes: moved, datagrams: moved, datagramsSent: moved, flows: moved, flowBytes: moved },
      ...{ carried: 2 * moved, drops: { queueFull: index }, restarts: 0 },
    };
    return { at: 10 * (index + 1), nodes: [node, { ...node, ...change(index) }] };
  });
}

test("a soak in which nothing grows has no fault, and its figures are those of both nodes", () => {
  const { faults, figures } = findingsOf(halfHour(() => ({})));
  assert.deepEqual(faults, []);
  assert.equal(figures.sums?.["bytes carried"], 720_000);
  assert.equal(figures.sums?.["dropped: queueFull"], 358);
  assert.equal(figures.peaks?.["RSS MiB"], 152);
});

test("growing memory, descriptors and timers, failed threads and a stall are found, each in the node that has it", () => {
  const faults = (change: (index: number) => Partial<Sample["nodes"][0]>) =>
    findingsOf(halfHour(change)).faults;
  assert.match(
    faults((index) => ({ resident: 150 + index / 36 })).join(),
    /^b: its memory grows, 10\.00 ± 0\.00/,
  );
  assert.deepEqual(faults((index) => ({ descriptors: 40 + index % 5 + Math.floor(index / 40) })), [
    "b: 2 more descriptors at the end",
  ]);
  assert.match(
    faults((index) => ({ inner: { heap: 20, heapTotal: 30, external: 5, timers: index } })).join(),
    /^b: \d+ more timers at the end$/,
  );
  assert.deepEqual(faults(() => ({ restarts: 2 })), ["b: threads of its data path failed 2 times"]);
  const stuck = { streamBytes: 50, datagrams: 0, datagramsSent: 0, flows: 0, flowBytes: 0 };
  assert.deepEqual(
    faults((index) => ({ load: { ...stuck, datagrams: index + 1, flows: index + 1 } })),
    ["b: streamBytes stood still after 10 s"],
  );
});

test("of a step in the middle it is not claimed that nothing grows, nor that something does", () => {
  const { faults } = findingsOf(halfHour((index) => ({ resident: index < 110 ? 150 : 156 })));
  assert.equal(faults.length, 1);
  assert.match(faults[0]!, /^b: whether its memory grows cannot be told, .* run longer$/);
});

test("what grows only while programs get warm is no fault", () => {
  assert.deepEqual(findingsOf(halfHour((index) => ({ resident: 100 + Math.min(50, index) }))).faults, []);
});
