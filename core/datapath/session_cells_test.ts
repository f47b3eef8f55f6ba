import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SessionCells, sessionCellsMemory } from "./session_cells.ts";

/** The views of two threads on the same memory. */
function cellsOf(slots: number) {
  const memory = sessionCellsMemory(slots);
  return { main: new SessionCells(memory), worker: new SessionCells(memory) };
}

test("both threads take from one counter, and no number twice", () => {
  const { main, worker } = cellsOf(2);
  const slot = main.open();
  assert.deepEqual([main.take(slot, 1), worker.take(slot, 44), main.take(slot, 1)], [0, 1, 45]);
  assert.equal(main.traffic(slot).sent, 46);
});

test("an ended slot is given out again only after the worker has let go of its key", () => {
  const { main, worker } = cellsOf(2);
  const [first, second] = [main.open(), main.open()];
  assert.deepEqual([first, second, main.open()], [0, 1, -1]);
  main.take(first, 10);
  main.end(first);
  assert.equal(main.isLive(first), false);
  assert.equal(worker.take(first, 1), -1);
  assert.equal(main.open(), -1);
  worker.freed(first);
  assert.equal(main.open(), first);
  assert.equal(worker.take(first, 1), 0);
});

test("with several workers an ended slot is free when the last of them has let go, however often the others say so", () => {
  const memory = sessionCellsMemory(1, 3);
  const main = new SessionCells(memory);
  const workers = [0, 1, 2].map((worker) => new SessionCells(memory, worker));
  const slot = main.open();
  main.end(slot);
  for (const worker of [0, 2, 0, 2]) workers[worker]!.freed(slot);
  assert.equal(main.open(), -1);
  workers[1]!.freed(slot);
  assert.equal(main.open(), slot);
  assert.equal(workers[2]!.take(slot, 1), 0);
});

test("a worker that died holds nothing back, and one that lives is still waited for", () => {
  const memory = sessionCellsMemory(2, 8);
  const main = new SessionCells(memory);
  const workers = Array.from({ length: 8 }, (_, worker) => new SessionCells(memory, worker));
  const [ended, live] = [main.open(), main.open()];
  main.end(ended);
  for (const worker of workers.slice(0, 6)) worker.freed(ended);
  // It had said so before it died.
  main.reclaim(5);
  main.reclaim(7);
  assert.equal(main.open(), -1);
  workers[6]!.freed(ended);
  assert.equal(main.open(), ended);
  assert.equal(main.isLive(live), true);
});

test("sums of all workers are added, and a new session begins with none of them", () => {
  const memory = sessionCellsMemory(3, 2);
  const main = new SessionCells(memory);
  const [first, second] = [new SessionCells(memory, 0), new SessionCells(memory, 1)];
  const slots = [main.open(), main.open(), main.open()];
  for (const slot of slots) {
    first.received(slot, 100 * (slot + 1));
    second.received(slot, 1);
    second.sealed(slot, 7);
  }
  const sums = { packetsIn: 2, packetsOut: 1, bytesOut: 7, sent: 0 };
  for (const slot of slots) {
    assert.deepEqual(main.traffic(slot), { ...sums, bytesIn: 100 * (slot + 1) + 1 });
    assert.equal(second.packetsIn(slot), 2);
  }
  main.end(1);
  for (const worker of [first, second]) worker.freed(1);
  assert.equal(main.open(), 1);
  assert.deepEqual(main.traffic(1), { sent: 0, packetsIn: 0, bytesIn: 0, packetsOut: 0, bytesOut: 0 });
  assert.equal(main.packetsIn(0) + main.packetsIn(2), 4);
});

test("without a worker main reclaims what was ending, and nothing else", () => {
  const { main, worker } = cellsOf(2);
  const [first, second] = [main.open(), main.open()];
  main.end(first);
  main.reclaim();
  assert.equal(main.isLive(second), true);
  worker.freed(second);
  assert.equal(main.isLive(second), true);
  assert.equal(main.open(), first);
});

test("after 2^31 numbers a session is worn out for good", () => {
  const { main, worker } = cellsOf(1);
  const slot = main.open();
  assert.equal(main.take(slot, 2 ** 31 - 10), 0);
  assert.equal(worker.take(slot, 10), 2 ** 31 - 10);
  assert.equal(worker.take(slot, 1), -1);
  assert.equal(main.traffic(slot).sent, 2 ** 31);
  for (let i = 0; i < 5; i++) assert.equal(main.take(slot, 2 ** 30), -1);
  main.jumpCounters();
  assert.equal(worker.take(slot, 1), -1);
});

test("a batch that would cross the end takes nothing, not even its first part", () => {
  const { main } = cellsOf(1);
  const slot = main.open();
  main.take(slot, 2 ** 31 - 10);
  assert.equal(main.take(slot, 11), -1);
  assert.equal(main.take(slot, 1), -1);
});

test("after a worker died every live counter jumps, and sums stay", () => {
  const { main, worker } = cellsOf(3);
  const [first, second, third] = [main.open(), main.open(), main.open()];
  main.take(first, 5);
  worker.received(first, 1400);
  worker.sealed(first, 100);
  worker.sealed(first, 50);
  main.end(second);
  main.jumpCounters();
  assert.equal(main.take(first, 1), 5 + 2 ** 20);
  assert.equal(main.take(second, 1), -1);
  assert.equal(main.take(third, 1), 2 ** 20);
  const { sent, ...sums } = main.traffic(first);
  assert.equal(sent, 6 + 2 ** 20);
  assert.deepEqual(sums, { packetsIn: 1, bytesIn: 1400, packetsOut: 2, bytesOut: 150 });
  assert.equal(main.packetsIn(first), 1);
  assert.equal(main.traffic(third).packetsIn, 0);
});

test("a new session in a slot begins with sums of zero", () => {
  const { main, worker } = cellsOf(1);
  const slot = main.open();
  worker.received(slot, 9);
  main.end(slot);
  worker.freed(slot);
  assert.equal(main.open(), slot);
  assert.deepEqual(main.traffic(slot), { sent: 0, packetsIn: 0, bytesIn: 0, packetsOut: 0, bytesOut: 0 });
});
