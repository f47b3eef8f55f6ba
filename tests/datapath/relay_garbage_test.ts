/** What crosses through a relay leaves no garbage either, with any of the three. See `garbage_test.ts`. */
import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { heapGrowth } from "./heap_growth.ts";
import { framesBetween, framesPerTurn, tirelessChain } from "./tireless_cores.ts";
import { acquaintChain } from "../../core/datapath/wired_chain_fixture.ts";
import { far, far6, near, near6, nearMac } from "../../core/datapath/wired_pair_fixture.ts";

const frames = [
  ...framesBetween({ source: near, destination: far, mac: nearMac }),
  ...framesBetween({ source: near6, destination: far6, mac: nearMac }),
];
/** Half of the frames are super-frames of ten packets. Each turn begins with the last of them. */
const packetsPerTurn = Array.from({ length: framesPerTurn }, (_, i) => i % 4 % 2 === 1 ? 10 : 1)
  .reduce((sum, packets) => sum + packets, 0);
const turnsPerRound = Math.ceil(10_000 / packetsPerTurn);
/** Half the size of the smallest object for each packet. */
const allowed = 8 * 10_000;

test("packets through a relay leave nothing on the heap of any of the three, hundreds of thousands of them", () => {
  const { a, r, b } = tirelessChain();
  acquaintChain({ a, r, b }, { bytesPerSecond: 1e12, packetsPerSecond: 1e9 });
  a.useFrames(frames);
  const { grown, turns } = heapGrowth({ rounds: 40, fewest: 20, turnsPerRound }, () => {
    a.turn();
    r.turn();
    b.turn();
  });
  const packets = turns * packetsPerTurn;
  assert.equal(a.telemetry.snapshot().tallies.packetsSent, packets);
  assert.equal(r.cells.relayed(0).packets, packets);
  assert.equal(b.telemetry.snapshot().tallies.packetsDelivered, packets);
  assert.deepEqual([a.punted, r.punted, b.punted], [0, 0, 0]);
  // A compiler that is still at work leaves something in a round.
  const dirty = grown.filter((bytes) => Math.abs(bytes) > allowed).length;
  assert.ok(dirty / grown.length <= 0.1, `bytes in each round: ${grown}`);
});
