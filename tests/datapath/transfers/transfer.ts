/** One cell of the table: bytes across a mesh whose underlay loses, repeats and reorders, and every one of them looked at. */
import assert from "node:assert/strict";
import { until } from "../../../examples/lab/lab.ts";
import { directOverhead } from "../../../plugins/noise/constants.ts";
import { type Bed, inBed, measured, type Transfer } from "./bed.ts";
import type { Cell } from "./cells.ts";
import { windowOf } from "./datagram_flow.ts";
import { interruptionOf, tallyOf } from "./interruptions.ts";
import { LineChild } from "./line_child.ts";
import type { LateCounts } from "./late_program.ts";
import { type Counts, noFaults } from "./middle_rules.ts";
import type { DatagramReport, StreamReport, Task } from "./traffic_task.ts";

export interface Outcome {
  readonly bytes: number;
  /** Of the transfer alone. */
  readonly seconds: number;
  /** Datagrams of the underlay. */
  readonly lost: number;
  readonly delayed: number;
  readonly doubled: number;
  readonly interruptions: number;
}

/** Of a few MiB in large datagrams there are a thousand: of these too some must come late and some twice. */
const latePerMille = { small: 5, jumbo: 20 } as const;
/** Of the UDP payload; with no other packet of that length in the mesh its records are known by theirs. */
const payloadLength = { small: 1_187, jumbo: 8_387 } as const;
/** Of a record with one of them, where nothing is known of the way. */
const mostParts = { small: 2, jumbo: 9 } as const;
/** What a datagram of the underlay has more than the packet in it, from its UDP header on, and what of it may be missing. */
const sealing = { longest: directOverhead[4] - 20, key: 4 } as const;
const settleMillis = 3_000;

/** Throws what was not as it was sent, or not lost by the router. */
export async function runTransfer(transfer: Transfer): Promise<Outcome> {
  const { cell } = transfer;
  const interruption = interruptionOf(cell);
  return await inBed(transfer, async (bed) => {
    await measured(bed, cell);
    const { middle } = bed;
    await assertPaths(bed, cell);
    const [before, lateBefore] = [await tallyOf(bed), await middle.lateCounts()];
    middle.spoil({
      lossPerMille: cell.lossPerMille,
      latePerMille: latePerMille[cell.size],
      countedLengths: countedLengths(cell),
    });
    let seconds: number;
    try {
      await interruption.begin(bed);
      seconds = await (cell.traffic === "udp" ? moveDatagrams(bed, transfer) : moveStreams(bed, transfer));
    } finally {
      interruption.end();
    }
    middle.spoil({ ...noFaults, countedLengths: countedLengths(cell) });
    const [after, late] = [await tallyOf(bed), await middle.lateCounts()];
    const lost = lostIn(after.counts) - lostIn(before.counts);
    assertSpoilt(cell, lost, late);
    return {
      bytes: transfer.bytes,
      seconds,
      lost,
      delayed: late.delayed - lateBefore.delayed,
      doubled: late.doubled - lateBefore.doubled,
      interruptions: interruption.seen(before, after),
    };
  });
}

function lostIn({ countedLost, partsLost, othersLost }: Counts): number {
  return countedLost + partsLost + othersLost;
}

/** A run in which nothing went wrong on the way proves nothing. */
function assertSpoilt(cell: Cell, lost: number, late: LateCounts): void {
  assert.equal(lost > 0, cell.lossPerMille > 0, `${lost} datagrams were lost`);
  assert.ok(late.delayed > 0 && late.doubled > 0, "datagrams came late and twice");
}

/** What was to be tried is what runs. */
async function assertPaths({ from, to }: Bed, { path, nodes }: Cell): Promise<void> {
  for (const { admin } of [from, to]) {
    const { datapath } = await admin.status();
    assert.equal(datapath.path, path === "fast" ? "worker" : "main", `${datapath.reason}`);
    if (path === "fast") assert.equal(datapath.ffi, nodes === "deno" ? "Deno.dlopen" : nodes);
  }
}

