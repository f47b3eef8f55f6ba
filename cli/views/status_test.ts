import assert from "node:assert/strict";
import { FixtureNode, other } from "../../core/admin/mesh_node_fixture.ts";
import type { ConnectionStatus } from "../../core/contracts/node.ts";
import { test } from "../../tests/harness.ts";
import { fakeIo } from "../io_fixture.ts";
import { connectionTable, statusBlocks } from "./status.ts";

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
  reason: null,
  code: null,
};

function rowOf(connection: ConnectionStatus, colours = false): string {
  return connectionTable({ colours }, { connections: [connection] }).split("\n")[1]!;
}

test("a device that is heard is shown as unencrypted, and one that is silent with what is known of it", () => {
  assert.match(rowOf(device), /^-> +192\.0\.2\.40:4754 +established +unencrypted +\S+\(router\) +mtu=1352$/);
  const silent: ConnectionStatus = { ...device, state: "connecting" };
  assert.match(rowOf(silent), /^-> +192\.0\.2\.40:4754 +connecting +- +\S+\(router\)$/);
  assert.match(
    rowOf({ ...silent, reason: "nothing heard for 90 s" }),
    / - +\S+\(router\) +nothing heard for 90 s$/,
  );
});

test("what is not encrypted stands out, what is does not", () => {
  assert.ok(rowOf(device, true).includes("\u001b[33munencrypted\u001b[39m"));
  assert.ok(!rowOf({ ...device, encrypted: true, rttMillis: 1 }, true).includes("\u001b[33m"));
});

test("a session whose way was not measured yet says so", () => {
  assert.match(rowOf({ ...device, encrypted: true }), /encrypted +\S+ +rtt=- mtu=1352$/);
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
