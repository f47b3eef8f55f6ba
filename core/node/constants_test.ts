/** Limits of a node that no other test reaches, in plain figures: a change of one of them must be meant. */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import type { PeerId } from "../contracts/values.ts";
import { Secret } from "../identity/secret.ts";
import { formatToken } from "../identity/token.ts";
import { enterNetwork, type EntryParts } from "./entry.ts";
import { openNetwork } from "./network.ts";
import { foundedState, newState } from "./node_fixture.ts";
import { overlayMtu } from "./overlay_mtu.ts";
import { repairInterval, repairMessages, Repairs } from "./repairs.ts";

const ann = "ann" as PeerId;

test("overlay packets are what an underlay of 1,500 bytes leaves of the worst overhead, but 1,280 bytes at least", () => {
  const part = (four: number, six: number) => ({ encapsulation: { overhead: { 4: four, 6: six } } });
  assert.equal(overlayMtu({ ...part(108, 128), beside: [] }), 1_372);
  assert.equal(overlayMtu({ ...part(108, 128), beside: [part(130, 52)] }), 1_370);
  assert.equal(overlayMtu({ ...part(64, 220), beside: [] }), 1_280);
  assert.equal(overlayMtu({ ...part(64, 221), beside: [] }), 1_280);
  const jumbo = { encapsulation: { ...part(108, 128).encapsulation, underlayMtu: 9_000 } };
  assert.equal(overlayMtu({ ...jumbo, beside: [] }), 8_872);
  assert.equal(overlayMtu({ ...jumbo, beside: [part(32, 52)] }), 1_448);
});

test("a peer is told 64 messages a second, and 64 kinds are owed to it at most", () => {
  assert.deepEqual([repairInterval, repairMessages], [1_000, 64]);
  const asked: string[] = [];
  const repairs = new Repairs((kind) => {
    asked.push(kind);
    return [];
  });
  repairs.owe(ann, Array.from({ length: 100 }, (_, i) => `kind-${i}`), 0);
  repairs.go(ann, 0, () => true);
  assert.deepEqual([asked.length, asked.at(-1), repairs.deadline], [64, "kind-63", 1_000]);
});

test("a founding record that is none is STATE_CORRUPT", () => {
  const open = () =>
    openNetwork(Uint8Array.of(1, 2, 3), [], { passwordKey: undefined, unknown: new Map() } as never);
  assert.throws(open, { code: "STATE_CORRUPT", message: /founding record/ });
});

test("an answer to a join that is no welcome is NETWORK_MISMATCH, and nothing is entered", async () => {
  const clock = new SimClock();
  const { state, store, platform } = newState(clock, "joiner");
  const network = (await foundedState(clock, "elsewhere")).state.network()!;
  const token = formatToken({
    networkId: network.id,
    id: new Uint8Array(16).fill(5),
    expires: 4_000_000_000,
    seeds: [{ host: "192.0.2.1", port: 6783 }],
    key: new Secret(new Uint8Array(32).fill(6)),
  });
  const parts = {
    context: { state, store, platform, signal: new AbortController().signal },
    mesh: { joining: { run: () => Promise.resolve(Uint8Array.of(0)) } },
    datagrams: { localEndpoints: () => [] },
  } as unknown as EntryParts;
  await assert.rejects(enterNetwork(parts, { join: { token } }), { code: "NETWORK_MISMATCH" });
  assert.equal(state.isMember(), false);
});
