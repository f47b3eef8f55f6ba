import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import type { PeerIdentity } from "../contracts/membership.ts";
import type { PeerId } from "../contracts/values.ts";
import { formatEndpoint, parseEndpoint } from "../wire/endpoint.ts";
import { ConnectionTable } from "./connection_table.ts";

const ann = "ann" as PeerId;
const place = (n: number) => parseEndpoint(`192.0.2.${n}:6783`)!;

function rows(table: ConnectionTable): readonly string[] {
  return [...table.attempts()].map(({ endpoint, state, code, peer }) =>
    [formatEndpoint(endpoint), state, peer, code].join(" ").trim()
  );
}

function up(table: ConnectionTable, n = 1): void {
  const endpoint = place(n);
  table.sessionUp({
    type: "session-up",
    session: { peer: ann, endpoint, initiator: true, aead: "chacha20-poly1305", since: 0 },
    peer: { id: ann, name: "ann" } as unknown as PeerIdentity,
    credentials: new Uint8Array(),
  });
}

const failed = (n: number) => ({
  type: "attempt-failed" as const,
  target: { endpoint: place(n) },
  code: "TIMEOUT" as const,
  reason: "no answer",
});

test("what can lead to nobody has failed, and is tried no more", () => {
  const table = new ConnectionTable();
  table.attempt(place(1), "target", undefined);
  table.attemptFailed({ ...failed(1), code: "INVALID_ARGUMENT" });
  assert.deepEqual(rows(table), ["192.0.2.1:6783 failed  INVALID_ARGUMENT"]);
});

test("an endpoint is one row from the first attempt through failure, session and loss", () => {
  const table = new ConnectionTable();
  assert.equal(table.attempt(place(1), "target", undefined), true);
  assert.equal(table.attempt(place(1), "introduction", ann), false, "it is being tried already");
  assert.deepEqual(rows(table), ["192.0.2.1:6783 connecting"]);
  table.attemptFailed(failed(1));
  table.attemptFailed(failed(9));
  assert.deepEqual(rows(table), ["192.0.2.1:6783 retrying  TIMEOUT"]);
  up(table);
  assert.deepEqual(rows(table), ["192.0.2.1:6783 established ann"]);
  table.attemptFailed(failed(1));
  assert.deepEqual(rows(table), ["192.0.2.1:6783 established ann"], "a late report of an attempt that lost");
  assert.equal(table.sessionDown({ type: "session-down", peer: ann, reason: "gone" })?.identity.name, "ann");
  assert.deepEqual(rows(table), ["192.0.2.1:6783 retrying ann UNREACHABLE"]);
  assert.equal(table.sessionDown({ type: "session-down", peer: ann, reason: "gone" }), undefined);
});

test("a session has its latest endpoint, round trip and path MTU, which may become unknown again", () => {
  const table = new ConnectionTable();
  up(table);
  table.roamed({ type: "roamed", peer: ann, endpoint: place(2) });
  table.roundTrip({ type: "round-trip", peer: ann, rtt: 3 });
  table.pathMtu({ type: "path-mtu", peer: ann, mtu: 1_400 });
  const { endpoint, rtt, pathMtu } = table.connection(ann)!;
  assert.deepEqual([formatEndpoint(endpoint), rtt, pathMtu], ["192.0.2.2:6783", 3, 1_400]);
  table.pathMtu({ type: "path-mtu", peer: ann, mtu: undefined });
  assert.equal(table.connection(ann)!.pathMtu, undefined);
  assert.equal(table.connection(ann)!.isPlain, false);
  table.plain({ type: "plain", peer: ann, isPlain: true });
  assert.equal(table.connection(ann)!.isPlain, true);
  up(table);
  assert.equal(table.connection(ann)!.isPlain, false, "a session begins sealed");
  const stranger = "bob" as PeerId;
  table.roamed({ type: "roamed", peer: stranger, endpoint: place(2) });
  table.roundTrip({ type: "round-trip", peer: stranger, rtt: 3 });
  table.plain({ type: "plain", peer: stranger, isPlain: true });
  table.pathMtu({ type: "path-mtu", peer: stranger, mtu: 1_400 });
  assert.deepEqual(table.peers(), [ann]);
});

test("a peer that says it is elsewhere does not fill the table, and what others named of it stays", () => {
  const table = new ConnectionTable();
  table.attempt(place(1), "target", ann);
  for (let n = 2; n < 200; n++) {
    table.keepPlaces(ann, [place(n)], "introduction");
    table.attempt(place(n), "introduction", ann);
  }
  assert.deepEqual(rows(table), ["192.0.2.1:6783 connecting ann", "192.0.2.199:6783 connecting ann"]);
});

test("of a peer that is no member any more nothing is shown", () => {
  const table = new ConnectionTable();
  table.attempt(place(1), "target", ann);
  table.attempt(place(2), "target", undefined);
  table.targetFound({ type: "target-found", endpoint: place(2), peer: ann });
  table.attempt(place(3), "target", undefined);
  table.forgetPeer(ann);
  assert.deepEqual(rows(table), ["192.0.2.3:6783 connecting"]);
});

test("an endpoint that is forgotten is no row any more, and a session that came of it stays", () => {
  const table = new ConnectionTable();
  table.attempt(place(1), "target", undefined);
  table.attempt(place(2), "target", undefined);
  up(table);
  table.forget(place(1));
  table.forget(place(9));
  assert.deepEqual(rows(table), ["192.0.2.2:6783 connecting"]);
  assert.deepEqual(table.peers(), [ann]);
});

test("a device is heard or not, and is no peer", () => {
  const table = new ConnectionTable();
  const states = () => [...table.devices()].map(({ name, isHeard, reason }) => [name, isHeard, reason]);
  const session = { peer: ann, endpoint: place(1), initiator: true, since: 0 };
  table.deviceUp({ type: "device-up", session, name: "nobody's" });
  assert.deepEqual(states(), []);
  table.device({ id: ann, name: "router", endpoint: place(1), prefixes: [] });
  assert.deepEqual(states(), [["router", false, undefined]]);
  table.deviceUp({ type: "device-up", session, name: "router" });
  assert.deepEqual(states(), [["router", true, undefined]]);
  table.deviceDown({ type: "session-down", peer: ann, reason: "silent" });
  table.deviceDown({ type: "session-down", peer: "bob" as PeerId, reason: "silent" });
  assert.deepEqual(states(), [["router", false, "silent"]]);
  table.deviceUp({ type: "device-up", session, name: "router" });
  assert.deepEqual(states(), [["router", true, undefined]]);
  assert.deepEqual([table.peers(), [...table.connections()], rows(table)], [[], [], []]);
});

test("packets are counted by peer from session to session, and those of nobody here not at all", () => {
  const table = new ConnectionTable();
  table.received(ann, 100);
  up(table);
  table.received(ann, 100);
  table.received(ann, 20);
  table.sent(ann, 7);
  assert.deepEqual(table.connection(ann)!.traffic, {
    packetsIn: 2,
    packetsOut: 1,
    bytesIn: 120,
    bytesOut: 7,
  });
  up(table);
  assert.deepEqual(table.connection(ann)!.traffic, { packetsIn: 0, packetsOut: 0, bytesIn: 0, bytesOut: 0 });
});
