/**
 * Packets leave no garbage: a collection in the middle of a burst would hold up every packet behind it. Numbers that do not fit
 * a small integer, closures, arguments and views made in passing all end up on the heap, and none of them is easily seen
 * in the code.
 */
import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { encodeEthernet, EtherType } from "../../core/wire/ethernet.ts";
import { heapGrowth, type Rounds } from "./heap_growth.ts";
import { framesBetween, framesPerTurn, letPass, type TirelessCore, tirelessPair } from "./tireless_cores.ts";
import {
  acquaint,
  far,
  far6,
  farMac,
  fromTap,
  near,
  near6,
  nearMac,
} from "../../core/datapath/wired_pair_fixture.ts";

/** Nobody's but the main thread's. */
const broadcast = fromTap(
  encodeEthernet(new Uint8Array(6).fill(255), nearMac, EtherType.arp, new Uint8Array(46)),
);
const framesThere = [
  ...framesBetween({ source: near, destination: far, mac: nearMac }),
  ...framesBetween({ source: near6, destination: far6, mac: nearMac }),
  broadcast,
];
const framesBack = [
  ...framesBetween({ source: far, destination: near, mac: farMac }),
  ...framesBetween({ source: far6, destination: near6, mac: farMac }),
  broadcast,
];
/** From each side: of five frames two are super-frames of ten packets, and one is punted. */
const puntsPerTurn = framesPerTurn / 5;
const packetsPerTurn = puntsPerTurn * 22;
/** So few that a round makes no collection by itself, even with an object for each packet. */
const packetsPerRound = 10_000;
const turnsPerRound = Math.ceil(packetsPerRound / (2 * packetsPerTurn));
/** Half the size of the smallest object for each packet. To read the size of the heap leaves some hundred bytes. */
const allowed = 8 * packetsPerRound;

interface Burst extends Pick<Rounds, "rounds" | "fewest"> {
  /** The peers are in a trusted network. */
  readonly isPlain?: boolean;
  /** Both have a policy, which lets all of it pass. */
  readonly isJudged?: boolean;
  readonly perPacket: () => void;
}

/** Bytes by which the heap grew in each round. */
function growth({ rounds, fewest, isPlain, isJudged, perPacket }: Burst): readonly number[] {
  const { a, b } = tirelessPair();
  if (isJudged === true) {
    for (const core of [a, b]) core.tell({ kind: "judge", seed: 1 });
    letPass(a, b, framesThere);
    letPass(b, a, framesBack);
  }
  acquaint(a, b, isPlain);
  a.useFrames(framesThere);
  b.useFrames(framesBack);
  const { grown, turns } = heapGrowth({ rounds, fewest, turnsPerRound }, () => {
    a.turn();
    b.turn();
    for (let packet = 0; packet < 2 * packetsPerTurn; packet++) perPacket();
  });
  checkCrossed(a, turns);
  return grown;
}

/** All that was sent has been delivered, but for what the other side sent in the last turn. */
function checkCrossed({ telemetry, punted }: TirelessCore, turns: number): void {
  const { tallies, drops } = telemetry.snapshot();
  assert.equal(tallies.packetsSent, turns * packetsPerTurn);
  assert.equal(tallies.packetsDelivered, (turns - 1) * packetsPerTurn);
  assert.equal(punted, turns * puntsPerTurn);
  assert.ok(Object.values(drops).every((count) => count === 0));
}

/** The share of rounds in which the heap did not stay as it was. */
function dirt(grown: readonly number[]): number {
  return grown.filter((bytes) => Math.abs(bytes) > allowed).length / grown.length;
}

test("packets in both directions leave nothing on the heap, a million of them where there is the time", () => {
  const grown = growth({ rounds: 100, fewest: 20, perPacket: () => {} });
  // A compiler that is still at work leaves something in a round.
  assert.ok(dirt(grown) <= 0.1, `bytes in each round: ${grown}`);
});

test("nor do packets that cross in plain", () => {
  const grown = growth({ rounds: 30, fewest: 20, isPlain: true, perPacket: () => {} });
  assert.ok(dirt(grown) <= 0.1, `bytes in each round: ${grown}`);
});

test("nor do packets of which the policy has spoken", () => {
  const grown = growth({ rounds: 30, fewest: 20, isJudged: true, perPacket: () => {} });
  assert.ok(dirt(grown) <= 0.1, `bytes in each round: ${grown}`);
});

test("an object of the smallest kind for each packet would be seen", () => {
  let kept: unknown;
  const keep = () => {
    kept = { kept: undefined };
  };
  const grown = growth({ rounds: 10, fewest: 10, perPacket: keep });
  assert.ok(dirt(grown) >= 0.9 && kept !== undefined, `bytes in each round: ${grown}`);
});
