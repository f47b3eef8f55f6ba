import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import { Drop } from "../contracts/drop.ts";
import type { OverlayPacket } from "../contracts/encapsulation.ts";
import type { PeerId } from "../contracts/values.ts";
import { GreProtocol } from "../wire/gre.ts";
import { DropCounts } from "./drop_counts.ts";
import { type Call, SessionDemand } from "./session_demand.ts";

const [ann, ben] = ["ann", "ben"] as [PeerId, PeerId];

class Rig {
  readonly clock = new SimClock();
  readonly drops = new DropCounts();
  readonly said: string[] = [];
  answer: Call = "called";
  crossed = 0;
  readonly demand = new SessionDemand({
    clock: this.clock,
    drops: this.drops,
    call: (peer) => (this.said.push(`call ${peer}`), this.answer),
    hangUp: (peer) => void this.said.push(`hang up ${peer}`),
    send: (peer, { payload }) => void this.said.push(`send ${peer} ${payload.join()}`),
    crossed: () => this.crossed,
  });

  hold(peer: PeerId, ...payload: number[]): Drop {
    return this.demand.hold(peer, packetOf(Uint8Array.from(payload)));
  }

  take(): readonly string[] {
    return this.said.splice(0);
  }
}

function packetOf(payload: Uint8Array): OverlayPacket {
  return { protocol: GreProtocol.ipv4, payload, forwarded: false };
}

test("a packet calls its peer once, and what waits goes out in order when there is a session", () => {
  const rig = new Rig();
  const memory = Uint8Array.of(1);
  assert.equal(rig.demand.hold(ann, packetOf(memory)), Drop.none);
  memory[0] = 9;
  assert.equal(rig.hold(ann, 2), Drop.none);
  assert.deepEqual(rig.take(), ["call ann"]);
  rig.demand.sessionUp(ann);
  assert.deepEqual(rig.take(), ["send ann 1", "send ann 2"], "copies, as they were");
  rig.demand.sessionUp(ann);
  assert.deepEqual(rig.take(), []);
  rig.demand.stop();
  assert.deepEqual(rig.drops.report(), {});
});

test("whom nobody can call keeps nobody waiting", () => {
  const rig = new Rig();
  rig.answer = "vain";
  assert.equal(rig.hold(ann, 1), Drop.noSession);
  assert.equal(rig.clock.pending, 0);
});

test("after five seconds what waits is dropped and counted, and only a peer that was called for it is given up", async () => {
  const rig = new Rig();
  rig.hold(ann, 1);
  await rig.clock.advance(2_000);
  rig.answer = "sought";
  rig.hold(ben, 2);
  rig.hold(ben, 3);
  rig.take();
  await rig.clock.advance(2_999);
  assert.deepEqual([rig.take(), rig.drops.report()], [[], {}]);
  await rig.clock.advance(1);
  assert.deepEqual([rig.take(), rig.drops.report()], [["hang up ann"], { noSession: 1 }]);
  await rig.clock.advance(2_000);
  assert.deepEqual([rig.take(), rig.drops.report()], [[], { noSession: 3 }]);
  rig.demand.sessionUp(ben);
  assert.deepEqual(rig.take(), [], "too late");
  rig.demand.stop();
});

test("of one peer 32 packets wait, of all together a mebibyte", () => {
  const rig = new Rig();
  for (let i = 0; i < 32; i++) assert.equal(rig.hold(ann, i), Drop.none);
  assert.equal(rig.hold(ann, 32), Drop.queueFull);
  const large = packetOf(new Uint8Array(65_535));
  for (let i = 0; i < 15; i++) assert.equal(rig.demand.hold(ben, large), Drop.none);
  assert.equal(rig.demand.hold(ben, large), Drop.queueFull);
  rig.demand.sessionUp(ann);
  assert.equal(rig.demand.hold(ben, large), Drop.none, "there is room again");
  rig.demand.stop();
  assert.deepEqual(rig.drops.report(), { noSession: 16 }, "what waits at the end is counted");
});

