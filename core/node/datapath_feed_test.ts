import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import { Drop } from "../contracts/drop.ts";
import type { PeerId } from "../contracts/values.ts";
import { datapathLimits } from "../datapath/datapath_limits.ts";
import { Tally } from "../datapath/telemetry.ts";
import { TwinWorker } from "./datapath_link_fixture.ts";
import { attached, FeedRig, route, session, way } from "./datapath_feed_fixture.ts";

const [us, ann, bob, printer] = ["us", "ann", "bob", "printer"] as PeerId[] as [
  PeerId,
  PeerId,
  PeerId,
  PeerId,
];
const ranges = [route("10.40.0.0/16", us), route("10.41.0.0/16", ann), route("10.42.0.0/16", bob)];

/** Two members with ranges, of which `ann` is up. */
function scene(): FeedRig<SimClock> {
  const rig = new FeedRig(new SimClock());
  rig.routes(ranges);
  rig.feed.start();
  rig.up(ann, 1);
  return rig;
}

test("only what a peer with a session owns is routed; the rest, and this node's own, is not", () => {
  const rig = scene();
  assert.deepEqual(rig.news("routes"), ["routes", "routes 10.41.0.0-10.41.255.255=0"]);
  rig.up(bob, 3);
  assert.deepEqual(rig.news("routes"), ["routes 10.41.0.0-10.41.255.255=0 10.42.0.0-10.42.255.255=1"]);
});

test("what devices behind bridges have, and what nobody in the worker has, is a hole in what is around it", () => {
  const rig = scene();
  rig.news();
  const device = route("10.41.7.7/32", ann);
  rig.routes([...ranges, route("10.41.8.0/24", printer)], [device]);
  rig.feed.update();
  assert.deepEqual(rig.news("routes"), [
    "routes 10.41.0.0-10.41.7.6=0 10.41.7.8-10.41.7.255=0 10.41.9.0-10.41.255.255=0",
  ]);
});

test("a worker is told nothing when nothing has changed", () => {
  const rig = scene();
  rig.news();
  for (let i = 0; i < 3; i++) rig.call(() => {});
  assert.deepEqual(rig.news(), []);
});

test("a policy that judges packets gets all of them: no route is told, and status says why", () => {
  const rig = new FeedRig(new SimClock(), new TwinWorker(), { epoch: () => 0 });
  rig.routes(ranges);
  rig.feed.start();
  rig.up(ann, 1);
  assert.deepEqual(rig.news("routes"), ["routes", "routes"]);
  const { path, reason } = rig.feed.status();
  assert.deepEqual([path, reason], ["main", "the policy judges every packet"]);
  rig.feed.stop();
});

test("interfaces of this host are told with their MACs, and addresses inside of the process are not", () => {
  const rig = scene();
  const web = attached("netns:web", "10.40.0.5", "02:00:00:00:00:05");
  rig.ports(attached("node", "10.40.0.1"), web, attached("netns:db", "10.40.0.6", "02:00:00:00:00:06"));
  rig.feed.update();
  rig.worker.obey();
  assert.deepEqual(rig.hosts(), ["10.40.0.5", "10.40.0.6"]);
  assert.deepEqual([...rig.worker.locals[1]!.mac], [2, 0, 0, 0, 0, 6]);
  rig.ports(web);
  rig.worker.obey();
  assert.deepEqual(rig.hosts(), ["10.40.0.5"]);
});

test("a container whose interface has another MAC than the one before is sent to at the new one from the first packet on", () => {
  const rig = scene();
  rig.ports(attached("netns:web", "10.40.0.5", "02:00:00:00:00:05"));
  rig.ports(attached("netns:web'", "10.40.0.5", "02:00:00:00:00:06"));
  rig.worker.obey();
  assert.deepEqual(rig.worker.locals.map(({ mac }) => mac[5]), [6]);
});

test("with more addresses than fit none is told, so that all packets are this thread's, until they fit again", () => {
  const rig = scene();
  const many = Array.from(
    { length: datapathLimits.locals + 1 },
    (_, index) => attached(`netns:${index}`, `10.40.${index >> 8}.${index & 0xff}`, "02:00:00:00:00:05"),
  );
  rig.ports(...many);
  rig.worker.obey();
  assert.deepEqual(rig.hosts(), []);
  assert.equal(rig.feed.status().reason, "this node has more addresses or routes than the data path holds");
  rig.ports(...many.slice(1));
  rig.worker.obey();
  assert.equal(rig.hosts().length, datapathLimits.locals);
  assert.deepEqual([rig.feed.status().path, rig.feed.status().reason], ["worker", null]);
});

