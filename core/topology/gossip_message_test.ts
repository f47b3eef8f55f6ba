import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { tagAt } from "../../tests/topology/mesh_fixture.ts";
import { encodeHex } from "../wire/hex.ts";
import { decodeGossip, encodeGossip, type GossipMessage, maxFrameIds } from "./gossip_message.ts";

test("a message is a version, a kind, and fourteen bytes for each frame", () => {
  const ids = [{ origin: tagAt(0xab), number: 258 }, { origin: tagAt(1), number: 2 ** 48 - 1 }];
  const bytes = encodeGossip({ kind: "want", ids });
  assert.equal(encodeHex(bytes), "010200000000000000ab0000000001020000000000000001ffffffffffff");
  assert.deepEqual(decodeGossip(bytes), { kind: "want", ids });
});

test("all kinds come back as they were, the longest too", () => {
  const ids = Array.from({ length: maxFrameIds }, (_, i) => ({ origin: tagAt(i), number: i * 2 ** 40 }));
  const messages: readonly GossipMessage[] = [
    { kind: "have", ids },
    { kind: "want", ids: ids.slice(0, 1) },
    { kind: "less", ids: [] },
  ];
  for (const message of messages) assert.deepEqual(decodeGossip(encodeGossip(message)), message);
  assert.ok(encodeGossip(messages[0]!).length <= 1_000);
});

test("another version or kind, a part of an id and too many ids are no message", () => {
  const ids = Array.from({ length: maxFrameIds + 1 }, () => ({ origin: tagAt(1), number: 1 }));
  const good = encodeGossip({ kind: "have", ids: ids.slice(1, 3) });
  assert.equal(decodeGossip(encodeGossip({ kind: "have", ids })), undefined);
  for (const cut of [0, 1, good.length - 1, 3]) assert.equal(decodeGossip(good.subarray(0, cut)), undefined);
  for (const [at, value] of [[0, 0], [0, 2], [1, 0], [1, 4]] as const) {
    assert.equal(decodeGossip(good.with(at, value)), undefined);
  }
});
