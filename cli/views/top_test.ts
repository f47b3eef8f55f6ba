import assert from "node:assert/strict";
import { FixtureNode } from "../../core/admin/mesh_node_fixture.ts";
import type { ConnectionStatus, NodeStatus, TrafficStatus } from "../../core/contracts/node.ts";
import { test } from "../../tests/harness.ts";
import { rate, scaled } from "./figures.ts";
import { compare, type Reading, topScreen } from "./top.ts";

const [session, attempt] = new FixtureNode().connections() as [ConnectionStatus, ConnectionStatus];

function traffic(packetsIn: number, bytesIn: number, packetsOut = 0, bytesOut = 0): TrafficStatus {
  return { packetsIn, bytesIn, packetsOut, bytesOut };
}

function reading(
  at: number,
  connections: readonly ConnectionStatus[],
  given: Partial<NodeStatus> = {},
): Reading {
  return { at, connections, status: { ...new FixtureNode().status(), traffic: traffic(0, 0), ...given } };
}

const before = reading(10_000, [{ ...session, traffic: traffic(100, 1_000, 50, 500) }]);
const later = { ...session, traffic: traffic(2_100, 2_501_000, 1_050, 50_500) };

test("rates are what was counted between two readings, by the time that was really between them", () => {
  const after = reading(12_000, [later], { traffic: traffic(4_000, 1_000_000, 10, 20) });
  const document = compare(before, after);
  assert.equal(document.seconds, 2);
  assert.deepEqual(document.in, { bitsPerSecond: 4_000_000, packetsPerSecond: 2_000 });
  assert.deepEqual(document.out, { bitsPerSecond: 80, packetsPerSecond: 5 });
  assert.deepEqual(document.peers[0]!.in, { bitsPerSecond: 10_000_000, packetsPerSecond: 1_000 });
  assert.deepEqual(document.peers[0]!.out, { bitsPerSecond: 200_000, packetsPerSecond: 500 });
});

test("a peer that came since, counters that went back and a node that began anew have no rate", () => {
  const none = { in: null, out: null };
  const flow = ({ in: inward, out }: typeof none) => ({ in: inward, out });
  const came = compare(reading(0, []), reading(1_000, [later]));
  assert.deepEqual(flow(came.peers[0] as typeof none), none);
  const renewed = compare(before, reading(11_000, [{ ...session, traffic: traffic(3, 30, 4, 40) }]));
  assert.deepEqual(flow(renewed.peers[0] as typeof none), none);
  const anew = compare(
    before,
    reading(11_000, [later], { started: "2026-11-23T00:00:09.000Z", drops: { denied: 9 } }),
  );
  assert.deepEqual(flow(anew as typeof none), none);
  assert.deepEqual(flow(anew.peers[0] as typeof none), none);
  assert.deepEqual(anew.drops, {}, "drops of another run are no drops of this interval");
});

test("the busiest peer comes first, and those without a session last", () => {
  const quiet = { ...session, name: "quiet", peer: "q" as typeof session.peer, traffic: traffic(0, 0) };
  const names = compare(
    reading(0, [attempt, quiet, { ...session, traffic: traffic(0, 0) }]),
    reading(1_000, [attempt, quiet, later]),
  ).peers.map(({ name }) => name);
  assert.deepEqual(names, ["web-2", "quiet", null]);
});

test("only what was dropped in the interval is shown, by reason", () => {
  const document = compare(
    reading(0, [], { drops: { noRoute: 3, denied: 4 } }),
    reading(1_000, [], { drops: { noRoute: 3, denied: 6, badTag: 1 } }),
  );
  assert.deepEqual(document.drops, { denied: 2, badTag: 1 });
  assert.match(topScreen({ colours: false }, document), /^drops: 2 denied, 1 badTag$/m);
});

test("the screen says whose it is, why the data path is what it is, and how each peer does", () => {
  const text = topScreen({ colours: false }, compare(before, reading(11_000, [later, attempt])));
  const [head, drops, , columns, first, second] = text.split("\n");
  assert.equal(
    head,
    "web-1 in mesh, 1.0 s   in 0 bit/s 0 p/s   out 0 bit/s 0 p/s   data path: main (this node has no interfaces)",
  );
  assert.equal(drops, "no drops");
  assert.match(columns!, /^PEER +STATE +PATH +CIPHER +RTT +LOSS +IN +OUT +ENDPOINT$/);
  assert.match(
    first!,
    /^web-2 +established +worker +chacha20-poly1305 +1\.25ms +0\.20% +20\.0 Mbit\/s +2\.00 kp\/s +400 kbit\/s +1\.00 kp\/s +198/,
  );
  assert.match(second!, /^- +retrying +- +- +- +- +- +- +- +- +198\.51\.100\.8:6783$/);
  assert.ok(!text.includes("\u001b"));
});

test("a name from elsewhere cannot move the cursor, and a worker's queue and restarts are in the head", () => {
  const { datapath } = new FixtureNode().status();
  const counters = { backlog: 0.5 } as NodeStatus["datapath"]["counters"];
  const worker = { ...datapath, path: "worker" as const, reason: null, restarts: 2, counters };
  const after = reading(1_000, [{ ...later, name: "\u001b[2Jx" }], { datapath: worker });
  const text = topScreen({ colours: false }, compare(reading(0, []), after));
  assert.match(text, /data path: worker, queue 50\.0%, 2 restarts$/m);
  assert.match(text, /^\ufffd\[2Jx /m);
});

test("figures have three digits, and a unit of thousands from 1000 on", () => {
  const shown = [0, 7, 999, 999.6, 1000, 9_994, 9_996, 99_960, 999_499, 999_500, 9.41e9, 1e15].map(scaled);
  assert.deepEqual(shown, [
    ...[
      "0",
      "7",
      "999",
      "1.00 k",
      "1.00 k",
      "9.99 k",
      "10.0 k",
      "100 k",
      "999 k",
      "1.00 M",
      "9.41 G",
      "1000 T",
    ],
  ]);
  assert.equal(rate(512, "bit"), "512 bit/s");
  assert.equal(rate(812_000, "p"), "812 kp/s");
});