test("routes that are too many are taken back, for those before are wrong by now", () => {
  const rig = scene();
  rig.news();
  rig.worker.tooLarge.add("routes");
  rig.up(bob, 3);
  assert.deepEqual(rig.news("routes"), ["routes"]);
  assert.equal(rig.feed.status().path, "main");
  rig.worker.tooLarge.clear();
  rig.routes(ranges);
  rig.feed.update();
  assert.deepEqual(rig.news("routes"), ["routes 10.41.0.0-10.41.255.255=0 10.42.0.0-10.42.255.255=1"]);
  assert.equal(rig.feed.status().path, "worker");
});

test("without a socket nothing is the worker's, and status says so", () => {
  const rig = new FeedRig(new SimClock());
  rig.worker.family = undefined;
  rig.routes(ranges);
  rig.feed.start();
  rig.up(ann, 1);
  assert.deepEqual(rig.news("open"), []);
  assert.deepEqual(rig.news("routes"), []);
  assert.deepEqual([rig.feed.status().path, rig.feed.status().reason], [
    "main",
    "no transport has given it a socket",
  ]);
  rig.feed.stop();
});

test("packets for interfaces of a port that has given the worker no device are this thread's to deliver", () => {
  const rig = new FeedRig(new SimClock());
  rig.worker.hasTap = false;
  rig.routes(ranges);
  rig.up(ann, 1);
  rig.ports(attached("netns:web", "10.40.0.5", "02:00:00:00:00:05"));
  rig.worker.obey();
  assert.deepEqual(rig.hosts(), []);
  const { path, reason } = rig.feed.status();
  assert.deepEqual([path, reason], ["main", "no port has given it a device"]);
  rig.worker.hasTap = true;
  rig.feed.update();
  rig.worker.obey();
  assert.deepEqual([rig.hosts(), rig.feed.status().path], [["10.40.0.5"], "worker"]);
});

test("what the worker has opened and not finished is handed over with its session, and the verdict is counted", () => {
  const rig = scene();
  rig.worker.hand({ localIndex: 1, flags: 1, counter: 7, isNewest: true, bytes: Uint8Array.of(4, 2) });
  assert.deepEqual(rig.handed, [{
    localIndex: 1,
    plaintext: Uint8Array.of(4, 2),
    relayed: false,
    forwarded: true,
    counter: 7,
    newest: true,
    from: { host: "192.0.2.1", port: 6783 },
  }]);
  rig.verdict = Drop.malformed;
  rig.worker.hand({ localIndex: 1 });
  assert.deepEqual(rig.drops.report(), { malformed: 1 });
});

test("of a session that has ended, with flags of no meaning or from nowhere, nothing is handed over; each is counted", () => {
  const rig = scene();
  rig.worker.hand({ localIndex: 1, flags: 2 });
  rig.worker.hand({ localIndex: 1, from: new Uint8Array(28) });
  rig.call((exporter) => exporter.ended(1));
  rig.worker.hand({ localIndex: 1 });
  rig.worker.hand({ localIndex: 99 });
  assert.deepEqual([rig.handed, rig.drops.report()], [[], { malformed: 2, noSession: 2 }]);
});

test("what follows from a packet that was handed over is told as after any other call", () => {
  const rig = scene();
  rig.news();
  rig.routes([...ranges, route("10.43.0.0/16", ann)]);
  rig.worker.hand({ localIndex: 1 });
  assert.equal(rig.news("routes").length, 1);
});

test("what the worker drops is counted once, at every look and whenever somebody asks", async () => {
  const rig = scene();
  rig.drops.collectFrom(() => rig.feed.countDrops());
  rig.worker.drop(Drop.badTag, 3);
  assert.deepEqual([rig.drops.report(), rig.drops.report()], [{ badTag: 3 }, { badTag: 3 }]);
  rig.worker.drop(Drop.badTag, 1);
  await rig.clock.advance(2_500);
  assert.deepEqual(rig.drops.report(), { badTag: 4 });
  rig.worker.drop(Drop.replayed, 2);
  rig.feed.stop();
  assert.deepEqual(rig.drops.report(), { badTag: 4, replayed: 2 });
  assert.equal(rig.clock.pending, 0);
});

test("what was there before the feed is not counted again, and a worker that begins anew goes on counting", () => {
  const first = new FeedRig(new SimClock());
  first.worker.drop(Drop.badTag, 5);
  const rig = new FeedRig(new SimClock(), first.worker);
  rig.feed.start();
  assert.deepEqual(rig.drops.report(), {});
  rig.worker.drop(Drop.badTag, 1);
  rig.worker.restart();
  rig.feed.countDrops();
  assert.deepEqual(rig.drops.report(), { badTag: 1 });
  rig.feed.stop();
});

