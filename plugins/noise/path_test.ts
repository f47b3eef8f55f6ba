import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import { test } from "../../tests/harness.ts";
import { Rig, type RigNode } from "./testing_rig.ts";
import { MessageType } from "./wire.ts";

const headers = 28;

/** Two members with a session that measure their path, which carries IPv4 packets of so many bytes. */
function pair(width: number, upper?: number): { rig: Rig; a: RigNode; b: RigNode } {
  const rig = new Rig();
  const options = upper === undefined ? {} : { options: { underlayMtu: upper } };
  const [a, b] = [rig.add("a", options), rig.add("b", options)];
  for (const { machine } of [a, b]) machine.measurePaths();
  rig.connect(a, b);
  rig.run(15);
  narrow(rig, width);
  rig.run(100);
  return { rig, a, b };
}

function narrow(rig: Rig, width: number): void {
  rig.weather = ({ datagram }) => datagram.length + headers > width ? [] : [10];
}

/** What the node was last told of the path. */
function known(node: RigNode): number | undefined {
  return node.of("path-mtu").at(-1)?.mtu;
}

/** A packet each way every 100 ms; gives how many of the last second arrived. */
function traffic(rig: Rig, [a, b]: readonly [RigNode, RigNode], millis: number, size = 1_412): number {
  let before = 0;
  const text = "x".repeat(size);
  for (let at = 0; at < millis; at += 100) {
    if (at >= millis - 1_000 && before === 0) before = a.of("packet").length + b.of("packet").length;
    rig.send(a, b, text);
    rig.send(b, a, text);
    rig.run(100);
  }
  return a.of("packet").length + b.of("packet").length - before;
}

test("an Ethernet path is known a moment after the session, and packets cross it in one message each", () => {
  const { rig, a, b } = pair(1_500);
  assert.deepEqual([known(a), known(b)], [1_432, 1_432]);
  const from = rig.now;
  const whole = [1_432, 1_436];
  for (const size of whole) rig.send(a, b, "x".repeat(size)); // the second fills the path, as it has no key
  assert.deepEqual(rig.types(from), [MessageType.data, MessageType.data]);
  rig.send(a, b, "x".repeat(1_437));
  assert.deepEqual(rig.types(from).slice(whole.length), [MessageType.part, MessageType.part]);
  rig.run(100);
  assert.deepEqual(b.received().map((text) => text.length), [...whole, 1_437]);
});

test("a jumbo path is used in full", () => {
  const { rig, a, b } = pair(9_000, 9_000);
  rig.run(1_000);
  assert.equal(known(a), 8_932);
  const from = rig.now;
  rig.send(a, b, "x".repeat(8_932));
  rig.run(100);
  assert.equal(rig.types(from).includes(MessageType.part), false);
  assert.equal(b.received().at(-1)!.length, 8_932);
});

test("on a path of 700 bytes packets of every size arrive from the first second on", () => {
  const { rig, a, b } = pair(700);
  rig.run(900);
  for (const size of [0, 1, 500, 700, 1_280, 1_412, 9_000, 65_000]) {
    rig.send(a, b, "x".repeat(size));
    rig.run(100);
    assert.equal(b.received().at(-1)?.length, size);
  }
  rig.run(30_000);
  assert.ok(known(a)! <= 632 && known(a)! > 592, `${known(a)}`);
});

test("a path that shrinks under traffic carries it again within 5 s, and is measured anew", () => {
  for (const width of [1_400, 1_000, 700]) {
    const { rig, a, b } = pair(1_500);
    traffic(rig, [a, b], 3_000);
    narrow(rig, width);
    traffic(rig, [a, b], 5_000);
    assert.equal(traffic(rig, [a, b], 1_000), 20, `${width}`);
    assert.equal(traffic(rig, [a, b], 30_000), 20, `${width}`);
    assert.ok(known(a)! <= width - 68 && known(a)! > width - 108, `${width}: ${known(a)}`);
    assert.deepEqual([a.edges(), b.edges()], [["+b"], ["+a"]]);
  }
});

test("small packets alone show a path that has shrunk to less than they need", () => {
  const { rig, a, b } = pair(1_500);
  traffic(rig, [a, b], 3_000, 800);
  narrow(rig, 700);
  traffic(rig, [a, b], 6_000, 800);
  assert.equal(traffic(rig, [a, b], 1_000, 800), 20);
});

test("sessions over a narrow path are renewed in parts, and lose no packet", () => {
  const { rig, a, b } = pair(1_500);
  narrow(rig, 700);
  traffic(rig, [a, b], 20_000);
  for (let second = 0; second < 600; second++) {
    rig.send(a, b, `a${second}`);
    rig.send(b, a, `b${second}`);
    rig.run(1_000);
  }
  const short = (node: RigNode) => node.received().filter((text) => text.length < 5).length;
  assert.deepEqual([short(a), short(b)], [600, 600]);
  assert.deepEqual([a.edges(), b.edges()], [["+b"], ["+a"]]);
});