test("a session that was called for a packet ends when nothing has crossed for five minutes, others stay", async () => {
  const rig = new Rig();
  rig.hold(ann, 1);
  rig.demand.sessionUp(ann);
  rig.answer = "sought";
  rig.hold(ben, 1);
  rig.demand.sessionUp(ben);
  rig.take();
  for (let minute = 0; minute < 10; minute++) {
    rig.crossed++;
    await rig.clock.advance(60_000);
  }
  assert.deepEqual(rig.take(), []);
  await rig.clock.advance(269_999);
  assert.deepEqual(rig.take(), [], "the last packet was seen half a minute after it had crossed");
  await rig.clock.advance(1);
  assert.deepEqual(rig.take(), ["hang up ann"]);
  assert.equal(rig.clock.pending, 0, "nothing is looked at any more");
});

test("a called peer whose session is lost is called again by the next packet only", async () => {
  const rig = new Rig();
  rig.hold(ann, 1);
  rig.demand.sessionUp(ann);
  rig.take();
  rig.demand.sessionDown(ann);
  rig.demand.sessionDown(ben);
  assert.deepEqual(rig.take(), ["hang up ann"]);
  rig.hold(ann, 2);
  assert.deepEqual(rig.take(), ["call ann"]);
  await rig.clock.advance(5_000);
  rig.demand.stop();
});

test("at most 1,024 peers are called at a time", () => {
  const rig = new Rig();
  for (let i = 0; i < 1_024; i++) assert.equal(rig.hold(`peer-${i}` as PeerId, 1), Drop.none);
  assert.equal(rig.hold(ann, 1), Drop.noSession);
  rig.demand.stop();
  assert.equal(rig.drops.report()["noSession"], 1_024);
});

test("after the stop nobody is called and nothing waits", () => {
  const rig = new Rig();
  rig.hold(ann, 1);
  rig.demand.stop();
  rig.take();
  assert.equal(rig.hold(ann, 2), Drop.noSession);
  assert.deepEqual([rig.take(), rig.clock.pending], [[], 0]);
});

test("a packet that finds its session gone before the end of it was told is not given up", () => {
  const rig = new Rig();
  rig.hold(ann, 1);
  rig.demand.sessionUp(ann);
  rig.hold(ann, 2);
  rig.take();
  rig.demand.sessionDown(ann);
  rig.demand.sessionUp(ann);
  assert.deepEqual(rig.take(), ["send ann 2"]);
  rig.demand.stop();
});

test("what is passed on for others leaves half of all there is to this node's own packets", () => {
  const rig = new Rig();
  const passedOn = (peer: PeerId, size: number) =>
    rig.demand.hold(peer, { ...packetOf(new Uint8Array(size)), forwarded: true });
  for (let i = 0; i < 16; i++) assert.equal(passedOn(ann, 1), Drop.none);
  assert.equal(passedOn(ann, 1), Drop.queueFull);
  for (let i = 0; i < 16; i++) assert.equal(rig.hold(ann, i), Drop.none);
  assert.equal(rig.hold(ann, 16), Drop.queueFull);
  for (let i = 0; i < 7; i++) assert.equal(passedOn(ben, 65_535), Drop.none);
  assert.equal(passedOn(ben, 65_535), Drop.queueFull);
  assert.equal(rig.demand.hold(ben, packetOf(new Uint8Array(65_535))), Drop.none);
  rig.demand.sessionUp(ben);
  for (let i = 2; i < 512; i++) assert.equal(passedOn(`peer-${i}` as PeerId, 1), Drop.none);
  assert.equal(passedOn("peer-512" as PeerId, 1), Drop.noSession);
  assert.equal(rig.hold("peer-512" as PeerId, 1), Drop.none);
  rig.demand.stop();
});

test("a relay that is wanted is called without a packet, and given up when nothing has crossed for five minutes", async () => {
  const rig = new Rig();
  rig.demand.want(ann);
  assert.deepEqual(rig.take(), ["call ann"]);
  rig.demand.sessionUp(ann);
  await rig.clock.advance(240_000);
  rig.crossed++;
  await rig.clock.advance(240_000);
  assert.deepEqual(rig.take(), []);
  await rig.clock.advance(180_000);
  assert.deepEqual(rig.take(), ["hang up ann"]);
  rig.demand.stop();
  rig.demand.want(ben);
  assert.deepEqual(rig.take(), [], "nobody is called after the end");
});
