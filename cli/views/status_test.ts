import assert from "node:assert/strict";
import { FixtureNode, other } from "../../core/admin/mesh_node_fixture.ts";
import type { ConnectionStatus, NodeStatus, PeerStatus } from "../../core/contracts/node.ts";
import { test } from "../../tests/harness.ts";
import { fakeIo } from "../io_fixture.ts";
import { connectionTable, peerTable, statusBlocks } from "./status.ts";

const device: ConnectionStatus = {
  direction: "->",
  endpoint: "192.0.2.40:4754",
  state: "established",
  peer: other,
  name: "router",
  encrypted: false,
  aead: null,
  rttMillis: null,
  mtu: 1352,
  path: "main",
  relay: null,
  via: [],
  relayed: null,
  traffic: { packetsIn: 12, packetsOut: 3, bytesIn: 1800, bytesOut: 252 },
  loss: null,
  reason: null,
  code: null,
};

function rowOf(connection: ConnectionStatus, colours = false): string {
  return connectionTable({ colours }, { connections: [connection] }).split("\n")[1]!;
}

test("a device that is heard is shown as unencrypted, and one that is silent with what is known of it", () => {
  assert.match(
    rowOf(device),
    / established +unencrypted +\S+\(router\) +mtu=1352 path=main in=12p\/1\.80kB out=3p\/252B$/,
  );
  const silent: ConnectionStatus = { ...device, state: "connecting", path: null, traffic: null };
  assert.match(rowOf(silent), /^-> +192\.0\.2\.40:4754 +connecting +- +\S+\(router\)$/);
  assert.match(
    rowOf({ ...silent, reason: "nothing heard for 90 s" }),
    / - +\S+\(router\) +nothing heard for 90 s$/,
  );
});

test("of a peer the session is shown, and beside it what the members know together", () => {
  const peer: PeerStatus = {
    peer: other,
    name: "web",
    self: false,
    state: "down",
    liveness: null,
    endpoints: [],
    ranges: [],
    addresses: [],
    rttMillis: null,
    way: null,
  };
  const rowWith = (change: Partial<PeerStatus>) =>
    peerTable({ colours: true }, { peers: [{ ...peer, ...change }] }).split("\n")[1]!;
  const [red, green, yellow] = ["\u001b[31m", "\u001b[32m", "\u001b[33m"];
  assert.ok(rowWith({}).includes(`${red}down `));
  assert.ok(rowWith({ liveness: "alive" }).includes(`${green}down, alive`));
  assert.ok(rowWith({ liveness: "dead" }).includes(`${red}down, dead`));
  assert.ok(rowWith({ state: "up", liveness: "suspect" }).includes(`${yellow}up, suspect`));
});

test("what is not encrypted stands out, what is does not", () => {
  assert.ok(rowOf(device, true).includes("\u001b[33munencrypted\u001b[39m"));
  assert.ok(!rowOf({ ...device, encrypted: true, rttMillis: 1 }, true).includes("\u001b[33m"));
});

test("of a member that is sent to in plain the round trip is shown all the same", () => {
  assert.match(rowOf({ ...device, rttMillis: 0.5 }), / unencrypted +\S+ +rtt=0\.50ms mtu=1352 path=main in=/);
});

test("who is behind a relay is shown with its name and without an address, and what was passed on is counted", () => {
  const encrypted: ConnectionStatus = { ...device, encrypted: true, aead: "aes-256-gcm", rttMillis: 2 };
  assert.match(
    rowOf({ ...encrypted, relay: "hub", via: ["hub"] }),
    /^-> +- +established +aes-256-gcm +\S+ +rtt=2\.00ms mtu=1352 path=relay hub loss=- in=\S+ out=\S+$/,
  );
  assert.match(rowOf({ ...encrypted, relayed: { packets: 7, bytes: 1_500 } }), / relayed=7p\/1\.50kB$/);
});

test("a session whose way was not measured yet says so", () => {
  assert.match(rowOf({ ...device, encrypted: true }), / encrypted +\S+ +rtt=- mtu=1352 path=main loss=- in=/);
});

