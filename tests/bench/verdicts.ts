/**
 * The loop of the data path with a table of verdicts against the same loop without a policy: two data paths back to back, on
 * memory alone and with a cipher that copies, so that what a verdict costs is as large a part as it can be. The table is
 * full of other flows. Of three frames two are single packets and one is a super-frame of ten.
 *
 * By itself: `node -C source tests/bench/verdicts.ts`.
 */
import process from "node:process";
import { datapathLimits } from "../../core/datapath/datapath_limits.ts";
import { acquaint, far, farMac, near, nearMac } from "../../core/datapath/wired_pair_fixture.ts";
import {
  type Ends,
  framesBetween,
  framesPerTurn,
  letPass,
  type TirelessCore,
  tirelessPair,
} from "../datapath/tireless_cores.ts";
import { printRows, type Row, times } from "./report.ts";

const packetsPerTurn = framesPerTurn / 3 * (1 + 1 + 10);
const turns = 2_000;
const rounds = 9;
const framesOf = (ends: Ends) => {
  const [single, whole] = framesBetween(ends);
  return [single!, single!, whole!];
};
const there = framesOf({ source: near, destination: far, mac: nearMac });
const back = framesOf({ source: far, destination: near, mac: farMac });

interface Pair {
  readonly a: TirelessCore;
  readonly b: TirelessCore;
}

function pairOf(isJudged: boolean): Pair {
  const { a, b } = tirelessPair();
  if (isJudged) {
    for (const core of [a, b]) core.tell({ kind: "judge", seed: 1 });
    for (const core of [a, b]) fill(core);
    letPass(a, b, there);
    letPass(b, a, back);
  }
  acquaint(a, b);
  a.useFrames(there);
  b.useFrames(back);
  return { a, b };
}

function fill(core: TirelessCore): void {
  for (let number = 0; number < 2 * datapathLimits.verdicts; number++) {
    const ports = { sourcePort: number >> 8, destinationPort: number & 0xff };
    const flow = { direction: "egress", protocol: 17, source: near, destination: far, ...ports } as const;
    core.tell({ kind: "verdict", epoch: 0, flow, allow: false });
    if (number % 64 === 63) core.settle();
  }
}

/** Nanoseconds of a processor for a packet to be sent on one side and delivered on the other. */
function measure({ a, b }: Pair): number {
  const before = b.telemetry.snapshot().tallies.packetsDelivered;
  const start = process.cpuUsage();
  for (let turn = 0; turn < turns; turn++) {
    a.turn();
    b.turn();
  }
  const micros = process.cpuUsage(start).user;
  const delivered = b.telemetry.snapshot().tallies.packetsDelivered - before;
  if (delivered !== turns * packetsPerTurn) {
    throw new Error(`${delivered} of ${turns * packetsPerTurn} packets`);
  }
  // The other side sends as many.
  return micros * 1e3 / (2 * delivered);
}

function median(all: readonly number[]): number {
  return all.toSorted((left, right) => left - right)[all.length >> 1]!;
}

export function benchVerdicts(): readonly Row[] {
  const pairs = [pairOf(false), pairOf(true)];
  const nanos = pairs.map((): number[] => []);
  for (let round = -2; round < rounds; round++) {
    pairs.forEach((pair, i) => {
      const took = measure(pair);
      if (round >= 0) nanos[i]!.push(took);
    });
  }
  const [without, judged] = nanos.map(median);
  return [
    { what: "without a policy", figure: `${without!.toFixed(0)} ns a packet` },
    {
      what: "with verdicts",
      figure: `${judged!.toFixed(0)} ns a packet`,
      ratio: `${times(judged! / without!)} without a policy`,
    },
  ];
}

if (import.meta.main) printRows("Data path, in memory", benchVerdicts());