test("changes that nobody tells of are seen within a second", async () => {
  const rig = scene();
  rig.news();
  rig.routes(ranges.slice(0, 2));
  await rig.clock.advance(1_000);
  assert.deepEqual(rig.news(), ["routes 10.41.0.0-10.41.255.255=0"]);
  rig.feed.stop();
  rig.routes(ranges);
  await rig.clock.advance(5_000);
  assert.deepEqual(rig.news(), []);
});

test("a worker that begins anew is told sessions, then peers, then routes, then addresses", () => {
  const rig = scene();
  rig.ports(attached("netns:web", "10.40.0.5", "02:00:00:00:00:05"));
  rig.up(bob, 3);
  rig.news();
  assert.equal(rig.failures, 0);
  rig.worker.restart();
  assert.equal(rig.failures, 1);
  assert.deepEqual(rig.news().map((words) => words.split(" at ")[0]), [
    "open 0 of peer 0",
    "confirm 0",
    "peer 0 in 0",
    "open 1 of peer 1",
    "confirm 1",
    "peer 1 in 1",
    "routes 10.41.0.0-10.41.255.255=0 10.42.0.0-10.42.255.255=1",
    "locals 10.40.0.5",
  ]);
});

test("a worker that begins anew before the others know of a change does not keep them from being told", () => {
  const rig = scene();
  rig.news();
  rig.exporter.ended(1);
  rig.exporter.down(ann);
  rig.worker.restart();
  assert.deepEqual(rig.news("routes"), ["routes"]);
  // Its place is not another's: the others may still name it in their routes.
  rig.exporter.opened(session(bob, 3));
  assert.deepEqual(rig.news("open"), ["open 0 of peer 1"]);
  rig.call(() => {});
  assert.deepEqual(rig.news("routes"), ["routes 10.42.0.0-10.42.255.255=1"]);
});

test("a worker that ends between a session and its confirmation knows both", () => {
  const rig = scene();
  rig.exporter.opened(session(bob, 3));
  rig.worker.restart();
  rig.call((exporter) => {
    exporter.confirmed(3);
    exporter.current(bob, way(3));
  });
  rig.worker.obey();
  assert.deepEqual([...rig.worker.sessions.values()].map(({ isConfirmed }) => isConfirmed), [true, true]);
  assert.equal(rig.worker.peers.get(1)!.session, 1);
});

test("traffic is what the worker has carried, of all peers and of each", () => {
  const rig = scene();
  const { telemetry, cells } = rig.worker;
  telemetry.add(Tally.packetsSent, 2);
  telemetry.add(Tally.packetBytesSent, 200);
  telemetry.add(Tally.packetsDelivered, 1);
  telemetry.add(Tally.packetBytesDelivered, 50);
  cells.sealed(0, 132);
  assert.deepEqual(rig.feed.traffic(), { packetsIn: 1, packetsOut: 2, bytesIn: 50, bytesOut: 200 });
  assert.deepEqual([rig.feed.trafficOf(ann)?.packetsOut, rig.feed.trafficOf(bob)], [1, undefined]);
});

test("of a peer, what was handed over is not the worker's, and a peer is carried as long as its session is sent in", () => {
  const rig = scene();
  const { cells } = rig.worker;
  cells.received(0, 132);
  cells.received(0, 82);
  rig.worker.hand({ localIndex: 1, bytes: new Uint8Array(50) });
  assert.deepEqual(rig.feed.trafficOf(ann), { packetsIn: 1, bytesIn: 132, packetsOut: 0, bytesOut: 0 });
  assert.deepEqual([rig.feed.carries(ann), rig.feed.carries(bob)], [true, false]);
  rig.call((exporter) => exporter.current(ann, way(99)));
  assert.equal(rig.feed.carries(ann), false, "the session to send in was not taken");
});

test("the counters of the status are those of the worker, with how full its queue is", () => {
  const rig = scene();
  rig.worker.telemetry.add(Tally.turns, 5);
  rig.worker.telemetry.add(Tally.sleeps, 3);
  rig.worker.telemetry.add(Tally.punted, 2);
  rig.worker.telemetry.add(Tally.puntsLost, 1);
  const { turns, sleeps, left, leftLost, backlog, ...others } = rig.feed.status().counters!;
  assert.deepEqual([turns, sleeps, left, leftLost, backlog], [5, 3, 2, 1, 0]);
  assert.ok(Object.values(others).every((count) => count === 0));
});