test("every reason for which packets were dropped is in the status, and alerts come last with their time", () => {
  const node = new FixtureNode();
  node.answers = {
    drops: { replayed: 2, denied: 40, underlay: 1 },
    alerts: [{ name: "clone", detail: "seen twice", since: "2026-11-23T01:02:03.000Z" }],
  };
  const text = statusBlocks(fakeIo(), node.status());
  assert.match(text, /^ +Drops: 2 replayed, 40 denied, 1 underlay$/m);
  assert.match(text, /\nALERT +SINCE +DETAIL\nclone +2026-11-23T01:02:03\.000Z +seen twice\n$/);
});

test("status says what carries packets, why it is not a worker, and how a worker does", () => {
  const node = new FixtureNode();
  const shown = () => statusBlocks(fakeIo(), node.status());
  assert.match(shown(), /^ +Data path: main: this node has no interfaces$/m);
  assert.ok(!shown().includes("Worker:"));
  const counters = {
    turns: 9,
    sleeps: 4,
    left: 3,
    leftLost: 1,
    backlog: 0.25,
    sendsRefused: 2,
    writesRefused: 0,
  };
  const datapath = {
    ...node.status().datapath,
    ...{ path: "worker", reason: null, ffi: "koffi", workers: 1, isRealtime: true, restarts: 1 } as const,
    ciphers: [{ aead: "aes-256-gcm", implementation: "libcrypto" }] as const,
    counters: counters as NodeStatus["datapath"]["counters"],
  };
  node.answers = { datapath };
  assert.match(shown(), /^ +Data path: worker \(C calls: koffi; aes-256-gcm by libcrypto\)$/m);
  assert.match(
    shown(),
    /^ +Worker: real-time priority; restarted once; 9 turns, 4 sleeps; 3 left to the main thread, 1 lost there, queue 25\.0% full; 2 sends and 0 writes refused$/m,
  );
  node.answers = {
    datapath: {
      ...datapath,
      path: "main",
      reason: "the policy judges every packet",
      workers: 2,
      isRealtime: false,
    },
  };
  assert.match(shown(), /^ +Data path: main: the policy judges every packet \(C calls: koffi/m);
  assert.match(shown(), /^ +2 workers: restarted once;/m);
});

test("of a peer it is told over whom it is reached, or why it is not", () => {
  const { peer, name } = device;
  const way = { way: "relayed", via: [{ peer: null, name: "b" }, { peer: null, name: null }] } as const;
  const base: PeerStatus = {
    ...{ peer: peer!, name: name!, self: false, state: "up", liveness: null, rttMillis: 1.5 },
    ...{ endpoints: [], ranges: [], addresses: [] },
    way: { ...way, hops: 3, rttMillis: 1.5, reason: "no link to it" },
  };
  const rowWith = (change: Partial<PeerStatus>) =>
    peerTable({ colours: false }, { peers: [{ ...base, ...change }] }).split("\n")[1]!;
  assert.match(rowWith({}), / up +1\.50ms +over b,unknown +- +-$/);
  const lost = { way: "unreachable", via: [], hops: 0, rttMillis: null, reason: "no path to it" } as const;
  assert.match(rowWith({ way: lost }), / unreachable: no path to it +- +-$/);
  assert.match(rowWith({ way: { ...lost, way: "direct" } }), / direct +- +-$/);
});

test("of a session behind several relays all are named, nearest first", () => {
  const session: ConnectionStatus = { ...device, encrypted: true, relay: "d", via: ["b", "c", "d"] };
  assert.match(rowOf(session), / path=relay b,c,d /);
});

test("status says to how many neighbours whole frames go where neighbours make the tree, and nothing elsewhere", () => {
  const node = new FixtureNode().status();
  const io = { ...fakeIo(), colours: false };
  assert.doesNotMatch(statusBlocks(io, node), /Broadcasts/);
  const large = { ...node, broadcasts: { way: "gossip", neighbours: 12, eager: 3 } } as const;
  assert.match(statusBlocks(io, large), / Broadcasts: gossip, whole frames to 3 of 12 neighbours\n/);
});