async function moveStreams({ sender, receiver }: Bed, { cell, bytes, seed }: Transfer): Promise<number> {
  const streams = cell.traffic === "tcp1" ? 1 : 16;
  const to = cell.inner === 4 ? receiver.address4 : receiver.address6;
  await using children = new AsyncDisposableStack();
  const start = (at: typeof sender, task: Task) =>
    children.adopt(new LineChild(at.namespace, "./traffic_program.ts", task), (child) => child.end());
  const taker = start(receiver, { role: "receiveStreams", streams });
  await taker.line();
  const started = performance.now();
  const giver = start(sender, { role: "sendStreams", to, streams, seed, bytes });
  const [sent, taken] = await Promise.all([
    giver.line<readonly StreamReport[]>(),
    taker.line<readonly StreamReport[]>(),
  ]);
  assert.deepEqual(taken, sent, "bytes and SHA-256 of each stream, as received and as sent");
  return (performance.now() - started) / 1000;
}

async function moveDatagrams(bed: Bed, { cell, bytes, seed }: Transfer): Promise<number> {
  const { sender, receiver, middle } = bed;
  const length = payloadLength[cell.size];
  const count = Math.ceil(bytes / length);
  const to = cell.inner === 4 ? receiver.address4 : receiver.address6;
  const shape = { to, seed, count, length } as const;
  await using children = new AsyncDisposableStack();
  const start = (at: typeof sender, task: Task) =>
    children.adopt(new LineChild(at.namespace, "./traffic_program.ts", task), (child) => child.end());
  const taker = start(receiver, { role: "receiveDatagrams", ...shape });
  await taker.line();
  const before = await tallyOf(bed);
  const started = performance.now();
  const giver = start(sender, { role: "sendDatagrams", ...shape });
  await giver.line();
  const seconds = (performance.now() - started) / 1000;
  const report = async () => {
    taker.say("");
    const report = await taker.line<DatagramReport>();
    const { countedLost, partsLost } = middle.counts();
    const { counts } = before;
    return { ...report, lost: countedLost - counts.countedLost, parts: partsLost - counts.partsLost };
  };
  // What waits for a thread that is about to begin anew is not lost, however long a busy machine takes for that.
  await until(() => sender.namespace.pings(to, 1));
  let seen = await report();
  // What the program in the middle keeps is on its way yet.
  for (
    const end = performance.now() + settleMillis;
    performance.now() < end && seen.right + seen.lost < count;
  ) {
    seen = await report();
  }
  const failures = (await tallyOf(bed)).restarts - before.restarts;
  assertDatagrams(cell, count, { ...seen, underWay: failures * windowOf(length) });
  return seconds;
}

interface Seen extends DatagramReport {
  /** Datagrams, and parts of some, that the router lost. */
  readonly lost: number;
  readonly parts: number;
  /** What threads that failed may have had in their hands. */
  readonly underWay: number;
}

/** While a path is being measured its records go in parts: each that is lost costs a datagram, several of one only one. */
function assertDatagrams(
  cell: Cell,
  count: number,
  { right, wrong, again, lost, parts, underWay }: Seen,
): void {
  assert.deepEqual({ wrong, again }, { wrong: 0, again: 0 }, "datagrams not as sent, or twice");
  const missing = count - right;
  const least = lost + Math.ceil(parts / mostParts[cell.size]);
  assert.ok(
    missing >= least && missing <= lost + parts + underWay,
    `of ${count} datagrams ${missing} are missing; the router lost ${lost}, and ${parts} parts`,
  );
}

/** UDP lengths of the datagram that carries one of the container's: whose checksum is not filled in goes with a GRE key. */
function countedLengths({ inner, size }: Cell): readonly [number, number] {
  const longest = payloadLength[size] + 8 + (inner === 4 ? 20 : 40) + sealing.longest;
  return [longest - sealing.key, longest];
}
