import assert from "node:assert/strict";
import { test } from "../../harness.ts";
import type { Sample } from "./metrics.ts";
import type { Result } from "./result.ts";
import { percentile, spreadOf } from "./statistics.ts";
import { figuresTable, goalLines, ratiosTable } from "./tables.ts";

function result(system: string, samples: Sample[]): Result {
  return { system, offload: "on", version: "1", mtu: 1420, samples, failures: [] };
}

test("a median is the middle one, or halfway between the two middle ones", () => {
  assert.deepEqual(spreadOf([30, 1, 2]), { median: 2, least: 1, most: 30, count: 3 });
  assert.deepEqual(spreadOf([10, 1, 4, 3]), { median: 3.5, least: 1, most: 10, count: 4 });
  assert.equal(spreadOf([]), undefined);
});

test("a percentile is the smallest sample that its share of all does not exceed", () => {
  const samples = Array.from({ length: 200 }, (_, i) => 200 - i);
  assert.deepEqual([0.5, 0.99, 1].map((share) => percentile(samples, share)), [100, 198, 200]);
  assert.equal(percentile([7], 0.99), 7);
});

test("a table has medians with their spread, and a dash for what was not measured", () => {
  const [head, rule, row, ...rest] = figuresTable([
    result("wireguard-go", [{ tcp: 598.6 }, { tcp: 610, datagrams: 55.04 }, { tcp: 590 }]),
  ]);
  const cells = (line: string) => line.split("|").slice(1, -1).map((cell) => cell.trim());
  assert.deepEqual(cells(head!).slice(0, 4), ["system", "MTU", "TCP Mbit/s", "reverse"]);
  assert.deepEqual(cells(row!).slice(0, 6), ["wireguard-go", "1420", "599 (590–610)", "-", "-", "55.0"]);
  assert.deepEqual([rule, row].map((line) => cells(line!).length), [
    cells(head!).length,
    cells(head!).length,
  ]);
  assert.deepEqual(rest, []);
});

test("ratios are those of medians, to the yardsticks that were measured", () => {
  const results = [
    result("wireguard-go", [{ tcp: 600, rttMedian: 200 }]),
    result("selvage", [{ tcp: 9000, rttMedian: 50 }, { tcp: 7500, rttMedian: 50 }, { tcp: 100 }]),
  ];
  const lines = ratiosTable(results, ["selvage"]);
  assert.equal(lines.length, 3);
  assert.match(
    lines[2]!,
    /^\| selvage \/ wireguard-go \| +12\.5x \| +- \| +- \| +- \| +0\.25x \| +- \| +- \| +- \|$/,
  );
  assert.deepEqual(ratiosTable(results.slice(0, 1), ["selvage"]), []);
});

test("further threads are held against one of them, which is not held against itself", () => {
  const results = [
    result("selvage-1-workers", [{ tcpFour: 4000, processorTimeFour: 3 }]),
    result("selvage-2-workers", [{ tcpFour: 3600, processorTimeFour: 3.15 }]),
  ];
  const [, , row, ...rest] = ratiosTable(results, ["selvage-1-workers", "selvage-2-workers"]);
  assert.match(row!, /^\| selvage-2-workers \/ selvage-1-workers \|.* 0\.9x \|.* 1\.05x \|$/);
  assert.deepEqual(rest, []);
  assert.deepEqual(goalLines(results, "off"), [
    "selvage-2-workers / selvage-1-workers, 4 streams: 0.9x, goal ≥ 0.95x: MISSED",
    "selvage-2-workers / selvage-1-workers, CPU s/GB of 4 streams: 1.05x, goal ≤ 1.1x: met",
  ]);
});

test("a goal is judged by its own direction, and only where both sides were measured", () => {
  const results = [
    result("wireguard-go", [{ tcp: 600, processorTime: 20 }]),
    result("selvage", [{ tcp: 9000, processorTime: 2, memory: 151 }]),
  ];
  assert.deepEqual(goalLines(results, "on"), [
    "selvage / wireguard-go, TCP Mbit/s: 15x, goal ≥ 13x: met",
    "selvage / wireguard-go, CPU s/GB: 0.1x, goal ≤ 0.06x: MISSED",
    "selvage, RSS MiB: 151, goal ≤ 150: MISSED",
  ]);
  assert.deepEqual(goalLines([result("selvage", [{ loadedTail: 1000 }])], "off"), [
    "selvage, loaded RTT p99 µs: 1000, goal ≤ 1000: met",
  ]);
});