test("an idle pair on a narrow path renews its session as well", () => {
  const { rig, a, b } = pair(700);
  rig.run(1_000_000);
  assert.deepEqual([a.edges(), b.edges()], [["+b"], ["+a"]]);
});

test("nothing is told, probed or split for nodes that were not asked to measure, and they answer those that do", () => {
  const rig = new Rig();
  const [a, b] = [rig.add("a"), rig.add("b")];
  a.machine.measurePaths();
  rig.connect(a, b);
  rig.run(1_000);
  assert.deepEqual([known(a), b.of("path-mtu")], [1_432, []]);
  const from = rig.now;
  rig.send(b, a, "x".repeat(5_000));
  rig.run(100);
  assert.deepEqual(rig.types(from), [MessageType.data]);
});

test("pathMoveMillis: when a peer moves, the path to its new place is measured, at most once a second", () => {
  const { rig, a, b } = pair(1_500);
  rig.run(5_000);
  const told = a.of("path-mtu").length;
  for (let i = 0; i < 20; i++) {
    b.endpoint = { host: "192.0.2.1", port: 2_000 + i };
    rig.send(b, a, "here");
    rig.run(100);
  }
  const probes = rig.log.filter(({ at, datagram }) =>
    at > rig.now - 2_000 && datagram[0] === MessageType.probe
  );
  assert.ok(probes.length <= 9, `${probes.length} probes`);
  rig.run(1_100);
  assert.equal(known(a), 1_432, "it is not put off by each move");
  assert.ok(a.of("path-mtu").length > told);
});

test("a peer that moves behind a narrow path is sent packets of every size again within two seconds", () => {
  const { rig, a, b } = pair(1_500);
  rig.run(5_000);
  b.endpoint = { host: "192.0.2.1", port: 2_000 };
  narrow(rig, 700);
  rig.send(b, a, "here");
  rig.run(1_500);
  for (const size of [1_432, 500, 9_000]) {
    rig.send(a, b, "x".repeat(size));
    rig.run(100);
    assert.equal(b.received().at(-1)?.length, size);
  }
});

test("packets are whole whose parts arrive before and after the session is renewed", () => {
  const { rig, a, b } = pair(700);
  rig.run(118_000);
  const before = rig.types().filter((type) => type === MessageType.response).length;
  let turn = 0;
  rig.weather = ({ datagram }) => datagram.length + headers > 700 ? [] : [10 + (turn++ * 97) % 400];
  for (let i = 0; i < 400; i++) {
    rig.send(a, b, `${i}`.padEnd(1_400));
    rig.run(10);
  }
  rig.run(1_000);
  assert.ok(rig.types().filter((type) => type === MessageType.response).length > before);
  assert.equal(new Set(b.received()).size, 400);
  assert.equal(b.drops.get("incomplete") ?? 0, 0);
});

test("parts that are lost cost their record alone, which is counted", () => {
  const { rig, a, b } = pair(1_500);
  let parts = 0;
  rig.weather = ({ datagram }) => datagram[0] === MessageType.part && parts++ % 5 === 0 ? [] : [10];
  for (let i = 0; i < 10; i++) rig.send(a, b, "x".repeat(2_000));
  rig.run(10_000);
  assert.equal(b.received().length, 6);
  assert.equal(b.drops.get("incomplete"), 4);
});

test("packets in parts arrive whole when every part is delayed differently, and say whether they were passed on", () => {
  const { rig, a, b } = pair(700);
  rig.run(20_000);
  let turn = 0;
  rig.weather = ({ datagram }) => datagram.length + headers > 700 ? [] : [10 + (turn++ * 37) % 50];
  for (let i = 0; i < 20; i++) rig.send(a, b, `${i}`.repeat(1_000), i % 2 === 1);
  rig.run(1_000);
  assert.deepEqual(b.received().sort(), Array.from({ length: 20 }, (_, i) => `${i}`.repeat(1_000)).sort());
  assert.equal(b.of("packet").filter(({ packet }) => packet.forwarded).length, 10);
});

test("a full outbox refuses a packet before it is split", () => {
  const { rig, a, b } = pair(700);
  rig.run(2_000);
  const payload = new Uint8Array(1_400);
  let drop: Drop = Drop.none;
  for (let i = 0; i < 10_000 && drop === Drop.none; i++) {
    drop = a.machine.seal(b.id, { protocol: 0x0800, payload, forwarded: false }, rig.now);
  }
  assert.equal(drop, Drop.queueFull);
});
